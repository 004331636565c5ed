"""Results on disk: one folder an experiment, a versioned summary, and where it was measured."""
