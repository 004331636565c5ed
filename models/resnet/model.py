"""ResNet-18 and ResNet-50, as the registry knows them."""

from __future__ import annotations

from models.model import Model
from models.resnet.architecture import CLASSES
from models.resnet.data import calibration, evaluation, requests
from models.tensor import TensorSpec


def _model(name: str, summary: str) -> Model:
    return Model(
        name=name,
        summary=f"{summary} of ImageNet's shape",
        inputs=(TensorSpec("image", "float32", ("batch", 3, 224, 224)),),
        outputs=(TensorSpec("scores", "float32", ("batch", CLASSES)),),
        evaluation=evaluation,
        requests=requests,
        frameworks=("pytorch", "keras", "jax"),
        package="models.resnet",
        calibration=calibration,
    )


MODELS = (
    _model("resnet18", "residual network of 11.7 million parameters in basic blocks"),
    _model("resnet50", "residual network of 25.6 million parameters in bottlenecks"),
)
