"""Where and when it was measured, and the suite as it was run."""
