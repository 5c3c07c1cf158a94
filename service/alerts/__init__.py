"""From scores to incidents to delivered alerts."""
