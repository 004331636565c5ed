"""Running a suite: exports, placement, one fresh server process a run, and results after each."""
