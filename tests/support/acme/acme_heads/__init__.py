"""Heads of another distribution: they import `models`, which is what heads are written against, and nothing else."""
