"""The runtimes on JAX, on a made-up function of integers and floats, and on files that are none."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporters.checker import Compute, ModelFile
from exporters.jax_export.jax import EXPORTER as JAX_EXPORT
from exporters.jax_export.sealed import seal, unseal
from exporters.xla_executable.executables import HEADER
from exporters.xla_executable.jax import EXPORTER as XLA_EXECUTABLE
from models import EvaluationSet, Model, TensorSpec
from servers.runtimes import DeviceError, LoadedModel, RuntimeLoadError, runtime_for

INPUTS = (TensorSpec("ids", "int32", ("batch", 5)), TensorSpec("mask", "int32", ("batch", 5)))
OUTPUTS = (TensorSpec("mean", "float32", ("batch", 4)), TensorSpec("count", "int32", ("batch",)))
TABLE = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
EXPORTERS = {exporter.format: exporter for exporter in (JAX_EXPORT, XLA_EXECUTABLE)}
every_format = pytest.mark.parametrize("format", EXPORTERS)


def _items(count: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    return {
        "ids": rng.integers(0, 11, (count, 5), dtype=np.int32),
        "mask": np.concatenate([np.ones((count, 1)), rng.integers(0, 2, (count, 4))], axis=1).astype(np.int32),
    }


def _expected(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    count = inputs["mask"].sum(axis=1)
    total = (TABLE[inputs["ids"]] * inputs["mask"][:, :, None]).sum(axis=1)
    return {"mean": total / count[:, None], "count": count}


MODEL = Model("bag", "the mean of embeddings", INPUTS, OUTPUTS, lambda: EvaluationSet(_items(), None), _items, ("jax",))


@dataclass
class _Source:
    module: Any
    framework: str = "jax"
    weights: Any = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def predict(self, inputs: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], ModelFile]:
    """By format and precision."""
    import jax.numpy as jnp

    from models.frameworks.jax import JAXModule

    def apply(p: Any, ids: Any, mask: Any) -> tuple[Any, ...]:
        count = mask.sum(axis=1)
        total = (p["table"][ids] * jnp.expand_dims(mask, 2).astype(p["table"].dtype)).sum(axis=1)
        return total / jnp.expand_dims(count, 1).astype(total.dtype), count

    source = _Source(JAXModule(apply, {"table": jnp.asarray(TABLE)}))
    made = {}
    for format, exporter in EXPORTERS.items():
        for precision in exporter.precisions:
            path = tmp_path_factory.mktemp(format) / exporter.filename
            exporter.write(MODEL, source, precision, path)
            made[format, precision] = ModelFile(path, INPUTS, OUTPUTS, precision, exporter.batch_sizes)
    return made


def _load(file: ModelFile, format: str) -> LoadedModel:
    return runtime_for(format).load(file, Compute())


@pytest.mark.parametrize(
    ("format", "precision"), [(format, precision) for format in EXPORTERS for precision in EXPORTERS[format].precisions]
)
def test_names_and_dtypes_are_kept_at_any_batch_size(
    format: str, precision: str, files: dict[tuple[str, str], ModelFile]
) -> None:
    loaded = _load(files[format, precision], format)
    tolerance = {"fp32": 1e-6, "fp16": 1e-2, "bf16": 5e-2}[precision]
    for batch in (1, 3, 8, 11):
        inputs = _items(batch)
        outputs, expected = loaded.run({"mask": inputs["mask"], "ids": inputs["ids"]}), _expected(inputs)
        assert list(outputs) == ["mean", "count"]
        assert [array.dtype for array in outputs.values()] == [np.float32, np.int32]
        np.testing.assert_allclose(outputs["mean"], expected["mean"], atol=tolerance)
        np.testing.assert_array_equal(outputs["count"], expected["count"])


@every_format
def test_a_requests_bytes_are_not_written_to_and_outputs_stay(
    format: str, files: dict[tuple[str, str], ModelFile]
) -> None:
    loaded, inputs = _load(files[format, "fp32"], format), _items(1)
    read_only = {name: np.frombuffer(array.tobytes(), np.int32).reshape(1, 5) for name, array in inputs.items()}
    first = loaded.run(read_only)
    kept = {name: array.copy() for name, array in first.items()}
    loaded.run({name: np.ones((1, 5), np.int32) for name in inputs})
    assert all(np.array_equal(read_only[name], inputs[name]) for name in inputs)
    assert all(np.array_equal(first[name], kept[name]) for name in kept)


@every_format
@pytest.mark.parametrize("content", ["truncated", "empty", "text", "missing"])
def test_a_damaged_file_gives_one_line(
    format: str,
    content: str,
    files: dict[tuple[str, str], ModelFile],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = files[format, "fp32"]
    # Of the folder, an executable.
    part = Path("." if file.path.is_file() else "batch-8.xla")
    whole = (file.path / part if file.path.is_dir() else file.path).read_bytes()
    path = tmp_path / "model"
    if file.path.is_dir():
        path.mkdir()
        for other in file.path.iterdir():
            (path / other.name).write_bytes(other.read_bytes())
    damaged = path / part if file.path.is_dir() else path
    if content == "missing":
        damaged.unlink(missing_ok=True)
    else:
        damaged.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"hello " * 100}[content])
    with pytest.raises(RuntimeLoadError) as caught:
        _load(replace(file, path=path), format)
    assert str(caught.value).startswith(f"{path}: not ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_single_changed_byte_is_found_before_native_code_reads_it(
    files: dict[tuple[str, str], ModelFile], tmp_path: Path
) -> None:
    file = files["jax-export", "fp32"]
    content = bytearray(file.path.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(RuntimeLoadError, match="damaged: its SHA-256 is not the one at its end"):
        _load(replace(file, path=tmp_path / "model"), "jax-export")


def test_stablehlo_that_jax_does_not_know_gives_one_line(
    files: dict[tuple[str, str], ModelFile], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytes(unseal(files["jax-export", "fp32"].path.read_bytes()))
    assert content.count(b"vhlo") == 1
    (tmp_path / "model").write_bytes(seal(content.replace(b"vhlo", b"ohlv")))
    with pytest.raises(RuntimeLoadError) as caught:
        _load(replace(files["jax-export", "fp32"], path=tmp_path / "model"), "jax-export")
    assert str(caught.value).startswith(f"{tmp_path / 'model'}: not a function that jax.export has written (")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "MLIR's own lines are for its developers"


def test_jax_reads_a_sealed_file_as_it_is(files: dict[tuple[str, str], ModelFile]) -> None:
    from jax import export

    exported = export.deserialize(bytearray(files["jax-export", "fp32"].path.read_bytes()))
    inputs = _items(3)
    mean, _ = exported.call(inputs["ids"], inputs["mask"])
    np.testing.assert_allclose(mean, _expected(inputs)["mean"], atol=1e-6)
    assert exported.platforms == ("cpu", "cuda")


def test_executables_of_another_jaxlib_are_refused(files: dict[tuple[str, str], ModelFile], tmp_path: Path) -> None:
    file = files["xla-executable", "fp32"]
    (tmp_path / "model").mkdir()
    for other in file.path.iterdir():
        (tmp_path / "model" / other.name).write_bytes(other.read_bytes())
    header = json.loads((file.path / HEADER).read_text()) | {"jaxlib": "0.4.1"}
    (tmp_path / "model" / HEADER).write_text(json.dumps(header))
    with pytest.raises(RuntimeLoadError, match=r"model: not XLA executables .* \(compiled by jaxlib 0\.4\.1, and 0\."):
        _load(replace(file, path=tmp_path / "model"), "xla-executable")


@every_format
def test_a_file_of_another_model_is_refused(format: str, files: dict[tuple[str, str], ModelFile]) -> None:
    other = (TensorSpec("ids", "float32", ("batch", 5)), INPUTS[1])
    with pytest.raises(RuntimeLoadError, match=r"its inputs .* the manifest's"):
        _load(replace(files[format, "fp32"], inputs=other), format)


@every_format
@pytest.mark.parametrize("device", ["cuda", "abacus"])
def test_a_device_that_is_not_there_gives_one_line(
    format: str, device: str, files: dict[tuple[str, str], ModelFile], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceError) as caught:
        runtime_for(format).load(files[format, "fp32"], Compute(device))
    assert str(caught.value).startswith(f"{format} cannot compute on {device}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


# What is the process's own is asked for in a fresh one.


def _fresh(script: str, file: ModelFile, *arguments: str) -> Any:
    preamble = """
