"""The `attributes` head, one attribute or table a file."""
