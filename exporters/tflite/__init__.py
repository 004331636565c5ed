"""TensorFlow Lite: one flatbuffer, for LiteRT."""

SOURCES = ("keras", "jax", "pytorch")
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
