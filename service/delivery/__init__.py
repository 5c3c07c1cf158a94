"""Score messages and pictures on their way to clients."""
