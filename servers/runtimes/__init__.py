"""The runtimes behind our own servers, one folder each."""
