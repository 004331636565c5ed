"""Digits, as the registry knows it."""

from __future__ import annotations

from models.digits.behaviours import behaviours
from models.digits.data import calibration, evaluation, requests
from models.model import Model
from models.tensor import TensorSpec

DIGITS = Model(
    name="digits",
    summary="convolutional network of 151 thousand parameters on scikit-learn's handwritten digits",
    inputs=(TensorSpec("image", "float32", ("batch", 1, 8, 8)),),
    outputs=(TensorSpec("scores", "float32", ("batch", 10)),),
    evaluation=evaluation,
    requests=requests,
    frameworks=("pytorch", "keras", "jax"),
    package="models.digits",
    calibration=calibration,
    behaviours=behaviours,
)

MODELS = (DIGITS,)
