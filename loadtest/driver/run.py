"""One load run from the outside: headless Locust as a child process, and the records that it leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Final

from loadtest import records, spool
from loadtest.errors import LoadError
from loadtest.plan import LoadPlan, write_plan
from servers import SupervisedProcess
from servers.errors import ProcessError

_LOCUSTFILE: Final = Path(__file__).parents[1] / "locustfile.py"
_LOG: Final = "load.log"
_POLL_S: Final = 0.1
_MARGIN_S: Final = 60.0
"""For the preparations, and again for the end: what takes longer hangs."""
_STOP_GRACE_S: Final = 30.0
"""For the engine to await the last answers and to write its records."""


def run(
    plan: LoadPlan,
    folder: Path,
    *,
    driver_cores: tuple[int, ...] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> records.Records:
    """Offer the load of ``plan`` and return what was recorded.

    ``folder`` gets ``plan.json``, ``records.parquet`` and ``load.log``; also when this is interrupted, or when the
    engine or Locust dies: the records then hold what was measured until then, and say that the run was not finished.

    Args:
        plan: what to do.
        folder: the run's own; made if it is not there.
        driver_cores: CPU cores for Locust, which has little to do; by default ``plan.core``, where the engine goes, so
            that it takes no time from a server.
        on_progress: told from time to time which share of the run, warm-up included, is over.

    Raises:
        LoadError: nothing was measured, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (records.NAME, spool.NAME):
            (folder / old).unlink(missing_ok=True)
        write_plan(folder, plan)
        process = _start(plan, folder, driver_cores)
    except OSError as error:
        raise LoadError(f"{folder}: cannot be written ({error.strerror or error})") from error
    try:
        _wait(process, plan, folder, on_progress or (lambda _: None))
    except BaseException:
        process.stop(_STOP_GRACE_S)
        with suppress(LoadError):
            records.recover(folder)
        raise
    process.stop(_STOP_GRACE_S)
    return _collect(plan, folder)


def _start(plan: LoadPlan, folder: Path, cores: tuple[int, ...] | None) -> SupervisedProcess:
    argv = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--headless", "--only-summary"]
    argv += ["--plan", str(folder), "--users", "1", "--exit-code-on-error", "0"]
    if cores is None and plan.core is not None:
        with suppress(ProcessError):  # no such core for us: the engine says so
            return SupervisedProcess.start(argv, log=folder / _LOG, cores=(plan.core,))
    return SupervisedProcess.start(argv, log=folder / _LOG, cores=cores)


def _wait(process: SupervisedProcess, plan: LoadPlan, folder: Path, on_progress: Callable[[float], None]) -> None:
    """Until its end, or until it is clear that it hangs."""
    length_ns = (plan.warmup_s + plan.duration_s) * 1e9
    patience_ns = (plan.timeout_s + _MARGIN_S) * 1e9
    deadline_ns = monotonic_ns() + length_ns + patience_ns
    window: spool.Window | None = None
    while monotonic_ns() < deadline_ns:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            window = window or _window(folder)
        if window:
            deadline_ns = window.end_ns + patience_ns
            on_progress(min(1.0, max(0.0, 1.0 - (window.end_ns - monotonic_ns()) / length_ns)))


def _window(folder: Path) -> spool.Window | None:
    try:
        reader = spool.SpoolReader(folder / spool.NAME)
    except (FileNotFoundError, LoadError):
        return None  # the engine has not begun
    reader.close()
    return reader.window


def _collect(plan: LoadPlan, folder: Path) -> records.Records:
    try:
        found = records.recover(folder)
    except records.NotWrittenError:
        raise
    except LoadError as error:
        raise LoadError(f"nothing was measured: {_reason(folder / _LOG)}") from error
    if not len(found.intended_ns):
        length_s = plan.warmup_s + plan.duration_s
        raise LoadError(
            f"nothing was measured: no request falls into the run: {plan.scenario.label} for {length_s:g} s"
            if found.facts.finished
            else "nothing was measured: it was stopped before the first request ended"
        )
    return found


def _reason(log: Path) -> str:
    """What Locust logged as an error last, or its last words."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.partition("/ERROR/")[2].partition(": ")[2] for line in lines if "/ERROR/" in line]
    words = [line for line in lines if "|" not in line]  # its tables come at the end whatever has happened
    return (errors or words or ["it left no word"])[-1].strip()
