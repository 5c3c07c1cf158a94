"""Adapters from published dataset layouts to one form."""
