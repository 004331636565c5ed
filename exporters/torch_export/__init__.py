"""torch.export's program in a ``.pt2`` archive."""

SOURCES = ("pytorch",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
