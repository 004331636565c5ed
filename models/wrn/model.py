"""WRN-28-10, as the registry knows it."""

from __future__ import annotations

from models.model import Model
from models.tensor import TensorSpec
from models.wrn.architecture import CLASSES
from models.wrn.data import calibration, evaluation, requests

WRN = Model(
    name="wrn-28-10",
    summary="wide residual network of 36.5 million parameters of CIFAR-10's shape",
    inputs=(TensorSpec("image", "float32", ("batch", 3, 32, 32)),),
    outputs=(TensorSpec("scores", "float32", ("batch", CLASSES)),),
    evaluation=evaluation,
    requests=requests,
    frameworks=("pytorch", "keras", "jax"),
    package="models.wrn",
    calibration=calibration,
)

MODELS = (WRN,)
