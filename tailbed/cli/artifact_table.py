"""Artifacts as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporters import Artifact


def print_artifacts(artifacts: Sequence[Artifact]) -> None:
    """Print a row an artifact: how large it is, how long it took to make, and how good it is."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("artifact", no_wrap=True)
    for column in ("MB", "export, s", "difference", "agreement, %", "accuracy, %", "behaviour"):
        table.add_column(column.replace(", ", "\n"), justify="right", no_wrap=True)
    for artifact in artifacts:
        table.add_row(artifact.ref, *_cells(artifact))
    Console().print(table)


def _cells(artifact: Artifact) -> tuple[str, ...]:
    manifest = artifact.manifest
    parity, behaviours = manifest.parity, manifest.behaviours
    passed, cases = (sum(getattr(result, count) for result in behaviours) for count in ("passed", "cases"))
    return (
        f"{manifest.size_bytes / 1e6:.2f}",
        "-" if manifest.export_seconds is None else f"{manifest.export_seconds:.1f}",
        "-" if parity is None else f"{parity.max_abs_diff / parity.scale:.1e}",
        "-" if parity is None else f"{100 * parity.label_agreement:.1f}",
        "-" if manifest.accuracy is None else f"{100 * manifest.accuracy:.1f}",
        f"{passed}/{cases}" if behaviours else "-",
    )
