"""What every command that measures does when it has ended or was stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailbed.results.folder import ExperimentFolder


def end(folder: ExperimentFolder, say: Callable[[str], None]) -> None:
    """Put the experiment into the history, write its report and say where it lies.

    To be called once all that is concluded is in the folder. What the history does not take is a line, and no more.
    """
    from tailbed import history
    from tailbed.report import write_report

    history.record(folder, lambda line: say(f"tailbed: {line}"))
    write_report(folder)
    say(f"results: {folder.path}")
