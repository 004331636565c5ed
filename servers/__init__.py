"""Artifact -> endpoint: serving stacks, one folder each, and the runtimes below our own."""
