"""Whether an artifact would come out the same again, told without importing any framework."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path

from exporters.checker import Checker
from exporters.cpu_features import cpu_features
from exporters.evaluation import digest_of
from exporters.exporter import Exporter
from exporters.verification import TOLERANCES
from models import Model
from models.weights import identity


def fingerprint(model: Model, exporter: Exporter, precision: str, checker: Checker, versions: Mapping[str, str]) -> str:
    """SHA-256 over everything that the artifact is made and checked from.

    That is the weights, the data, the versions of the packages, and the text of the modules that build the model,
    write the format and load it: an option that is set there has no version. The processor is part of it too: some
    formats are compiled or quantized for it, and the answers and their parity are those that it computed.
    """
    facts = {
        "model": [model.name, *map(asdict, model.inputs), *map(asdict, model.outputs)],
        "weights": identity(model),
        "data": _data(model),
        "versions": dict(versions),
        "machine": [platform.machine(), *cpu_features()],
        "precision": [precision, TOLERANCES[precision]],
        "exporter": [exporter.format, exporter.framework],
        "text": [
            *map(_text, (model.package, "models", "models.frameworks", "models.weights")),
            *map(_text, _and_above(_package(checker))),
            _text("exporters", "**/*.py"),  # formats share modules; and one of them has a list of what it installs
            _text("exporters", "**/*.txt"),
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def _data(model: Model) -> str:
    digest = hashlib.sha256()
    evaluation = model.evaluation()
    sets = [evaluation.inputs, model.requests(), model.calibration() if model.calibration else {}]
    sets += [{} if evaluation.labels is None else {"labels": evaluation.labels}]
    sets += [behaviour.inputs for behaviour in model.behaviours()]
    for tensors in sets:
        digest.update(digest_of(tensors).encode())
    return digest.hexdigest()


def _package(part: object) -> str:
    return type(part).__module__.rpartition(".")[0]


def _and_above(package: str) -> tuple[str, str]:
    """A package and the one that it is in, whose modules its own ones share."""
    return package, package.rpartition(".")[0] or package


@cache
def _text(package: str, files: str = "*.py") -> str:
    digest = hashlib.sha256()
    folder = Path(str(import_module(package).__file__)).parent
    for path in sorted(folder.glob(files)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
