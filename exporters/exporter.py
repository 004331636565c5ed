"""What an exporter is: one format that a framework's model can be written in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from models import Model, Registry, Source


class Exporter(Protocol):
    """Writes one format. Implementations import their framework inside ``write``, never at module level."""

    format: str
    framework: str
    """The source framework that it reads."""
    filename: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    """Distributions whose versions decide what is written, for the manifest."""

    def write(self, model: Model, source: Source, precision: str, path: Path) -> None:
        """Write ``source`` to ``path`` with a dynamic batch axis."""
        ...


EXPORTERS: Registry[Exporter] = Registry("exporters", entry="exporter", attribute="EXPORTER")
"""Every ``exporters/<format>/exporter.py``."""
