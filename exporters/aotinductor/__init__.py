"""AOTInductor: a ``.pt2`` package of native code."""

SOURCES = ("pytorch",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
