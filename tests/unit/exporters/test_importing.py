"""What is told of a user's file without loading it: its format, a refusal, its tensors and its batch."""

import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from exporters.importer import IMPORTERS, ModelImportError, Signature, importer_of
from exporters.importing.probing import probe
from exporters.importing.signature import with_batch, with_given
from models import TensorSpec

FILE = Path("model.onnx")


def _signature(*shapes: tuple[int | str, ...], outputs: tuple[tuple[int | str, ...], ...] = ()) -> Signature:
    return Signature(
        tuple(TensorSpec(f"x{index}", "float32", shape) for index, shape in enumerate(shapes)),
        tuple(TensorSpec(f"y{index}", "float32", shape) for index, shape in enumerate(outputs)),
    )


class _Executed:
    """What a pickle can do: unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def _zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".pt"])
def test_a_pickle_is_refused_and_not_executed(tmp_path: Path, protocol: int, suffix: str) -> None:
    trap, file = tmp_path / "executed", tmp_path / f"model{suffix}"
    file.write_bytes(pickle.dumps(_Executed(trap), protocol=protocol))
    with pytest.raises(ModelImportError, match=r"a pickle: loading it can run any code.*Save the model"):
        importer_of(file)
    assert not trap.exists()
    pickle.loads(file.read_bytes())
    assert trap.exists(), "the trap itself must work"


@pytest.mark.parametrize("legacy", [False, True])
def test_a_checkpoint_of_pytorch_is_refused_and_not_executed(tmp_path: Path, legacy: bool) -> None:
    import torch

    trap, file = tmp_path / "executed", tmp_path / "model.pt"
    torch.save({"trap": _Executed(trap)}, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelImportError, match=r"PyTorch checkpoint.*torch\.export\.save.*torch\.jit\.trace"):
        importer_of(file)
    assert not trap.exists()


def test_a_compressed_joblib_file_is_refused_and_not_executed(tmp_path: Path) -> None:
    import joblib

    trap, file = tmp_path / "executed", tmp_path / "model.joblib"
    joblib.dump(_Executed(trap), file, compress=3)
    with pytest.raises(ModelImportError, match="a pickle"):
        importer_of(file)
    assert not trap.exists()


def test_weights_and_keras_files_are_told_where_to_go(tmp_path: Path) -> None:
    import safetensors.numpy

    safetensors.numpy.save_file({"a": np.ones(3)}, tmp_path / "a.safetensors")
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(80))
    _zip(tmp_path / "a.keras", config_DOT_json=b"{}", metadata_DOT_json=b"{}", model_DOT_weights_DOT_h5=b"")
    with pytest.raises(ModelImportError, match="tailbed weights MODEL FILE"):
        importer_of(tmp_path / "a.safetensors")
    for name in ("a.h5", "a.keras"):
        with pytest.raises(ModelImportError, match=r"\.export\(FOLDER\) makes a SavedModel"):
            importer_of(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"text", b"\x00" * 64, b"\xff" * 64, b"\x08\x07", b"\x08", bytes(range(256))])
def test_what_is_no_model_gets_one_line_with_what_would_be(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file.dat"
    file.write_bytes(content)
    with pytest.raises(ModelImportError, match=r"file\.dat: not a model.*none of .*ONNX.*TorchScript"):
        importer_of(file)
    with pytest.raises(ModelImportError, match="No such file"):
        importer_of(tmp_path / "missing.onnx")
    with pytest.raises(ModelImportError, match="not a model"):
        importer_of(tmp_path)


def test_a_format_is_told_by_the_content_and_not_by_the_name(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    (tmp_path / "a.bin").write_bytes(helper.make_model(graph).SerializeToString())
    (tmp_path / "b.onnx").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(24))
    (tmp_path / "c.pb").mkdir()
    (tmp_path / "c.pb" / "saved_model.pb").touch()
    (tmp_path / "d.txt").write_text('<?xml version="1.0"?>\n<net name="n" version="11">\n<layers>')
    _zip(tmp_path / "e.zip", m__constants_DOT_pkl=b"", m__data_DOT_pkl=b"", m__code__x_DOT_py=b"")
    _zip(tmp_path / "f.pt", m__models__model_DOT_json=b"", m__archive_format=b"pt2")
    found = {path.name: importer_of(path).format for path in tmp_path.iterdir()}
    assert found == {
        "a.bin": "onnx",
        "b.onnx": "tflite",
        "c.pb": "savedmodel",
        "d.txt": "openvino",
        "e.zip": "torchscript",
        "f.pt": "torch-export",
    }


def test_telling_a_format_imports_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3")
    script = (
        "import sys, pathlib; from exporters.importer import importer_of; "
        f"print(importer_of(pathlib.Path({str(tmp_path / 'a.tflite')!r})).format); "
        "print({'torch', 'tensorflow', 'onnx', 'openvino', 'ai_edge_litert'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["tflite", "set()"]


def test_every_importer_says_what_it_takes() -> None:
    importers = [IMPORTERS.get(name) for name in IMPORTERS.names()]
    assert {"onnx", "openvino", "savedmodel", "tflite", "torch-export", "torchscript"} <= {i.format for i in importers}
    suffixes = [importer.suffix for importer in importers if importer.suffix]
    assert len(set(suffixes)) == len(suffixes)


def test_first_axes_of_any_length_are_the_batch() -> None:
    found, sizes, batched = with_batch(_signature(("N", 3), ("unk_1", "batch"), outputs=(("x",),)))
    assert [spec.shape for spec in found.inputs] == [("batch", 3), ("batch", "batch1")]
    assert [spec.shape for spec in found.outputs] == [("batch",)]
    assert (sizes, batched) == (None, True)


def test_first_axes_of_one_are_a_batch_of_one() -> None:
    found, sizes, batched = with_batch(_signature((1, 3), outputs=((1, 10),)))
    assert [spec.shape for spec in found.inputs + found.outputs] == [("batch", 3), ("batch", 10)]
    assert (sizes, batched) == ((1,), True)


@pytest.mark.parametrize(
    "signature",
    [
        _signature((8, 3), outputs=((8, 10),)),
        _signature((1, 3), outputs=((10,),)),
        _signature(("N", 3), (), outputs=(("N",),)),
        _signature(("N", 3), outputs=((1, 10),)),
    ],
)
def test_other_first_axes_are_no_batch(signature: Signature) -> None:
    assert with_batch(signature) == (signature, None, False)


def test_the_user_may_give_an_axis_its_length() -> None:
    told = (TensorSpec("x0", "float32", ("batch", 128)),)
    found = with_given(FILE, _signature(("N", "s0 + 1"), ("N", "2*s0"), outputs=(("N", 3),)), told, ())
    assert [spec.shape for spec in found.inputs] == [("batch", 128), ("N", "_2_s0")]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (TensorSpec("x0", "float64", ("N", 4)), r"input 'x0' is float32 \[N,4\] in the file"),
        (TensorSpec("x0", "float32", ("N", 5)), "in the file"),
        (TensorSpec("x0", "float32", ("N", 4, 1)), "in the file"),
        (TensorSpec("z", "float32", ("N", 4)), "no input 'z': the model has 'x0'"),
    ],
)
def test_the_user_may_not_contradict_the_file(told: TensorSpec, reason: str) -> None:
    with pytest.raises(ModelImportError, match=reason):
        with_given(FILE, _signature(("N", 4)), (told,), ())


def test_outputs_that_no_file_tells_are_found_by_running() -> None:
    ids, scale = TensorSpec("ids", "int64", ("batch", "tokens")), TensorSpec("scale", "float32", (4,))

    def run(tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
        ids = tensors["ids"]
        return [
            np.zeros((*ids.shape, 8), np.float32),
            np.zeros((len(ids), 2 * ids.shape[1]), np.float64),
            np.zeros((len(ids) * ids.shape[1],), bool),
            tensors["scale"],
        ]

    assert probe(run, (ids, scale)) == [
        TensorSpec("output0", "float32", ("batch", "tokens", 8)),
        TensorSpec("output1", "float64", ("batch", "tokens")),
        TensorSpec("output2", "bool", ("axis0",)),
        TensorSpec("output3", "float32", (4,)),
    ]
    assert probe(lambda tensors: [tensors["scale"]], (scale,)) == [TensorSpec("output", "float32", (4,))]


def test_a_numpy_file_is_no_model(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, x=np.ones(3))
    (tmp_path / "x.npz").write_bytes(content.getvalue())
    with pytest.raises(ModelImportError, match="not a model"):
        importer_of(tmp_path / "x.npz")
