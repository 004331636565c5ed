"""The names of tensors in a file that a user brings."""

from __future__ import annotations

from collections.abc import Mapping

HUB: Mapping[str, str] = {}
"""Repositories of the Hugging Face hub by model: none has these weights."""


def canonical(name: str) -> str | None:
    """The model's own name of a tensor, which is the only one there is, or None for one that is to be ignored."""
    return None if name.endswith(".num_batches_tracked") else name  # counts training steps; no output depends on it
