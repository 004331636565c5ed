"""Real exports: the reference models in every format, and what happens when an export goes wrong."""

import errno
import hashlib
import inspect
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters import EXPORTERS, TOLERANCES, Artifact, ArtifactError, ArtifactStore, Checker, ExportError, export
from exporters.artifact import sha256_of
from models import MODELS, EvaluationSet, Model, PublishError, Source, Tensors, TensorSpec, UnknownName, check_tensors
from servers.runtimes import runtime_for

PAIRS = [
    (model, format)
    for model in MODELS.names()
    for format in EXPORTERS.names()
    if EXPORTERS.get(format).framework in MODELS.get(model).frameworks
]
every_pair = pytest.mark.parametrize(("model", "format"), PAIRS)


def _export(model: str, format: str) -> Artifact:
    """From the session's own home, where each is made once."""
    return export(MODELS.get(model), format, store=ArtifactStore(), checker=runtime_for(format))


def _run(artifact: Artifact, inputs: Tensors) -> Tensors:
    manifest = artifact.manifest
    runtime = runtime_for(manifest.format)
    return runtime.load(artifact.path, inputs=manifest.inputs, outputs=manifest.outputs, threads=1).run(inputs)


# What every model and every format keep.


@pytest.mark.parametrize("name", MODELS.names())
def test_a_model_is_what_it_says(name: str) -> None:
    model = MODELS.get(name)
    assert model.name == name
    evaluation, pool = model.evaluation(), model.requests()
    check_tensors(model.inputs, evaluation.inputs)
    check_tensors(model.inputs, pool)
    items = len(pool[model.inputs[0].name])
    distinct = {b"".join(pool[spec.name][item].tobytes() for spec in model.inputs) for item in range(items)}
    assert len(distinct) == items, "answers to equal requests cannot be told apart"
    for framework in model.frameworks:
        source = model.source(framework)
        assert source.framework == framework
        check_tensors(model.outputs, source.predict({name: array[:3] for name, array in pool.items()}))


@pytest.mark.parametrize("format", EXPORTERS.names())
def test_a_format_can_be_served(format: str) -> None:
    exporter = EXPORTERS.get(format)
    assert exporter.format == format
    assert exporter.precisions
    assert format in runtime_for(format).formats


@every_pair
def test_an_artifact_computes_what_its_source_computes(model: str, format: str) -> None:
    artifact = _export(model, format)
    manifest, evaluation = artifact.manifest, MODELS.get(model).evaluation()
    source = MODELS.get(model).source(manifest.framework)
    expected, found = source.predict(evaluation.inputs), _run(artifact, evaluation.inputs)
    difference = max(float(np.abs(found[name] - expected[name]).max()) for name in expected)
    assert difference < TOLERANCES["fp32"]
    assert 0 < manifest.parity.max_abs_diff < TOLERANCES["fp32"]
    assert manifest.parity.items == len(next(iter(evaluation.inputs.values())))
    assert manifest.parity.label_agreement > 0.99


@every_pair
def test_the_manifest_tells_all(model: str, format: str) -> None:
    artifact = _export(model, format)
    manifest, exporter, runtime = artifact.manifest, EXPORTERS.get(format), runtime_for(format)
    source = MODELS.get(model).source(exporter.framework)
    assert artifact.ref == f"{model}/{format}/fp32"
    assert artifact.folder == ArtifactStore().root / model / format / "fp32"
    assert (manifest.inputs, manifest.outputs) == (MODELS.get(model).inputs, MODELS.get(model).outputs)
    assert (manifest.framework, manifest.runtime) == (exporter.framework, runtime.name)
    assert manifest.versions.keys() == {*source.versions, *exporter.packages, *runtime.packages}
    assert manifest.weights_sha256 == source.weights_sha256
    assert (manifest.sha256, manifest.size_bytes) == (sha256_of(artifact.path), artifact.path.stat().st_size)
    assert manifest.export_seconds > 0
    assert sorted(path.name for path in artifact.folder.iterdir()) == sorted(
        ["answers.npz", "manifest.json", exporter.filename]
    )
    assert ArtifactStore().find(f"{model}/{format}") == artifact


@every_pair
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_batch_axis_is_dynamic(model: str, format: str, batch: int) -> None:
    inputs = {name: array[:batch] for name, array in MODELS.get(model).requests().items()}
    artifact = _export(model, format)
    outputs = _run(artifact, inputs)
    check_tensors(artifact.manifest.outputs, outputs)
    for name, expected in artifact.answers().outputs.items():
        np.testing.assert_allclose(outputs[name], expected[:batch], atol=TOLERANCES["fp32"])


@every_pair
def test_the_answers_are_the_artifacts_own_one_by_one(model: str, format: str) -> None:
    artifact, pool = _export(model, format), MODELS.get(model).requests()
    answers = artifact.answers()
    assert answers.inputs.keys() == pool.keys()
    assert all(np.array_equal(answers.inputs[name], pool[name]) for name in pool)
    for item in (0, 1, len(next(iter(pool.values()))) - 1):
        one = _run(artifact, {name: array[item : item + 1] for name, array in pool.items()})
        for name, array in one.items():
            assert np.array_equal(answers.outputs[name][item : item + 1], array)


