"""How an export goes wrong, and when it is done again, on a model that needs no training."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters import (
    Artifact,
    ArtifactError,
    ArtifactStore,
    Checker,
    Compute,
    ExportError,
    ModelFile,
    export,
    fingerprint,
)
from models import EvaluationSet, Model, PublishError, Source, Tensors, TensorSpec, UnknownName, Weights
from servers.runtimes import runtime_for


class _LinearSource:
    """Three numbers to two scores."""

    framework = "pytorch"

    versions: Mapping[str, str] = {}

    def __init__(self, module: Any) -> None:
        self.module = module
        self.weights = Weights({}, "a" * 64, "random")

    def predict(self, inputs: Tensors) -> dict[str, np.ndarray]:
        import torch

        with torch.inference_mode():
            return {"scores": self.module(torch.tensor(inputs["x"])).numpy()}


@dataclass(frozen=True)
class _Linear(Model):
    make: Callable[[], Any] = field(kw_only=True)

    def source(self, framework: str) -> Source:  # noqa: ARG002
        return _LinearSource(self.make().eval())


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
    package="models.digits",
    make=_weighted,
)


@dataclass
class _Altered:
    """TorchScript's runtime, with the outputs changed."""

    change: Callable[[Tensors], Tensors]
    name: str = "altered"
    packages: tuple[str, ...] = ("torch",)
    facts: Mapping[str, str] = field(default_factory=dict)

    def load(self, file: ModelFile, compute: Compute) -> "_Altered":
        self._loaded = runtime_for("torchscript").load(file, compute)
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
    "beyond the tolerance": (lambda outputs: {"scores": outputs["scores"] + 2e-2}, "differs from the source's by"),
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

    model = replace(LINEAR, make=Unconvertible)
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
        _export_linear(store, make=Fixed)
    assert list(store.root.iterdir()) == []


def test_unknown_formats_and_precisions_are_named(store: ArtifactStore) -> None:
    with pytest.raises(UnknownName, match="unknown format 'xml' of linear: choose from"):
        export(LINEAR, "xml", store=store, checker=runtime_for("onnx"))
    with pytest.raises(UnknownName, match="unknown precision 'fp3' of onnx: choose from fp32"):
        export(LINEAR, "onnx", "fp3", store=store, checker=runtime_for("onnx"))


# When an export is done again.


def test_it_is_done_again_when_asked(store: ArtifactStore) -> None:
    first = _export_linear(store)
    assert _export_linear(store) == first
    assert _export_linear(store, force=True).manifest.created > first.manifest.created


CHANGES: dict[str, dict[str, Any]] = {
    "requests": {"requests": lambda: _items(4)},
    "evaluation": {"evaluation": lambda: EvaluationSet(_items(6), None)},
    "labels": {"evaluation": lambda: EvaluationSet(_items(), np.zeros(5, np.int64))},
    "calibration": {"calibration": lambda: _items(3)},
    "the model's text": {"package": "models.tabular"},
    "checker": {"checker": _Altered(lambda outputs: outputs)},
    "packages": {"checker": _Altered(lambda outputs: outputs, "torchscript", ("torch", "numpy"))},
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_done_again_when_what_it_was_made_from_changes(change: str, store: ArtifactStore) -> None:
    first = _export_linear(store)
    again = _export_linear(store, **CHANGES[change])
    assert again.manifest.fingerprint != first.manifest.fingerprint
    assert store.find("linear/torchscript") == again
    assert [path.name for path in store.root.iterdir()] == ["linear"]


def test_it_is_done_again_when_the_weights_change(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _export_linear(store)
    monkeypatch.setattr(fingerprint, "identity", lambda _model: "b" * 64)
    assert _export_linear(store).manifest.fingerprint != first.manifest.fingerprint


def test_it_is_done_again_on_another_processor(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _export_linear(store)
    monkeypatch.setattr(fingerprint, "cpu_features", lambda: ("avx9000",))
    assert _export_linear(store).manifest.fingerprint != first.manifest.fingerprint


@pytest.mark.parametrize("file", ["model.pt", "manifest.json", "answers.npz", "evaluation.npz"])
def test_a_damaged_artifact_is_refused_and_made_again(file: str, store: ArtifactStore) -> None:
    first = _export_linear(store)
    path = first.folder / file
    path.write_bytes(path.read_bytes()[:-20])
    if not file.endswith(".npz"):
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

    assert np.array_equal(_export_linear(store, make=InPlace).answers().inputs["x"], _items()["x"])


def test_accuracy_is_against_the_true_labels(store: ArtifactStore) -> None:
    assert _export_linear(store).manifest.accuracy is None
    labels = np.array([0, 0, 0, 0, 1], np.int64)
    assert _export_linear(store, evaluation=lambda: EvaluationSet(_items(), labels)).manifest.accuracy == 0.8


_KILLED = """
import sys, time
from pathlib import Path
from tests.integration.exporters.test_export import LINEAR, _Altered
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
