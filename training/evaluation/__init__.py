"""Measuring the service on data sets, through its own pipeline."""
