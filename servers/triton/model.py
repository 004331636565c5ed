"""The program that Triton's Python backend runs, in a process for each instance."""

from __future__ import annotations

import json
import locale
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

from exporters.artifact import Artifact
from exporters.checker import Compute
from models import TailbedError
from servers.inference.answering import Answer, answers
from servers.inference.collector import freeze
from servers.inference.instances import ComputeError
from servers.inference.loading import load
from servers.triton.tensors import from_triton, to_triton

# The embedded Python starts without the user's locale and without UTF-8 mode, and so takes text files for ASCII, which
# some of PyTorch's own are not.
with suppress(locale.Error):
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")


class TritonPythonModel:
    """An artifact on the runtime that computes it behind our own servers too. The backend calls its methods."""

    def initialize(self, told: Mapping[str, str]) -> None:
        """Load the artifact that the parameters of the model's configuration name."""
        parameters = {
            name: value["string_value"] for name, value in json.loads(told["model_config"])["parameters"].items()
        }
        try:
            artifact = Artifact.read(Path(parameters["folder"]))
            compute = Compute(parameters["device"], int(parameters["threads"]))
            self._model, facts = load(artifact, compute, max_batch=int(parameters["max_batch"]))
        except TailbedError as error:
            raise pb_utils.TritonModelException(str(error)) from None
        freeze()
        self._inputs = artifact.manifest.inputs
        listed = ", ".join(f"{name} {fact}" for name, fact in facts.items())
        pb_utils.Logger.log_info(f"{artifact.ref} is ready on {parameters['runtime']}: {listed}")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """A response to each request. The requests are one batch."""
        asked = [{spec.name: from_triton(request, spec.name) for spec in self._inputs} for request in requests]
        found = answers(self._model, self._inputs, asked)
        return [
            _response(answer, request.requested_output_names()) for answer, request in zip(found, requests, strict=True)
        ]


def _response(answer: Answer, wanted: Sequence[str]) -> Any:
    if isinstance(answer, TailbedError):
        failed = isinstance(answer, ComputeError)
        code = pb_utils.TritonError.INTERNAL if failed else pb_utils.TritonError.INVALID_ARG
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(answer), code))
    return pb_utils.InferenceResponse([to_triton(name, answer[name]) for name in wanted])
