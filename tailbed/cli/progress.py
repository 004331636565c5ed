"""Progress of an experiment on the terminal, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from tailbed.experiment.order import Run
    from tailbed.results.schema import RunResult


class ExperimentProgress:
    """A bar over all runs and one over the current run; each finished run leaves a line."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        # Redrawing takes CPU time beside the measurement: twice a second is enough for a bar of minutes.
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            refresh_per_second=2,
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> ExperimentProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def exporting(self, ref: str) -> None:
        """An export begins."""
        self._progress.update(self._task, description=f"exporting {ref}")

    def preparing(self, what: str) -> None:
        """Something is measured before the runs; see ``Listener``."""
        self._progress.update(self._task, description=what)

    def measuring(self, runs: Sequence[Run]) -> None:
        """So many runs follow; see ``Listener``."""
        self._progress.reset(self._task, total=len(runs), description="measuring")

    def run_started(self, run: Run) -> Callable[[float], None]:
        """A run begins; see ``Listener``."""

        def advance(share: float) -> None:
            self._progress.update(self._task, completed=run.number - 1 + share)

        self._progress.update(self._task, description=run.title)
        advance(0.0)
        return advance

    def run_ended(self, run: Run, outcome: RunResult | str) -> None:
        """A run is over; see ``Listener``."""
        self._progress.update(self._task, completed=run.number)
        if isinstance(outcome, str):
            self._console.print(f"[red]failed[/]   {outcome}", highlight=False)
            return
        colour = "green" if outcome.validity == "VALID" else "yellow"
        reasons = [*outcome.reasons, *filter(None, [outcome.missing.get("p99_ms")])]
        reason = f": {reasons[0]}" if reasons else ""
        self._console.print(f"[{colour}]{outcome.validity:8}[/] {run.title}{reason}", highlight=False)
