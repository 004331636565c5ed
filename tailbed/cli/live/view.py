"""An experiment's listener: on a terminal a screen on standard error, elsewhere a line for each run that is over."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live

from tailbed.cli.live.course import Course, flaws
from tailbed.cli.live.screen import draw
from tailbed.cli.live.words import duration, left, milliseconds, title, verdict

if TYPE_CHECKING:
    from tailbed.experiment.order import Run
    from tailbed.results.schema import RunResult
    from tailbed.suite import Suite

_MOST_A_SECOND = 2
"""Redrawing takes CPU time beside the measurement."""


class LiveView:
    """Shows what runs, what is left, the last results and what was found invalid.

    Everything is drawn by the thread that tells of it, which is kept off the server's cores while it measures, at most
    twice a second; a thread of its own could be anywhere. In the end the screen is gone and the terminal as it was.
    """

    def __init__(
        self,
        suite: Suite | None = None,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._course = Course(suite, clock)
        self._clock = clock
        self._drawn: deque[float] = deque(maxlen=_MOST_A_SECOND)
        self._said: str | None = None
        shows = self._console.is_terminal and not self._console.is_dumb_terminal
        # What others write on standard output must not come out on standard error, which rich would make of it.
        live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live = live if shows else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._live:
            return
        self._live.stop()
        if self._course.finished:
            self.say(self._summary())

    def say(self, line: str) -> None:
        """Tell a line that stays, above the screen; what is written past this, as ``click.echo`` does, spoils it."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def exporting(self, ref: str) -> None:
        """An export begins."""
        self._prepare(f"exporting {ref}")

    def preparing(self, what: str) -> None:
        """Something is measured before the runs; see ``Listener``."""
        self._prepare(what)

    def measuring(self, runs: Sequence[Run]) -> None:
        """These runs follow; see ``Listener``."""
        self._course.measuring(runs)

    def run_started(self, run: Run) -> Callable[[float], None]:
        """A run begins; see ``Listener``."""
        self._course.started(run)
        self._draw(_MOST_A_SECOND)

        def advance(share: float) -> None:
            self._course.share = share
            self._draw(1)

        return advance

    def run_ended(self, run: Run, outcome: RunResult | str) -> None:
        """A run is over; see ``Listener``."""
        self._course.ended(run, outcome)
        if not self._live:
            self.say(self._line(run, outcome))

    def _prepare(self, what: str) -> None:
        self._course.doing = what
        if self._live:
            self._draw(_MOST_A_SECOND)
            return
        # What follows the colon is how far that is.
        about = what.partition(":")[0]
        if about != self._said:
            self._said = about
            self.say(about)

    def _draw(self, most: int) -> None:
        """Draw, unless that was done ``most`` times in the last second: what begins may interrupt what goes on."""
        now = self._clock()
        if self._live is None or sum(now - then < 1 for then in self._drawn) >= most:
            return
        self._drawn.append(now)
        size = self._console.size
        self._live.update(draw(self._course, size.width, size.height), refresh=True)

    def _line(self, run: Run, outcome: RunResult | str) -> str:
        word, _ = verdict(outcome)
        count = f"{self._course.finished} of {self._course.total}" if self._course.total else f"{self._course.finished}"
        where = ", ".join(filter(None, [count, left(self._course.left_s())]))
        if isinstance(outcome, str):
            return f"{word:8} {outcome} ({where})"
        figures = f"P50 {milliseconds(outcome.p50_ms)} ms, P99 {milliseconds(outcome.p99_ms)} ms"
        reasons = "".join(f"; {reason}" for _, reason in flaws(run, outcome))
        return f"{word:8} {title(run)}: {figures} ({where}){reasons}"

    def _summary(self) -> str:
        counts: Counter[str] = Counter()
        for group in self._course.found.values():
            counts[group.verdict] += group.count
        flawed = "".join(f", {count} {verdict}" for verdict, count in counts.most_common())
        return f"{self._course.finished} runs in {duration(self._course.elapsed_s())}{flawed}"
