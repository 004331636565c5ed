"""Digits in every format and precision that there is: what all artifacts keep."""

import hashlib

import numpy as np
import pytest

from exporters import TOLERANCES, Artifact, ArtifactStore, Compute, exporters_of
from exporters.artifact import sha256_of, size_of
from models import MODELS, Tensors, check_tensors
from servers.runtimes import runtime_for
from tailbed.experiment.exporting import export_artifact
from tests.conftest import Exported

DIGITS = MODELS.get("digits")
CASES = [f"{name}/{precision}" for name, exporter in exporters_of(DIGITS).items() for precision in exporter.precisions]


@pytest.fixture(scope="module", params=CASES)
def artifact(request: pytest.FixtureRequest, digits: Exported) -> Artifact:
    return digits[request.param]


def _run(artifact: Artifact, inputs: Tensors) -> Tensors:
    return runtime_for(artifact.manifest.format).load(artifact.model_file, Compute()).run(inputs)


def test_it_computes_what_its_source_computes(artifact: Artifact) -> None:
    manifest = artifact.manifest
    assert manifest.parity is not None
    assert manifest.parity.items == 450
    assert manifest.parity.max_abs_diff <= TOLERANCES[manifest.precision] * manifest.parity.scale
    assert manifest.parity.label_agreement >= 0.98


def test_it_reads_at_least_98_of_100_digits(artifact: Artifact) -> None:
    accuracy = artifact.manifest.accuracy
    assert accuracy is not None
    assert accuracy >= 0.98


def test_its_manifest_tells_all(artifact: Artifact) -> None:
    manifest = artifact.manifest
    exporter, runtime = exporters_of(DIGITS)[manifest.export], runtime_for(manifest.format)
    assert artifact.folder == ArtifactStore().root / "digits" / manifest.export / manifest.precision
    assert (manifest.inputs, manifest.outputs) == (DIGITS.inputs, DIGITS.outputs)
    assert (manifest.format, manifest.framework) == (exporter.format, exporter.framework)
    assert (manifest.runtime, manifest.batch_sizes) == (runtime.name, exporter.batch_sizes)
    assert manifest.versions.keys() >= {*exporter.packages, *runtime.packages}
    assert (manifest.sha256, manifest.size_bytes) == (sha256_of(artifact.path), size_of(artifact.path))
    assert manifest.export_seconds is not None
    assert manifest.export_seconds > 0
    assert sorted(path.name for path in artifact.folder.iterdir()) == sorted(
        ["answers.npz", "evaluation.npz", "manifest.json", exporter.filename]
    )
    assert ArtifactStore().find(artifact.ref) == artifact


def test_all_have_the_same_weights(artifact: Artifact, digits: Exported) -> None:
    first = digits["torchscript"].manifest
    assert artifact.manifest.weights_sha256 == first.weights_sha256
    assert artifact.manifest.weights_origin == "trained"


def test_its_answers_are_right_in_every_batch(artifact: Artifact) -> None:
    answers = artifact.answers()
    assert answers.inputs.keys() == {"image"}
    assert np.array_equal(answers.inputs["image"], DIGITS.requests()["image"])
    loaded = runtime_for(artifact.manifest.format).load(artifact.model_file, Compute())
    for size in (1, 3, 8):
        images = answers.inputs["image"][:size]
        images.flags.writeable = False  # as a request's bytes are
        outputs = loaded.run({"image": images})
        check_tensors(artifact.manifest.outputs, outputs)
        np.testing.assert_allclose(
            outputs["scores"],
            answers.outputs["scores"][:size],
            rtol=0,
            atol=artifact.manifest.answer_tolerance["scores"],
        )


def test_it_is_deterministic(artifact: Artifact) -> None:
    found = artifact.manifest.determinism
    assert found.repeat_max_abs_diff == 0
    assert found.batch_max_abs_diff <= artifact.manifest.answer_tolerance["scores"]


def test_it_behaves(artifact: Artifact) -> None:
    results = {result.name: result for result in artifact.manifest.behaviours}
    assert {result.kind for result in results.values()} == {"minimum functionality", "invariance", "directional"}
    # The network itself reads 86% of the images that are moved by a pixel as before: nothing in training is moved.
    least = {"minimum functionality": 0.9, "invariance": 0.8, "directional": 0.9}
    assert all(result.passed >= least[result.kind] * result.cases > 0 for result in results.values())


def test_it_is_not_made_again(artifact: Artifact) -> None:
    manifest = artifact.manifest
    again = export_artifact("digits", manifest.export, manifest.precision, ArtifactStore())
    assert again.manifest.created == manifest.created


def test_training_gives_the_same_weights_whatever_the_process_did_before() -> None:
    import safetensors.numpy
    import torch

    from models.digits.training import train

    expected = DIGITS.weights().sha256
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.rand(3)
    before = torch.get_rng_state()
    try:
        weights = safetensors.numpy.save(dict(train()))
        assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers are not disturbed"
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(threads)
    assert hashlib.sha256(weights).hexdigest() == expected


@pytest.mark.parametrize("name", MODELS.names())
def test_a_models_data_are_what_it_says(name: str) -> None:
    model = MODELS.get(name)
    assert model.name == name
    assert model.frameworks
    evaluation, pool = model.evaluation(), model.requests()
    check_tensors(model.inputs, evaluation.inputs)
    check_tensors(model.inputs, pool)
    assert len(_items(model.inputs[0].name, pool)) >= 8
    assert len(set(_items(model.inputs[0].name, pool))) == len(_items(model.inputs[0].name, pool)), (
        "answers to equal requests cannot be told apart"
    )
    if model.calibration is not None:
        calibration = model.calibration()
        check_tensors(model.inputs, calibration)
        name_of_first = model.inputs[0].name
        assert not set(_items(name_of_first, calibration)) & set(_items(name_of_first, evaluation.inputs))


def _items(name: str, tensors: Tensors) -> list[bytes]:
    return [item.tobytes() for item in tensors[name]]
