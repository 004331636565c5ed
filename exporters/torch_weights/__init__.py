"""Weights alone, as safetensors: the model's own PyTorch code computes with them."""

SOURCES = ("pytorch",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
