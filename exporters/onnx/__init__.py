"""ONNX: one ``.onnx`` file with the weights inside."""

SOURCES = ("pytorch", "keras", "jax", "sklearn", "lightgbm", "xgboost", "onnx")
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
