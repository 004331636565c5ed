"""TensorFlow's SavedModel: a folder with the graph, the variables and a signature."""

SOURCES = ("keras", "jax")
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
