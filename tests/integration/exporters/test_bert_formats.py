"""A transformer in each family of formats: masks, GELU and integer inputs are what converters stumble over."""

import pytest

from exporters import ArtifactStore, exporters_of
from models import MODELS
from tailbed.experiment.exporting import export_artifact

FAMILIES = [
    "torchscript/fp32",
    "onnx/int8-dynamic",
    "onnx-keras/fp32",
    "savedmodel/fp32",
    "savedmodel-jax/fp32",
    "tflite/fp32",
    "tflite/int8-static",
    "tflite-jax/fp32",
    "jax-export/fp32",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_bert_is_the_same_in_every_family(name: str, home: object) -> None:
    format, _, precision = name.partition("/")
    manifest = export_artifact("bert-mini", format, precision, ArtifactStore()).manifest
    assert manifest.parity is not None
    if precision == "fp32":
        assert manifest.parity.max_abs_diff < 1e-4
        assert manifest.parity.label_agreement == 1
    else:
        assert manifest.parity.max_abs_diff < manifest.tolerance * manifest.parity.scale
        assert manifest.parity.label_agreement >= 0.9


def test_large_models_have_every_family_too() -> None:
    for name in ("resnet50", "bert-base"):
        assert {"torchscript", "savedmodel", "tflite", "jax-export", "onnx"} <= exporters_of(MODELS.get(name)).keys()
