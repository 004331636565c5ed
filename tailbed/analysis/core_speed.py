"""Whether the server's cores were always as fast, by the CPU time of a fixed piece of work on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tailbed.results.schema import Cell, Measurement

EVEN: Final = 1.15
"""The factor within which speeds are alike: more than readings of a quiet core differ by, less than it costs a core
when another hardware thread of it works (1.3 to 2)."""


def uneven_speed(cells: Iterable[Cell]) -> str | None:
    """One sentence for the reader where speeds differ, within the cells' runs or between them; None where they do not.

    It is told, and no run is INVALID for it: which requests it moved, and how far, is not known, since work that waits
    for memory is slowed down otherwise than the piece of work is.
    """
    runs: list[Measurement] = []
    for cell in cells:
        runs += cell.runs or [cell]
    known = [
        (each.fastest_work_us, each.work_us, each.slowest_work_us)
        for each in (run.resources for run in runs)
        if each and each.fastest_work_us and each.work_us and each.slowest_work_us
    ]
    if not known:
        return None
    best_us = min(fastest for fastest, _, _ in known)
    within = sum(slowest > EVEN * fastest for fastest, _, slowest in known)
    usual = sorted(best_us / median for _, median, _ in known)
    differ = []
    if usual[-1] > EVEN * usual[0]:
        differ.append(f"computed at {usual[0]:.0%} to {usual[-1]:.0%} of their best speed (medians of runs)")
    if within:
        differ.append(f"changed their speed by more than {EVEN - 1:.0%} within {within} of {len(known)} runs")
    return f"the server's cores {' and '.join(differ)}: figures may differ by that" if differ else None
