"""Making what a study compares, and looking at each: exports, labels and kernels, kept in the experiment's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from exporters import Artifact, ArtifactStore, Evaluation
from models import TailbedError
from models.validation import first_problem
from servers import STACKS
from tailbed.experiment.exporting import export_artifact
from tailbed.quantization.choice import QuantizationError
from tailbed.quantization.kernels import Kernels, unseen
from tailbed.quantization.probe import probe
from tailbed.quantization.study import Looked, Name
from tailbed.results.folder import ExperimentFolder
from tailbed.suite.artifacts import Ref

_FOLDER = "quantization"


class _Facts(BaseModel):
    """Stored as ``quantization/FORMAT-PRECISION.json``, beside the labels in ``FORMAT-PRECISION.npz``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    precision: str
    sha256: str
    kernels: Kernels


def make(refs: Sequence[Ref], tell: Callable[[str], None]) -> tuple[list[Artifact], list[str]]:
    """Export every artifact, or take it as it is.

    Args:
        refs: model, format and precision of each.
        tell: told the reference of what is exported now.

    Returns:
        Those that there are now, and a line on each that could not be made and why: a model of a user's need not
        survive every precision.

    Raises:
        QuantizationError: none could be made.
    """
    artifacts: list[Artifact] = []
    left_out: list[str] = []
    for ref in refs:
        name = "/".join(ref)
        tell(name)
        try:
            artifacts.append(export_artifact(*ref, ArtifactStore()))
        except TailbedError as error:
            left_out.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
    if not artifacts:
        raise QuantizationError(f"nothing could be exported: {left_out[0]}")
    return artifacts, left_out


def look(
    artifacts: Sequence[Artifact], stack: str, folder: ExperimentFolder, tell: Callable[[str], None]
) -> dict[Name, Looked]:
    """See how each artifact labels the evaluation set and what it is computed with, and keep both in ``folder``.

    Args:
        artifacts: all of them.
        stack: what will serve them. What computes behind one that is not ours cannot be looked at.
        folder: of the experiment.
        tell: told what is done now.

    Raises:
        ArtifactError: the outcome of an evaluation is missing.
    """
    ours = STACKS.get(stack).environment is None
    looked: dict[Name, Looked] = {}
    for artifact in artifacts:
        manifest = artifact.manifest
        tell(f"kernels of {artifact.ref}")
        found = probe(artifact)
        if not ours:
            told = unseen(f"{stack} does not tell which instructions it uses")
            found = told.model_copy(update={"load_s": found.load_s, "request_ms": found.request_ms})
        evaluation = artifact.evaluation()
        facts = _Facts(format=manifest.export, precision=manifest.precision, sha256=manifest.sha256, kernels=found)
        path = _path(folder, manifest.export, manifest.precision)
        path.parent.mkdir(exist_ok=True)
        evaluation.write(path.with_suffix(".npz"))
        path.with_suffix(".json").write_text(facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
        looked[manifest.export, manifest.precision] = Looked(evaluation, found, manifest.sha256)
    return looked


def looked_at(folder: ExperimentFolder) -> Mapping[Name, Looked]:
    """What ``look`` kept in the folder of a study that goes on.

    Raises:
        QuantizationError: it is not the folder of a study, or something in it cannot be read.
    """
    found: dict[Name, Looked] = {}
    for path in sorted((folder.path / _FOLDER).glob("*.json")):
        try:
            facts = _Facts.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise QuantizationError(f"{path}: {first_problem(error)}") from error
        evaluation = Evaluation.read(path.with_suffix(".npz"))
        found[facts.format, facts.precision] = Looked(evaluation, facts.kernels, facts.sha256)
    if not found:
        raise QuantizationError(f"{folder.path}: not a folder of 'tailbed quantize': it has no {_FOLDER}/")
    return found


def _path(folder: ExperimentFolder, format: str, precision: str) -> Path:
    return folder.path / _FOLDER / f"{format}-{precision}"
