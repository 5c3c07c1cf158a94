"""Registered streams, from registration to deletion."""
