"""Model -> artifact: exporters, one folder a format, and the artifact with its manifest."""

from exporters.artifact import ANSWERS, MANIFEST, Answers, Artifact, ArtifactError, Manifest, Parity
from exporters.checker import Checker, Compute, ModelFile
from exporters.evaluation import Evaluation, EvaluationError
from exporters.export import export, unchanged
from exporters.exporter import PRECISIONS, Exporter, all_exporters, exporter_for, exporters_of
from exporters.import_artifact import Given, import_artifact, model_name
from exporters.importer import IMPORTERS, Importer, ModelImportError, Signature
from exporters.store import DEFAULT_PRECISION, ArtifactStore
from exporters.verification import TOLERANCES, ExportError

__all__ = [
    "ANSWERS",
    "DEFAULT_PRECISION",
    "IMPORTERS",
    "MANIFEST",
    "PRECISIONS",
    "TOLERANCES",
    "Answers",
    "Artifact",
    "ArtifactError",
    "ArtifactStore",
    "Checker",
    "Compute",
    "Evaluation",
    "EvaluationError",
    "ExportError",
    "Exporter",
    "Given",
    "Importer",
    "Manifest",
    "ModelFile",
    "ModelImportError",
    "Parity",
    "Signature",
    "all_exporters",
    "export",
    "exporter_for",
    "exporters_of",
    "import_artifact",
    "model_name",
    "unchanged",
]
