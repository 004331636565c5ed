import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from exporters import ANSWERS, MANIFEST, Answers, Artifact, ArtifactError, ArtifactStore, Manifest, Parity
from exporters.artifact import Determinism, write_answers, write_manifest
from models import TailbedError, TensorSpec, UnknownName

CONTENT = b"weights and graph"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def _add(store: ArtifactStore, model: str = "digits", format: str = "onnx", precision: str = "fp32") -> Artifact:
    manifest = Manifest(
        model=model,
        export=format,
        format=format,
        precision=precision,
        file="model.bin",
        inputs=(TensorSpec("image", "float32", ("batch", 2)),),
        outputs=(TensorSpec("scores", "float32", ("batch", 3)),),
        framework="pytorch",
        batch_sizes=None,
        settings={"opset": "18"},
        versions={"torch": "2"},
        weights_sha256="0" * 64,
        weights_origin="trained",
        runtime="onnxruntime",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        export_seconds=0.5,
        tolerance=1e-4,
        parity=Parity(max_abs_diff=1e-6, scale=1, label_agreement=1, items=4),
        accuracy=None,
        determinism=Determinism(repeat_max_abs_diff=0, batch_max_abs_diff=0, by_output={"scores": 0}),
        answer_tolerance={"scores": 1e-4},
        behaviours=(),
        fingerprint="1" * 64,
        created="2026-01-01T00:00:00+00:00",
    )
    with store.publish(model, format, precision) as folder:
        (folder / "model.bin").write_bytes(CONTENT)
        write_manifest(folder, manifest)
        answers = Answers({"image": np.ones((4, 2), np.float32)}, {"scores": np.zeros((4, 3), np.float32)})
        write_answers(folder, answers)
    return Artifact(store.root / model / format / precision, manifest)


def test_the_default_root_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    assert ArtifactStore().root == tmp_path / "artifacts"


def test_an_artifact_is_found_by_its_names_and_by_its_path(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = _add(store)
    assert added.ref == "digits/onnx/fp32"
    monkeypatch.chdir(tmp_path)
    for ref in ("digits/onnx", "digits/onnx/fp32", str(added.folder), f"{added.folder}/"):
        assert store.find(ref) == Artifact(added.folder, added.manifest)
    assert store.find("artifacts/digits/onnx/fp32").manifest == added.manifest
    assert store.find("./artifacts/digits/onnx/fp32").manifest == added.manifest


def test_what_is_stored_is_read_back(store: ArtifactStore) -> None:
    found = store.open(_add(store).folder)
    assert found.path.read_bytes() == CONTENT
    assert found.manifest.inputs[0].shape == ("batch", 2)
    answers = found.answers()
    assert answers.inputs["image"].shape == (4, 2)
    assert answers.outputs["scores"].shape == (4, 3)


def test_an_artifact_not_made_yet_says_how_to_make_it(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match=r"make it with 'tailbed export digits --to torchscript'$"):
        store.find("digits/torchscript")


@pytest.mark.parametrize(
    ("ref", "line"),
    [
        ("letters/onnx", "unknown model 'letters': choose from .*digits"),
        ("digits/xml", "unknown format 'xml' of digits: choose from .*onnx"),
        ("digits/onnx/fp3", "unknown precision 'fp3': choose from fp32"),
    ],
)
def test_unknown_names_list_the_known_ones(store: ArtifactStore, ref: str, line: str) -> None:
    with pytest.raises(UnknownName, match=line):
        store.find(ref)


@pytest.mark.parametrize("ref", ["digits", "", "/no/such/folder", "a/b/c/d", "../digits/onnx", "digits//onnx", "./x"])
def test_what_is_no_reference_says_what_one_is(store: ArtifactStore, ref: str) -> None:
    with pytest.raises(ArtifactError, match="name one as model/format, such as digits/onnx") as caught:
        store.find(ref)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"!", b"other"])
def test_a_changed_file_is_refused(store: ArtifactStore, content: bytes) -> None:
    added = _add(store)
    added.path.write_bytes(content)
    for find in (lambda: store.find("digits/onnx"), lambda: store.open(added.folder)):
        with pytest.raises(ArtifactError, match=r"model.bin: changed since it was made .*: export digits/onnx/fp32"):
            find()


def test_a_missing_file_is_refused(store: ArtifactStore) -> None:
    _add(store).path.unlink()
    with pytest.raises(ArtifactError, match=r"model.bin: unreadable \(No such file or directory\): export digits"):
        store.find("digits/onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "digits"}', '{"schema_version": "one"}'])
def test_a_broken_manifest_gives_one_line(store: ArtifactStore, text: str) -> None:
    added = _add(store)
    (added.folder / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match=MANIFEST) as caught:
        store.find("digits/onnx")
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_manifest_is_not_an_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="not an artifact: it has no manifest"):
        store.open(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "text"])
def test_broken_answers_give_one_line(store: ArtifactStore, damage: str) -> None:
    added = _add(store)
    path = added.folder / ANSWERS
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = content.index(b"\x93NUMPY") + 140
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"empty": b"", "truncated": content[:-40], "flipped": flipped, "text": b"no archive"}[damage])
    with pytest.raises(ArtifactError, match=r"answers.npz: unreadable .*: export digits/onnx/fp32 again"):
        added.answers()


def test_the_list_has_all_by_name(store: ArtifactStore) -> None:
    assert list(store.list()) == []
    for format in ("torchscript", "onnx"):
        _add(store, format=format)
    assert [artifact.ref for artifact in store.list()] == ["digits/onnx/fp32", "digits/torchscript/fp32"]


def test_the_list_leaves_out_what_it_cannot_read(store: ArtifactStore, caplog: pytest.LogCaptureFixture) -> None:
    _add(store)
    (_add(store, format="torchscript").folder / MANIFEST).write_text("{")
    with caplog.at_level(logging.WARNING):
        assert [artifact.ref for artifact in store.list()] == ["digits/onnx/fp32"]
    assert len(caplog.messages) == 1


def test_its_errors_are_for_users() -> None:
    assert issubclass(ArtifactError, TailbedError)