@every_pair
def test_an_unchanged_export_is_not_done_again(model: str, format: str) -> None:
    first = _export(model, format)
    inode = first.path.stat().st_ino
    assert _export(model, format) == first
    assert first.path.stat().st_ino == inode


@pytest.mark.parametrize("format", EXPORTERS.names())
def test_digits_reads_at_least_98_of_100_digits(format: str) -> None:
    accuracy = _export("digits", format).manifest.accuracy
    assert accuracy is not None
    assert accuracy >= 0.98


def test_training_gives_the_same_weights_whatever_the_process_did_before() -> None:
    import safetensors.numpy
    import torch

    from models.digits.training import train

    expected = MODELS.get("digits").source("pytorch").weights_sha256
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


# What goes wrong, on a model that needs no training.


class _LinearSource:
    """Three numbers to two scores."""

    framework = "pytorch"

    def __init__(self, module: Any, weights_sha256: str, versions: dict[str, str]) -> None:
        self.module = module
        self.weights_sha256 = weights_sha256
        self.versions = versions

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        import torch

        with torch.inference_mode():
            return {"scores": self.module(torch.tensor(inputs["x"])).numpy()}


@dataclass(frozen=True)
class _Linear(Model):
    build: Callable[[], Any] = field(kw_only=True)
    weights_sha256: str = "a" * 64
    versions: dict[str, str] = field(default_factory=dict)

    def source(self, framework: str) -> Source:  # noqa: ARG002
        return _LinearSource(self.build().eval(), self.weights_sha256, self.versions)


def _items(count: int = 5) -> dict[str, np.ndarray]:
    return {"x": np.arange(3 * count, dtype=np.float32).reshape(count, 3)}


def _weighted() -> Any:
    import torch

    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 2, 3], [-1, 0, 1]]))
        module.bias.zero_()
    return module


LINEAR = _Linear(
    name="linear",
    summary="",
    inputs=(TensorSpec("x", "float32", ("batch", 3)),),
    outputs=(TensorSpec("scores", "float32", ("batch", 2)),),
    evaluation=lambda: EvaluationSet(_items(), None),
    requests=_items,
    frameworks=("pytorch",),
    build=_weighted,
)


@dataclass
class _Altered:
    """TorchScript's runtime, with the outputs changed."""

    change: Callable[[Tensors], Tensors]
    name: str = "altered"
    packages: tuple[str, ...] = ("torch",)

    def load(self, path: Path, **options: Any) -> "_Altered":
        self._loaded = runtime_for("torchscript").load(path, **options)
        return self

    def run(self, inputs: Tensors) -> Tensors:
        return self.change(self._loaded.run(inputs))


def _raise(error: BaseException) -> Callable[[Tensors], Tensors]:
    def change(outputs: Tensors) -> Tensors:
        raise error

    return change


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def _export_linear(store: ArtifactStore, checker: Checker | None = None, **changes: Any) -> Artifact:
    force = changes.pop("force", False)
    checker = checker or runtime_for("torchscript")
    return export(replace(LINEAR, **changes), "torchscript", store=store, checker=checker, force=force)


