"""One load run from the outside: headless Locust as a child process, and the records that it leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Final

from loadtest import records, spool
from loadtest.errors import LoadError
from loadtest.plan import LoadPlan, write_plan
from servers import SupervisedProcess

_LOCUSTFILE: Final = Path(__file__).parents[1] / "locustfile.py"
_LOG: Final = "load.log"
_POLL_S: Final = 0.1
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
        driver_cores: CPU cores for Locust, which has little to do; the engine goes to ``plan.core``.
        on_progress: told from time to time which share of the run, warm-up included, is over.

    Raises:
        LoadError: nothing was measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (records.NAME, spool.NAME):
        (folder / old).unlink(missing_ok=True)
    write_plan(folder, plan)
    argv = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--headless", "--only-summary"]
    argv += ["--plan", str(folder), "--users", "1", "--exit-code-on-error", "0"]
    process = SupervisedProcess.start(argv, log=folder / _LOG, cores=driver_cores)
    try:
        _wait(process, plan, folder, on_progress or (lambda _: None))
    finally:
        process.stop(_STOP_GRACE_S)
        found = _collect(folder)
    if found is None:
        raise LoadError(f"nothing was measured: {_reason(folder / _LOG)}")
    return found


def _wait(process: SupervisedProcess, plan: LoadPlan, folder: Path, on_progress: Callable[[float], None]) -> None:
    length_ns = (plan.warmup_s + plan.duration_s) * 1e9
    window: spool.Window | None = None
    while True:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            window = window or _window(folder)
        if window:
            on_progress(min(1.0, max(0.0, 1.0 - (window.end_ns - monotonic_ns()) / length_ns)))


def _window(folder: Path) -> spool.Window | None:
    try:
        reader = spool.SpoolReader(folder / spool.NAME)
    except (FileNotFoundError, LoadError):
        return None  # the engine has not begun
    reader.close()
    return reader.window


def _collect(folder: Path) -> records.Records | None:
    try:
        found = records.recover(folder)
    except LoadError:
        return None
    return found if len(found.intended_ns) else None


def _reason(log: Path) -> str:
    """What Locust logged as an error last, or its last words."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.partition("/ERROR/")[2].partition(": ")[2] for line in lines if "/ERROR/" in line]
    return f"{(errors or lines or ['it left no word'])[-1].strip()} (see {log})"
