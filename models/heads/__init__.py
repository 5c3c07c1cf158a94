"""Anomaly heads: one scoring method a file."""
