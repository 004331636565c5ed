"""Machine code that XLA has compiled for this processor: a folder with one file a batch size, and what they need."""

SOURCES = ("jax",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