WRONG = {
    "beyond the tolerance": (lambda outputs: {"scores": outputs["scores"] + 2e-4}, "differs from the source's by"),
    "NaN": (lambda outputs: {"scores": outputs["scores"] * np.float32("nan")}, "not finite"),
    "another dtype": (lambda outputs: {"scores": outputs["scores"].astype(np.float16)}, "float16, expected float32"),
    "another shape": (lambda outputs: {"scores": outputs["scores"][:, :1]}, r"shape \[5, 1\], expected \[batch, 2\]"),
    "another name": (lambda outputs: {"logits": outputs["scores"]}, "missing tensor 'scores'"),
    "items lost": (lambda outputs: {"scores": outputs["scores"][:1]}, r"shape \[1, 2\], the source's \[5, 2\]"),
    "a failure": (_raise(RuntimeError("no such kernel\nat line 5")), "altered cannot run it: RuntimeError: no such"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("before", [False, True])
def test_an_artifact_that_is_wrong_fails_and_leaves_nothing(wrong: str, before: bool, store: ArtifactStore) -> None:
    kept = _export_linear(store) if before else None
    change, line = WRONG[wrong]
    with pytest.raises(ExportError, match=rf"^linear/torchscript/fp32: .*{line}") as caught:
        _export_linear(store, _Altered(change))
    assert "\n" not in str(caught.value)
    assert list(store.list()) == ([kept] if kept else [])
    assert [path.name for path in store.root.iterdir()] == (["linear"] if before else [])


def test_wrong_answers_to_single_requests_fail(store: ArtifactStore) -> None:
    def wrong_alone(outputs: Tensors) -> Tensors:
        return {"scores": outputs["scores"] + (len(outputs["scores"]) == 1)}

    with pytest.raises(ExportError, match="differs from the source's by 1"):
        _export_linear(store, _Altered(wrong_alone))


def test_an_interrupted_export_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        _export_linear(store, _Altered(_raise(KeyboardInterrupt())))
    assert list(store.root.iterdir()) == []


def test_a_full_disk_gives_one_line_and_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(PublishError, match="No space left on device"):
        _export_linear(store, _Altered(_raise(OSError(errno.ENOSPC, "No space left on device"))))
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("format", ["onnx", "torchscript"])
def test_a_module_that_cannot_be_converted_gives_one_line(format: str, store: ArtifactStore) -> None:
    import torch

    class Unconvertible(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise NotImplementedError("no forward")

    model = replace(LINEAR, build=Unconvertible)
    with pytest.raises(ExportError, match=rf"^linear/{format}/fp32: the conversion failed: ") as caught:
        export(model, format, store=store, checker=runtime_for(format))
    assert "\n" not in str(caught.value)
    assert list(store.root.iterdir()) == []


def test_an_artifact_with_a_fixed_batch_size_fails(store: ArtifactStore) -> None:
    import torch

    class Fixed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            # A trace keeps the example's length as a constant.
            return x.reshape(x.shape[0], 3)[:, :2] + torch.zeros(int(x.shape[0]), 2)

    with pytest.warns(Warning, match="Converting a tensor to a Python"), pytest.raises(ExportError, match="linear/"):
        _export_linear(store, build=Fixed)
    assert list(store.root.iterdir()) == []


def test_unknown_formats_and_precisions_are_named(store: ArtifactStore) -> None:
    with pytest.raises(UnknownName, match="unknown exporter 'xml': choose from"):
        export(LINEAR, "xml", store=store, checker=runtime_for("onnx"))
    with pytest.raises(UnknownName, match="unknown precision 'fp3' of onnx: choose from fp32"):
        export(LINEAR, "onnx", "fp3", store=store, checker=runtime_for("onnx"))


# When an export is done again.


def test_it_is_done_again_when_asked(store: ArtifactStore) -> None:
    first = _export_linear(store)
    assert _export_linear(store) == first
    assert _export_linear(store, force=True).manifest.created > first.manifest.created


CHANGES: dict[str, dict[str, Any]] = {
    "weights": {"weights_sha256": "b" * 64},
    "versions": {"versions": {"framework": "2"}},
    "requests": {"requests": lambda: _items(4)},
    "evaluation": {"evaluation": lambda: EvaluationSet(_items(6), None)},
    "labels": {"evaluation": lambda: EvaluationSet(_items(), np.zeros(5, np.int64))},
    "checker": {"checker": _Altered(lambda outputs: outputs)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_done_again_when_what_it_was_made_from_changes(change: str, store: ArtifactStore) -> None:
    first = _export_linear(store)
    again = _export_linear(store, **CHANGES[change])
    assert again.manifest.fingerprint != first.manifest.fingerprint
    assert store.find("linear/torchscript") == again
    assert [path.name for path in store.root.iterdir()] == ["linear"]


def test_it_is_done_again_when_the_exporter_changes(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _export_linear(store)
    monkeypatch.setattr(inspect, "getsource", lambda _module: "another option")
    assert _export_linear(store).manifest.created > first.manifest.created


@pytest.mark.parametrize("file", ["model.pt", "manifest.json", "answers.npz"])
def test_a_damaged_artifact_is_refused_and_made_again(file: str, store: ArtifactStore) -> None:
    first = _export_linear(store)
    path = first.folder / file
    path.write_bytes(path.read_bytes()[:-20])
    if file != "answers.npz":
        with pytest.raises(ArtifactError, match=file):
            store.find("linear/torchscript")
    again = _export_linear(store)
    assert again.manifest.created > first.manifest.created
    assert store.find("linear/torchscript").answers().outputs["scores"].shape == (5, 2)


def test_a_model_that_computes_in_place_does_not_change_the_requests(store: ArtifactStore) -> None:
    import torch

    class InPlace(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.add_(1)[:, :2]

    assert np.array_equal(_export_linear(store, build=InPlace).answers().inputs["x"], _items()["x"])


def test_accuracy_is_against_the_true_labels(store: ArtifactStore) -> None:
    assert _export_linear(store).manifest.accuracy is None
    labels = np.array([0, 0, 0, 0, 1], np.int64)
    assert _export_linear(store, evaluation=lambda: EvaluationSet(_items(), labels)).manifest.accuracy == 0.8


_KILLED = """
import sys, time
from pathlib import Path
from tests.integration.test_export import LINEAR, _Altered
from exporters import ArtifactStore, export
def wait(outputs):
    print("checking", flush=True)
    time.sleep(60)
export(LINEAR, "torchscript", store=ArtifactStore(Path(sys.argv[1])), checker=_Altered(wait))
"""


def test_a_killed_export_publishes_nothing_and_the_next_one_cleans_up(store: ArtifactStore) -> None:
    argv = [sys.executable, "-c", _KILLED, str(store.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "checking\n"
        process.send_signal(signal.SIGKILL)
    assert list(store.list()) == []
    artifact = _export_linear(store)
    assert list(store.list()) == [artifact]
    assert [path.name for path in store.root.iterdir()] == ["linear"]
