"""Digits in JAX, in every format and precision that JAX is exported to, and what the files say of their making."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from exporters import Artifact, ArtifactStore, export, exporter_for
from exporters.checker import Compute
from exporters.xla_executable import executables
from models import MODELS
from servers.runtimes import runtime_for

EXPORTS = {"jax-export": "jax-export", "xla-executable": "xla-executable", "onnx-jax": "onnx"}
PAIRS = [(name, precision) for name in EXPORTS for precision in exporter_for(MODELS.get("digits"), name).precisions]
every_pair = pytest.mark.parametrize(("name", "precision"), PAIRS)


def _export(name: str, precision: str = "fp32") -> Artifact:
    """From the session's own home, where each is made once."""
    return export(MODELS.get("digits"), name, precision, store=ArtifactStore(), checker=runtime_for(EXPORTS[name]))


def test_the_precisions_are_those_that_the_libraries_have() -> None:
    precisions = {name: [precision for other, precision in PAIRS if other == name] for name in EXPORTS}
    assert precisions["jax-export"] == ["fp32", "fp16", "bf16"]
    assert precisions["xla-executable"] == ["fp32", "bf16"]
    assert {"fp32", "int8-static"} <= set(precisions["onnx-jax"])


@every_pair
def test_digits_are_read_in_every_format_and_precision(name: str, precision: str) -> None:
    manifest = _export(name, precision).manifest
    assert (manifest.framework, manifest.format, manifest.precision) == ("jax", EXPORTS[name], precision)
    assert manifest.accuracy is not None
    assert manifest.accuracy >= 0.98
    assert manifest.parity is not None
    assert 0 < manifest.parity.max_abs_diff <= manifest.tolerance * manifest.parity.scale


@every_pair
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_any_batch_size_gives_the_answers_of_the_items(name: str, precision: str, batch: int) -> None:
    artifact = _export(name, precision)
    answers = artifact.answers()
    loaded = runtime_for(artifact.manifest.format).load(artifact.model_file, Compute())
    found = loaded.run({"image": answers.inputs["image"][:batch]})["scores"]
    assert (found.dtype, found.shape) == (np.float32, (batch, 10))
    tolerance = {"fp32": 1e-4, "bf16": 0.5}.get(precision, 0.1)
    np.testing.assert_allclose(found, answers.outputs["scores"][:batch], atol=tolerance)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_two_bytes_a_weight_halve_an_exported_file(precision: str) -> None:
    whole, half = (_export("jax-export", wanted).manifest.size_bytes for wanted in ("fp32", precision))
    assert half < 0.55 * whole


@pytest.mark.parametrize("name", ["jax-export", "xla-executable"])
def test_a_file_does_not_tell_where_it_was_made(name: str) -> None:
    path, maker = _export(name).path, str(Path(models.__file__).parent).encode()
    files = [path] if path.is_file() else list(path.iterdir())
    assert not [file.name for file in files if maker in file.read_bytes()]


def test_an_onnx_file_from_jax_has_the_models_names_and_one_batch_size() -> None:
    import onnx

    artifact = _export("onnx-jax")
    graph = onnx.load(artifact.path).graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["scores"]
    assert [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim] == [1, 1, 8, 8]
    assert artifact.manifest.batch_sizes == (1,)
    assert {node.op_type for node in graph.node} == {"Conv", "Relu", "MaxPool", "Reshape", "Gemm"}, (
        "the converter left work that is not the network's"
    )


def test_executables_are_no_pickles_and_say_what_they_need() -> None:
    header, contents = executables.read(_export("xla-executable").path)
    assert list(contents) == [1, 8]
    assert header.instruction_sets == executables.instruction_sets()
    assert not [size for size, content in contents.items() if content.startswith(b"\x80")]


_QUIET = """
import sys, warnings
warnings.simplefilter("error")
from pathlib import Path
from exporters import exporter_for
from exporters.checker import Compute, ModelFile
from models import MODELS
from servers.runtimes import runtime_for
model = MODELS.get("digits")
exporter = exporter_for(model, sys.argv[1])
path = Path(sys.argv[2]) / exporter.filename
exporter.write(model, model.source("jax"), "fp32", path)
file = ModelFile(path, model.inputs, model.outputs, "fp32", exporter.batch_sizes)
runtime_for(exporter.format).load(file, Compute()).run({"image": model.requests()["image"][:2]})
"""


@pytest.mark.parametrize("name", EXPORTS)
def test_nothing_is_said_that_no_user_can_act_on(name: str, tmp_path: Path) -> None:
    _export("jax-export")  # trains the weights if this test runs alone
    done = subprocess.run(
        [sys.executable, "-c", _QUIET, name, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
