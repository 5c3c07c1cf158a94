"""Learning what is normal for a stream while the service runs."""
