"""Anomaly heads: one method a folder."""
