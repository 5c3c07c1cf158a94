"""The `svad` head and its equations."""
