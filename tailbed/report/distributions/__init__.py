"""Response-time distributions on a percentile axis."""
