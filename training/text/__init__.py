"""Words: phrases, a corpus, the teacher, and the text tower that is distilled from it."""
