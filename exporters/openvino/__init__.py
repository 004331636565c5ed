"""OpenVINO's intermediate representation: a folder with ``model.xml``, the graph, and ``model.bin``, the weights."""

SOURCES = ("pytorch", "keras", "onnx")
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
