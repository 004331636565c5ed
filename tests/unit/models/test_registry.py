import subprocess
import sys
from importlib import import_module

import pytest

from exporters import all_exporters, exporter_for, exporters_of
from models import MODELS, Models, Registry, TailbedError, UnknownName
from servers.runtimes import RUNTIMES


def test_names_are_the_folders_that_hold_the_entry() -> None:
    assert "digits" in MODELS.names()
    assert {"onnx", "torchscript"} <= {exporter.format for exporter in all_exporters()}
    assert {"onnxruntime", "torchscript"} <= set(RUNTIMES.names())


@pytest.mark.parametrize("registry", [MODELS, RUNTIMES])
def test_every_entry_loads(registry: Registry[object] | Models) -> None:
    assert all(registry.get(name) is not None for name in registry.names())


@pytest.mark.parametrize("name", ["digit", "", "..", "digits/model", "errors"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown model .*: choose from .*digits") as caught:
        MODELS.get(name)
    assert isinstance(caught.value, TailbedError)
    assert "\n" not in str(caught.value)


def test_looking_entries_up_imports_no_framework() -> None:
    program = """
import sys
from exporters import all_exporters
from models import MODELS
from servers.runtimes import RUNTIMES
all_exporters()
for registry in (MODELS, RUNTIMES):
    for name in registry.names():
        registry.get(name)
heavy = {"torch", "onnx", "onnxruntime", "onnxscript", "sklearn", "scipy", "safetensors", "tensorflow", "keras", "jax",
         "openvino", "nncf"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_unknown_framework_lists_those_of_the_model() -> None:
    with pytest.raises(UnknownName, match="digits is not written in 'caffe': choose from pytorch, keras, jax"):
        MODELS.get("digits").source("caffe")


def test_an_exporter_is_where_its_format_and_framework_say() -> None:
    for exporter in all_exporters():
        module = f"exporters.{exporter.format.replace('-', '_')}.{exporter.framework}"
        assert import_module(module).EXPORTER is exporter


def test_the_usual_source_of_a_format_goes_without_saying() -> None:
    digits = MODELS.get("digits")
    exporters = exporters_of(digits)
    assert (exporters["onnx"].framework, exporters["onnx-keras"].framework) == ("pytorch", "keras")
    assert "onnx-pytorch" not in exporters
    assert exporter_for(digits, "onnx") is exporters["onnx"]
    with pytest.raises(UnknownName, match="unknown format 'onnx-sklearn' of digits: choose from aotinductor, "):
        exporter_for(digits, "onnx-sklearn")
