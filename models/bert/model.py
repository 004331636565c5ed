"""The BERT models, as the registry knows them."""

from __future__ import annotations

from functools import partial

from models.bert.architecture import ARCHITECTURES, CLASSES
from models.bert.data import calibration, evaluation, requests
from models.model import Model
from models.tensor import TensorSpec


def _model(name: str, parameters: str) -> Model:
    architecture = ARCHITECTURES[name]
    return Model(
        name=name,
        summary=(
            f"BERT encoder with a classifier: {architecture.layers} layers of {architecture.hidden}, "
            f"{architecture.sequence} tokens, {parameters} parameters"
        ),
        # int32 because TensorFlow Lite and JAX have it for indices everywhere, and all the others take it.
        inputs=tuple(
            TensorSpec(tensor, "int32", ("batch", architecture.sequence)) for tensor in ("input_ids", "attention_mask")
        ),
        outputs=(TensorSpec("scores", "float32", ("batch", CLASSES)),),
        evaluation=partial(evaluation, name),
        requests=partial(requests, name),
        frameworks=("pytorch", "keras", "jax"),
        package="models.bert",
        calibration=partial(calibration, name),
    )


MODELS = (_model("bert-base", "109 million"), _model("bert-mini", "11 million"))
