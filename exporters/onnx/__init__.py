"""ONNX: one ``.onnx`` file with the weights inside."""

SOURCES = ("pytorch",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
