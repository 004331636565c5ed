"""AOTInductor packages, which are known and not taken."""

from __future__ import annotations

from pathlib import Path

from exporters.importer import Importer, ModelImportError, Signature
from exporters.importing.archive import entries
from models import TensorSpec


class _AOTInductor:
    """Native code for one machine. It tells no shapes, and given other ones than it was compiled for it reads past
    their end instead of failing: what a user says of them could not be checked."""

    format = "aotinductor"
    title = "AOTInductor"
    suffix = ""
    packages: tuple[str, ...] = ("torch",)

    def recognises(self, path: Path) -> bool:
        """Whether it is an archive with compiled programs."""
        return any(name.startswith("data/aotinductor/") for name in entries(path))

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:  # noqa: ARG002
        """Says what to import instead."""
        raise ModelImportError(
            f"{path}: an AOTInductor package: it tells no shapes, and its code checks none. Import the program that it "
            "was compiled from, saved with torch.export.save"
        )

    def copy(self, path: Path, folder: Path) -> str:
        """Never called: ``read`` takes none."""
        raise NotImplementedError


IMPORTER: Importer = _AOTInductor()
