"""Scored frames for people and programs: messages and pictures with boxes."""
