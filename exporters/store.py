"""Where artifacts are kept, and how they are found."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from exporters.artifact import IMPORTED, MANIFEST, Artifact, ArtifactError
from exporters.exporter import PRECISIONS, exporter_for
from models import MODELS, UnknownName, home, published

DEFAULT_PRECISION = "fp32"

_log = logging.getLogger(__name__)


class ArtifactStore:
    """A folder of artifacts, ``<model>/<format>/<precision>/`` each; see ``exporters_of`` for the format's name.

    Args:
        root: the folder; ``home()/artifacts`` by default. It need not exist yet.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = home() / "artifacts" if root is None else root

    def find(self, ref: str) -> Artifact:
        """The artifact that ``ref`` names, its file checked.

        ``ref`` is ``model/format`` (in fp32), ``model/format/precision``, or the path of an artifact's folder.

        Raises:
            ArtifactError: there is no such artifact, or its file is not the one that was made.
            UnknownName: ``ref`` names a model or a format that does not exist.
        """
        parts = ref.split("/")
        if len(parts) == 2:
            parts.append(DEFAULT_PRECISION)
        named = len(parts) == 3 and not {"", ".", ".."} & set(parts)
        if named and (self.root.joinpath(*parts) / MANIFEST).exists():
            return self.open(self.root.joinpath(*parts))
        if (Path(ref) / MANIFEST).exists():
            return self.open(Path(ref))
        if not named:
            raise ArtifactError(
                f"no artifact {ref!r}: name one as model/format, such as digits/onnx, or give its folder's path"
            )
        model, format, precision = parts
        exporter_for(MODELS.get(model), format)
        if precision not in PRECISIONS:
            raise UnknownName(f"unknown precision {precision!r}: choose from {', '.join(PRECISIONS)}")
        raise ArtifactError(f"no artifact {ref!r} in {self.root}: make it with 'tailbed export {model} --to {format}'")

    def imported(self, ref: str) -> Artifact | None:
        """The artifact ``model/format/precision`` if it is a user's file, checked; None if it is not there, or ours.

        Raises:
            ArtifactError: its file is not the one that was imported.
        """
        try:
            found = Artifact.read(self.root / ref)
        except ArtifactError:
            return None
        return self.open(found.folder) if found.manifest.framework == IMPORTED else None

    @staticmethod
    def open(folder: Path) -> Artifact:
        """The artifact in ``folder``, its file checked.

        Raises:
            ArtifactError: it is not an artifact, or its file is not the one that was made.
        """
        artifact = Artifact.read(folder)
        artifact.check()
        return artifact

    def list(self) -> Sequence[Artifact]:
        """All artifacts by name, files unchecked; one whose manifest cannot be read is left out with a warning."""
        artifacts = []
        for path in sorted(self.root.glob(f"[!.]*/*/*/{MANIFEST}")):
            try:
                artifacts.append(Artifact.read(path.parent))
            except ArtifactError as error:
                _log.warning("%s", error)
        return artifacts

    @contextmanager
    def publish(self, model: str, format: str, precision: str) -> Iterator[Path]:
        """Fill an empty folder that becomes the artifact when the block ends well, as ``models.published`` says."""
        with published(self.root, f"{model}/{format}/{precision}") as folder:
            yield folder
