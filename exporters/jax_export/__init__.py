"""JAX's own exchange format: StableHLO with its calling convention, as ``jax.export`` serializes it."""

SOURCES = ("jax",)
"""The frameworks that it is written from, the usual one first; ``<framework>.py`` beside this has the exporter."""
