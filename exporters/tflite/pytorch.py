"""PyTorch -> TensorFlow Lite, by litert-torch in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from exporters.environments import environment
from exporters.exporter import Exporter
from models import Model, Source, TailbedError

_BATCH_SIZE = 1


class _LiteRTTorch:
    """One ``.tflite`` file that computes one item at a time: the converter takes no axis of any length.

    litert-torch would downgrade what the other exporters are tested with. What crosses over to its environment is a
    program of torch.export, with the weights in it, so that nothing of this project is needed there.
    """

    format = "tflite"
    framework = "pytorch"
    filename = "model.tflite"
    precisions: tuple[str, ...] = ("fp32",)
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = (_BATCH_SIZE,)
    packages: tuple[str, ...] = ("torch",)

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``; the settings have the versions in the other environment.

        Raises:
            MissingEnvironment: it is not installed.
            TailbedError: the conversion failed there; with its last line.
        """
        python = environment("litert-torch").python("an export from PyTorch to tflite")
        import torch

        from exporters.torch_export.program import program

        with tempfile.TemporaryDirectory(prefix="tailbed-") as scratch:
            exported, names = Path(scratch) / "program.pt2", Path(scratch) / "names.json"
            torch.export.save(program(model, source, precision, batch=_BATCH_SIZE), exported)
            specs = {"inputs": model.inputs, "outputs": model.outputs}
            names.write_text(json.dumps({part: [spec.name for spec in found] for part, found in specs.items()}))
            script = Path(__file__).with_name("convert_program.py")
            inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
            argv = [str(python), str(script), str(exported), str(path), str(names)]
            done = subprocess.run(argv, capture_output=True, text=True, errors="replace", env=inherited)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise TailbedError(f"litert-torch: {lines[-1]}")
        versions = cast(dict[str, str], json.loads(done.stdout.strip().splitlines()[-1]))
        return {"batch": str(_BATCH_SIZE), **{f"{name} there": version for name, version in versions.items()}}


EXPORTER: Exporter = _LiteRTTorch()
