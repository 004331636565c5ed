import subprocess
import sys

import pytest

from exporters import EXPORTERS
from models import MODELS, Registry, TailbedError, UnknownName
from servers.runtimes import RUNTIMES


def test_names_are_the_folders_that_hold_the_entry() -> None:
    assert "digits" in MODELS.names()
    assert {"onnx", "torchscript"} <= set(EXPORTERS.names())
    assert {"onnxruntime", "torchscript"} <= set(RUNTIMES.names())


@pytest.mark.parametrize("registry", [MODELS, EXPORTERS, RUNTIMES])
def test_every_entry_loads(registry: Registry[object]) -> None:
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
from exporters import EXPORTERS
from models import MODELS
from servers.runtimes import RUNTIMES
for registry in (MODELS, EXPORTERS, RUNTIMES):
    for name in registry.names():
        registry.get(name)
heavy = {"torch", "onnx", "onnxruntime", "onnxscript", "sklearn", "scipy", "safetensors", "tensorflow", "jax"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_unknown_framework_lists_those_of_the_model() -> None:
    with pytest.raises(UnknownName, match="digits is not written in 'caffe': choose from pytorch"):
        MODELS.get("digits").source("caffe")
