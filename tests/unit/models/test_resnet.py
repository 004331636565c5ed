from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from models import MODELS
from models.resnet.architecture import ARCHITECTURES
from models.resnet.names import HUB, canonical
from models.resnet.weights import shapes
from models.weights.checkpoint import read_checkpoint


def _transformers(name: str) -> str:
    """A name of ours as ``transformers.ResNetForImageClassification`` has it."""
    path, _, part = name.rpartition(".")
    kind = "convolution" if path.endswith(("downsample.0", "conv1", "conv2", "conv3")) else "normalization"
    if path == "fc":
        return f"classifier.1.{part}"
    if "." not in path:
        return f"resnet.embedder.embedder.{kind}.{part}"
    stage, block, layer = path.split(".")[:3]
    at = "shortcut" if layer == "downsample" else f"layer.{int(layer[-1]) - 1}"
    return f"resnet.encoder.stages.{int(stage[-1]) - 1}.layers.{block}.{at}.{kind}.{part}"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_of_other_libraries_lead_to_all_tensors(name: str) -> None:
    wanted = shapes(MODELS.get(name))
    assert [canonical(key) for key in wanted] == list(wanted)
    assert [canonical(_transformers(key)) for key in wanted] == list(wanted)
    assert [canonical(f"module.{key}") for key in wanted] == list(wanted)


def test_transformers_names_are_its_own() -> None:
    name = "resnet.encoder.stages.3.layers.2.layer.0.normalization.running_mean"
    assert _transformers("layer4.2.bn1.running_mean") == name
    assert canonical("resnet.encoder.stages.0.layers.0.shortcut.convolution.weight") == "layer1.0.downsample.0.weight"


@pytest.mark.parametrize(
    "name", ["bn1.num_batches_tracked", "resnet.embedder.embedder.normalization.num_batches_tracked"]
)
def test_counters_of_training_steps_are_ignored(name: str) -> None:
    assert canonical(name) is None


@pytest.mark.parametrize(
    "name", ["layer1.0.se.fc1.weight", "head.weight", "resnet.encoder.stages.0.layers.0.layer.0.weight"]
)
def test_a_tensor_of_another_network_keeps_its_name_for_the_error(name: str) -> None:
    assert canonical(name) == name
    assert name not in shapes(MODELS.get("resnet18"))


def test_a_file_with_transformers_names_is_read(tmp_path: Path) -> None:
    model = MODELS.get("resnet18")
    tensors = model.weights().tensors
    path = tmp_path / "model.safetensors"
    foreign = {_transformers(key): array for key, array in tensors.items()}
    foreign["resnet.embedder.embedder.normalization.num_batches_tracked"] = np.array(9)
    safetensors.numpy.save_file(foreign, path)
    found = read_checkpoint(path, model=model.name, shapes=shapes(model), canonical=canonical)
    assert found.keys() == tensors.keys()
    assert all(np.array_equal(found[key], tensors[key]) for key in tensors)


def test_the_hub_has_every_model() -> None:
    assert HUB.keys() == ARCHITECTURES.keys()


def test_a_bottleneck_strides_in_its_middle() -> None:
    block = next(block for block in ARCHITECTURES["resnet50"].blocks() if block.name == "layer2.0")
    assert [(plan.kernel, plan.stride) for plan in block.convolutions] == [(1, 1), (3, 2), (1, 1)]
    assert block.projection is not None
    assert (block.projection.inputs, block.projection.outputs, block.projection.stride) == (256, 512, 2)
