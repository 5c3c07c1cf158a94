"""Rules in words: what they are matched with, and what they do to the scores of objects."""
