"""What every command that measures does around it: the live view, what is put back, and in the end the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailbed.cli.live import LiveView
    from tailbed.experiment.experiment import Experiment
    from tailbed.experiment.setting_up import Chosen
    from tailbed.results.folder import ExperimentFolder


@contextmanager
def measuring(chosen: Chosen, folder: ExperimentFolder) -> Iterator[tuple[Experiment, LiveView]]:
    """An experiment that is ready, and the view that is its listener; ``end`` follows whichever way it ends."""
    from tailbed.cli.live import LiveView

    with (
        LiveView(chosen.suite) as view,
        chosen.experiment(folder, view, lambda line: view.say(f"tailbed: {line}")) as experiment,
    ):
        try:
            yield experiment, view
        finally:
            end(folder, view.say)


def end(folder: ExperimentFolder, say: Callable[[str], None]) -> None:
    """Put the experiment into the history, write its report and say where it lies.

    To be called once all that is concluded is in the folder. What the history does not take is a line, and no more.
    """
    from tailbed import history
    from tailbed.report import write_report

    history.record(folder, lambda line: say(f"tailbed: {line}"))
    write_report(folder)
    say(f"results: {folder.path}")
