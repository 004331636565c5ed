"""Model -> artifact: exporters, one folder a format, and the artifact with its manifest."""

from exporters.artifact import ANSWERS, MANIFEST, Answers, Artifact, ArtifactError, Manifest, Parity
from exporters.export import Checker, export
from exporters.exporter import EXPORTERS, Exporter
from exporters.store import DEFAULT_PRECISION, ArtifactStore
from exporters.verification import TOLERANCES, ExportError

__all__ = [
    "ANSWERS",
    "DEFAULT_PRECISION",
    "EXPORTERS",
    "MANIFEST",
    "TOLERANCES",
    "Answers",
    "Artifact",
    "ArtifactError",
    "ArtifactStore",
    "Checker",
    "ExportError",
    "Exporter",
    "Manifest",
    "Parity",
    "export",
]
