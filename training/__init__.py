"""Offline: datasets, evaluation and the virtual world. Imported by the command line only, lazily."""
