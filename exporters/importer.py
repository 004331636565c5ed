"""What an importer is: it knows a format by a file's content, and reads what the file tells of its tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from exporters.importing.refusal import refusal
from models import Registry, TailbedError, TensorSpec


class ModelImportError(TailbedError):
    """A user's model that cannot be taken."""


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Attributes:
        inputs: in the order of its arguments; an axis of any length has a name.
        outputs: in the order in which they are returned.
        precision: of ``PRECISIONS``, as far as the file shows it.
        settings: for the manifest, such as the opset.
        notes: what the user must know of it, in words.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: str = "fp32"
    settings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Importer(Protocol):
    """Takes one format. Implementations import their library inside ``read`` and ``copy``, never at module level."""

    format: str
    title: str
    """What the format is called, such as ``TorchScript``."""
    suffix: str
    """Of files whose content does not tell: they get this format's own error."""
    packages: tuple[str, ...]
    """Distributions that ``read`` and ``copy`` take."""

    def recognises(self, path: Path) -> bool:
        """Whether the file or folder is of this format, by its content."""
        ...

    def read(self, path: Path, given: tuple[TensorSpec, ...]) -> Signature:
        """The tensors of the model.

        Args:
            path: the user's file or folder.
            given: what the user says of the inputs, for a file that does not tell them.

        Raises:
            ModelImportError: the file is damaged, or has what no artifact can have.
        """
        ...

    def copy(self, path: Path, folder: Path) -> str:
        """Put the model into an artifact's folder, as this format's runtime wants it. Returns its name in there."""
        ...


IMPORTERS: Registry[Importer] = Registry("exporters", entry="importer", attribute="IMPORTER")
"""Every ``exporters/<format>/importer.py``."""


def importer_of(path: Path) -> Importer:
    """The importer of a file or folder.

    Raises:
        ModelImportError: there is none for it, or it is a pickle, which is never loaded.
    """
    try:
        if not path.is_dir():
            path.open("rb").close()
    except OSError as error:
        raise ModelImportError(f"{path}: cannot be read: {error.strerror}") from error
    importers = [IMPORTERS.get(name) for name in IMPORTERS.names()]
    for importer in importers:
        if importer.recognises(path):
            return importer
    if reason := refusal(path):
        raise ModelImportError(f"{path}: {reason}")
    for importer in importers:
        if importer.suffix == path.suffix.lower() and path.is_file():
            return importer
    known = ", ".join(importer.title for importer in importers)
    raise ModelImportError(f"{path}: not a model that can be imported: its content is none of {known}")


@contextmanager
def reading(path: Path, title: str) -> Iterator[None]:
    """Give what a library raises about a user's file, which can be of any type and length, as one line."""
    try:
        yield
    except TailbedError:
        raise
    except Exception as error:
        first = next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
        raise ModelImportError(f"{path}: not a {title} model that can be read ({first})") from error