import json, sys, os
from pathlib import Path
import numpy as np
from exporters.checker import Compute, ModelFile
from models import TensorSpec
from servers.runtimes import runtime_for
inputs, outputs = (tuple(TensorSpec(n, d, tuple(s)) for n, d, s in json.loads(text)) for text in sys.argv[3:5])
sizes = tuple(json.loads(sys.argv[5])) or None
def load(threads=1, device="cpu"):
    file = ModelFile(Path(sys.argv[2]), inputs, outputs, "fp32", sizes)
    return runtime_for(sys.argv[1]).load(file, Compute(device, threads))
"""
    specs = [
        json.dumps([[spec.name, spec.dtype, spec.shape] for spec in specs]) for specs in (file.inputs, file.outputs)
    ]
    format = next(format for format in EXPORTERS if EXPORTERS[format].filename == file.path.name)
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", preamble + script),
            *(format, str(file.path), *specs, json.dumps(file.batch_sizes or []), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


_COMPILATIONS = """
import jax
events = []
jax.monitoring.register_event_duration_secs_listener(lambda event, seconds, **_: events.append(event))
loaded = load()
for batch in (1, 3, 8, 9):
    loaded.run({spec.name: np.ones((batch, 5), np.int32) for spec in inputs})
print(json.dumps([event for event in events if "compile" in event]))
"""


def test_executables_are_loaded_and_run_without_any_compilation(files: dict[tuple[str, str], ModelFile]) -> None:
    assert _fresh(_COMPILATIONS, files["xla-executable", "fp32"]) == []


def test_an_export_is_compiled_for_every_batch_size(files: dict[tuple[str, str], ModelFile]) -> None:
    events = _fresh(_COMPILATIONS, files["jax-export", "fp32"])
    assert len([event for event in events if "backend_compile" in event]) >= 4


_THREADS = """
facts = load(int(sys.argv[6])).facts
names = [comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")]
print(json.dumps([facts, names.count("tf_XLAEigen"), load(5).facts["intra_op_threads"], "PJRT_NPROC" in os.environ]))
"""


@every_format
@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_model_starts_as_many_threads_as_it_is_told(
    format: str, threads: int, files: dict[tuple[str, str], ModelFile]
) -> None:
    facts, running, of_the_second, left_behind = _fresh(_THREADS, files[format, "fp32"], str(threads))
    assert facts["intra_op_threads"] == str(running) == str(threads)
    assert of_the_second == str(threads), "the facts tell what there is, not what was asked for"
    assert not left_behind
    assert facts["device"] == "cpu"
    assert set(runtime_for(format).packages) <= facts.keys()


_IMPORTS = """
load()
print(json.dumps(sorted(name for name in ("tensorflow", "torch", "onnxruntime", "keras") if name in sys.modules)))
"""


@every_format
def test_no_other_framework_is_loaded(format: str, files: dict[tuple[str, str], ModelFile]) -> None:
    assert _fresh(_IMPORTS, files[format, "fp32"]) == []
