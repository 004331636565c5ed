"""Made-up images; there are no true labels."""

from __future__ import annotations

from models.images import synthetic_images
from models.model import EvaluationSet
from models.tensor import Tensors

_SIZE = 224


def evaluation() -> EvaluationSet:
    """64 images to compare an artifact with its source on."""
    return EvaluationSet({"image": synthetic_images(64, _SIZE, seed=0)}, None)


def calibration() -> Tensors:
    """32 other images."""
    return {"image": synthetic_images(32, _SIZE, seed=1)}


def requests() -> Tensors:
    """16 more, to send."""
    return {"image": synthetic_images(16, _SIZE, seed=2)}
