"""From trained graphs to packs that the service runs."""
