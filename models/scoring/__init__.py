"""From raw distances to calibrated, fused and smoothed scores."""
