"""The convolutional models: one set of tensors, three frameworks."""

import hashlib
from importlib import import_module

import numpy as np
import pytest

from models import FRAMEWORKS, MODELS, Model, check_tensors
from models.frameworks.layers import Shapes

# Model, items to compare the frameworks on, parameters as published, SHA-256 of the random weights.
NETWORKS = {
    "digits": (8, 151_498, None),
    "resnet18": (2, 11_689_512, "3aa95390855eb57166ef47032766c9cc331502f734d5f7c0a1f3ffbef323b2fe"),
    "resnet50": (1, 25_557_032, "00c77665c2df3a087247f20b7d0dd55dd86413934e8332b8af6f73adda4a68fa"),
    "wrn-28-10": (1, 36_479_194, "5616349f624907929ab22ea43b2a8f3627683d83a1ef4ba25076ebe2d2014684"),
}
RANDOM = [name for name, (_, _, digest) in NETWORKS.items() if digest]

every_network = pytest.mark.parametrize("name", NETWORKS)
every_random_network = pytest.mark.parametrize("name", RANDOM)


def _shapes(model: Model) -> Shapes:
    shapes: Shapes = import_module(f"{model.package}.weights").shapes(model)
    return shapes


@every_network
def test_all_frameworks_compute_the_same(name: str) -> None:
    model = MODELS.get(name)
    weights = model.weights()
    assert model.frameworks == FRAMEWORKS[:3]
    inputs = {"image": model.requests()["image"][: NETWORKS[name][0]]}
    scores = []
    for framework in model.frameworks:
        outputs = model.build(framework, weights).predict(inputs)
        check_tensors(model.outputs, outputs)
        scores.append(outputs["scores"])
    for other in scores[1:]:
        assert np.abs(other - scores[0]).max() < 1e-4


@every_network
def test_it_has_as_many_parameters_as_published(name: str) -> None:
    shapes = _shapes(MODELS.get(name))
    statistics = ("running_mean", "running_var")
    assert (
        sum(int(np.prod(shape)) for key, shape in shapes.items() if not key.endswith(statistics)) == NETWORKS[name][1]
    )


@every_network
def test_weights_and_network_have_the_tensors_that_are_listed(name: str) -> None:
    model = MODELS.get(name)
    weights, shapes = model.weights(), _shapes(model)
    counters = "num_batches_tracked"
    assert {key: array.shape for key, array in weights.tensors.items() if not key.endswith(counters)} == shapes
    assert all(array.dtype == np.float32 for key, array in weights.tensors.items() if not key.endswith(counters))
    state = model.build("pytorch", weights).module.state_dict()
    assert {key: tuple(tensor.shape) for key, tensor in state.items() if not key.endswith(counters)} == shapes


@every_random_network
def test_random_weights_are_the_same_bytes_everywhere(name: str) -> None:
    weights = MODELS.get(name).weights()
    assert weights.origin == "random, seed 0"
    digest = hashlib.sha256()
    for key in sorted(weights.tensors):
        digest.update(weights.tensors[key].tobytes())
    assert digest.hexdigest() == NETWORKS[name][2], "other weights: results are no longer comparable"


@every_random_network
def test_random_weights_tell_images_apart(name: str) -> None:
    model = MODELS.get(name)
    images = model.evaluation().inputs["image"][:32]
    scores = model.source("pytorch").predict({"image": images})["scores"]
    assert 1 < np.abs(scores).max() < 30
    assert len(set(scores.argmax(axis=-1).tolist())) >= 5


@every_random_network
def test_normalized_activations_keep_their_scale(name: str) -> None:
    """What goes into a normalization has about the variance that its weights say, at any depth."""
    model = MODELS.get(name)
    source = model.source("pytorch")
    ratios = []
    for layer in (layer for layer in source.module.modules() if hasattr(layer, "running_var")):
        layer.register_forward_pre_hook(
            lambda layer, inputs: ratios.append(float(inputs[0].var() / layer.running_var.mean()))
        )
    source.predict({"image": model.requests()["image"][:8]})
    assert len(ratios) >= 20
    assert min(ratios) > 0.4
    assert max(ratios) < 2.5


@every_random_network
def test_no_image_is_in_two_sets(name: str) -> None:
    model = MODELS.get(name)
    assert model.calibration is not None
    evaluation = model.evaluation()
    assert evaluation.labels is None
    images = np.concatenate(
        [tensors["image"] for tensors in (evaluation.inputs, model.calibration(), model.requests())]
    )
    check_tensors(model.inputs, {"image": images})
    assert len({image.tobytes() for image in images}) == len(images)


def test_a_network_is_exported_with_a_batch_of_any_size() -> None:
    import torch

    model = MODELS.get("wrn-28-10")
    source = model.source("pytorch")
    images = model.requests()["image"]
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(source.module, (torch.tensor(images[:2]),), dynamic_shapes=batch)
    with torch.inference_mode():
        found = program.module()(torch.tensor(images[:3])).numpy()
    assert np.abs(found - source.predict({"image": images[:3]})["scores"]).max() < 1e-5
