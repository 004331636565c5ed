"""The program that converts, in the environment of litert-torch: it imports nothing of this project.

``python convert_program.py PROGRAM.pt2 OUTPUT.tflite NAMES.json`` prints the versions that decided, as JSON, last.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def convert(program: Path, output: Path, inputs: list[str], outputs: list[str]) -> None:
    """Write ``program``, of torch.export, as a TensorFlow Lite file with one signature with these names."""
    import litert_torch  # type: ignore[import-not-found,unused-ignore]  # in its own environment only
    import torch

    exported = torch.export.load(program)
    # The guards compare shapes in Python, which a converted file has no need of and no way to do.
    module = exported.module(check_guards=False)

    class Named(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
        def forward(self, **tensors: torch.Tensor) -> dict[str, torch.Tensor]:
            results = module(*(tensors[name] for name in inputs))
            return dict(zip(outputs, (results,) if isinstance(results, torch.Tensor) else results, strict=True))

    examples = dict(zip(inputs, exported.example_inputs[0], strict=True))
    litert_torch.convert(Named().eval(), sample_kwargs=examples).export(str(output))


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # This script's folder: its modules bear the names of frameworks, such as jax, and would hide them.
    sys.path.pop(0)
    warnings.simplefilter("ignore")
    names = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    convert(Path(sys.argv[1]), Path(sys.argv[2]), names["inputs"], names["outputs"])
    print(json.dumps({name: version(name) for name in ("litert-torch", "litert-converter", "torch")}))
