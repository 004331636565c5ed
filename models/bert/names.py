"""The names of tensors in a file that a user brings: those of Hugging Face's checkpoints, new and old."""

from __future__ import annotations

from collections.abc import Mapping

HUB: Mapping[str, str] = {"bert-base": "textattack/bert-base-uncased-SST-2"}
"""Repositories of the Hugging Face hub by model."""

_BACKBONE = ("embeddings.", "encoder.", "pooler.")
_OLD = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
"""Of checkpoints converted from TensorFlow."""


def canonical(name: str) -> str | None:
    """The model's own name of a tensor, or None for one that is to be ignored.

    Ignored are the heads of the pre-training, and the numbers of the positions, which old checkpoints hold.
    """
    if name.startswith("cls.") or name.endswith("embeddings.position_ids"):
        return None
    if name.startswith(_BACKBONE):
        name = f"bert.{name}"
    for old, new in _OLD.items():
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return name
