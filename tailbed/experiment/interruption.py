"""A load that the user may stop: what was measured until then is still a result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import loadtest
from loadtest.plan import LoadPlan
from loadtest.records import Records, recover
from models import TailbedError
from tailbed.results.schema import RunResult

Progress = Callable[[float], None]
"""Told the share of the run that is over, 0 to 1."""


class Interrupted(KeyboardInterrupt):
    """The user stopped the run. Carries what was measured until then, if anything was."""

    def __init__(self, result: RunResult | None) -> None:
        super().__init__()
        self.result = result


def measure(
    plan: LoadPlan,
    folder: Path,
    reduce: Callable[[Records], RunResult],
    progress: Progress,
    *,
    engines: int = 1,
    cores: tuple[int, ...] = (),
) -> RunResult:
    """Offer the load of ``plan`` and reduce what was recorded, also when the user stops it.

    Args:
        engines, cores: as in ``loadtest.run``.

    Raises:
        LoadError: nothing was measured.
        Interrupted: the user stopped it.
    """
    try:
        return reduce(loadtest.run(plan, folder, engines=engines, cores=cores, on_progress=progress))
    except KeyboardInterrupt as stopped:
        raise Interrupted(_salvage(folder, reduce)) from stopped


def _salvage(folder: Path, reduce: Callable[[Records], RunResult]) -> RunResult | None:
    """The figures of a run that was stopped, if any request was recorded."""
    try:
        return reduce(recover(folder))
    except TailbedError:
        return None
