"""The experiment: suites, runs, results, statistics and the report, behind one command line."""
