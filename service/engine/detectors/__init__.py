"""Interchangeable object detectors behind one interface."""
