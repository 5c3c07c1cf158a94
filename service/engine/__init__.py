"""Inference sessions and the detectors that use them."""
