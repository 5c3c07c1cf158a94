"""Commands that train, measure and draw the virtual world."""
