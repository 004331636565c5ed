"""One load run from the outside: headless Locust as a child process, and the records that it leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Final

from pydantic import ValidationError

from loadtest import records, spool
from loadtest.errors import LoadError
from loadtest.joining import engine_name, gather
from loadtest.plan import LoadPlan, Share, write_plan
from servers import SupervisedProcess
from servers.address import free_ports
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
    engines: int = 1,
    cores: tuple[int, ...] = (),
    driver_cores: tuple[int, ...] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> records.Records:
    """Offer the load of ``plan`` and return what was recorded.

    ``folder`` gets ``plan.json``, ``records.parquet`` and ``load.log``; also when this is interrupted, or when the
    engine or Locust dies: the records then hold what was measured until then, and say that the run was not finished.
    Of several engines, each one's own are in ``engine-0``, ``engine-1`` and so on; the records are all of them.

    Args:
        plan: what to do.
        folder: the run's own; made if it is not there.
        engines: how many share the load, each a process under a Locust worker of its own.
        cores: the client's CPU cores where there are several engines, which take them instead of ``plan.core``: one
            each if there are enough, else all share them and none spins.
        driver_cores: CPU cores for Locust, which has little to do; by default those of the engines, so that it takes
            no time from a server.
        on_progress: told from time to time which share of the run, warm-up included, is over.

    Raises:
        LoadError: it cannot be shared so, nothing was measured, or it cannot be written.
    """
    if engines < 1:
        raise LoadError(f"{engines} engines: there must be at least one")
    if engines == 1:
        cores = () if plan.core is None else (plan.core,)
    plans = {folder: plan} | ({} if engines == 1 else _shared(plan, folder, engines, cores))
    try:
        for each, its_plan in plans.items():
            each.mkdir(parents=True, exist_ok=True)
            for old in (records.NAME, spool.NAME):
                (each / old).unlink(missing_ok=True)
            write_plan(each, its_plan)
        process = _start(folder, engines, cores, driver_cores)
    except OSError as error:
        raise LoadError(f"{folder}: cannot be written ({error.strerror or error})") from error
    try:
        # The others begin and end when the last of them does.
        _wait(process, plan, list(plans)[-1], on_progress or (lambda _: None))
    except BaseException:
        process.stop(_STOP_GRACE_S)
        with suppress(LoadError):
            _left(folder, engines)
        raise
    process.stop(_STOP_GRACE_S)
    return _collect(plan, folder, engines)


def _shared(plan: LoadPlan, folder: Path, engines: int, cores: tuple[int, ...]) -> dict[Path, LoadPlan]:
    """The engines' own plans, by folder."""
    try:
        return {
            folder / engine_name(index): LoadPlan.model_validate(
                dict(plan)
                | {"share": Share(of=engines, index=index), "core": cores[index] if engines <= len(cores) else None}
            )
            for index in range(engines)
        }
    except ValidationError as error:
        raise LoadError(f"{engines} engines: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


def _start(
    folder: Path, engines: int, cores: tuple[int, ...], driver_cores: tuple[int, ...] | None
) -> SupervisedProcess:
    argv = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--headless", "--only-summary"]
    argv += ["--plan", str(folder), "--users", str(engines), "--exit-code-on-error", "0"]
    if engines > 1:
        port = str(free_ports("127.0.0.1", ("master",))["master"])
        argv += ["--processes", str(engines), "--spawn-rate", str(engines), "--expect-workers-max-wait", "60"]
        argv += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        argv += ["--master-host", "127.0.0.1", "--master-port", port]
    if driver_cores is None and cores:
        with suppress(ProcessError):  # no such core for us: the engine says so
            return SupervisedProcess.start(argv, log=folder / _LOG, cores=cores)
    return SupervisedProcess.start(argv, log=folder / _LOG, cores=driver_cores)


def _left(folder: Path, engines: int) -> records.Records:
    return records.recover(folder) if engines == 1 else gather(folder, engines)


def _wait(process: SupervisedProcess, plan: LoadPlan, folder: Path, on_progress: Callable[[float], None]) -> None:
    """Until its end, or until it is clear that it hangs."""
    patience_ns = (plan.timeout_s + _MARGIN_S) * 1e9
    deadline_ns = monotonic_ns() + (plan.longest_warmup_s + plan.duration_s) * 1e9 + patience_ns
    window: spool.Window | None = None
    while monotonic_ns() < deadline_ns:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            # Again each time: it comes sooner than planned where the warm-up ends as soon as the load is steady.
            window = _window(folder) or window
        if window:
            deadline_ns = window.end_ns + patience_ns
            over_ns, length_ns = (time_ns - window.load_start_ns for time_ns in (monotonic_ns(), window.end_ns))
            on_progress(min(1.0, max(0.0, over_ns / length_ns)))


def _window(folder: Path) -> spool.Window | None:
    try:
        reader = spool.SpoolReader(folder / spool.NAME)
    except (FileNotFoundError, LoadError):
        return None  # the engine has not begun
    try:
        return reader.window
    finally:
        reader.close()


def _collect(plan: LoadPlan, folder: Path, engines: int) -> records.Records:
    try:
        found = _left(folder, engines)
    except records.NotWrittenError:
        raise
    except LoadError as error:
        raise LoadError(f"nothing was measured: {_error(folder / _LOG) or _last_words(folder / _LOG)}") from error
    if not len(found.intended_ns):
        length_s = plan.warmup_limit_s + plan.duration_s
        reason = (
            f"no request falls into the run: {plan.scenario.label} for {length_s:g} s"
            if found.facts.finished
            else _error(folder / _LOG) or "it was stopped before the first request ended"
        )
        raise LoadError(f"nothing was measured: {reason}")
    return found


def _error(log: Path) -> str | None:
    """What Locust logged as an error last."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line.partition("/ERROR/")[2].partition(": ")[2] for line in lines if "/ERROR/" in line]
    return errors[-1].strip() if errors else None


def _last_words(log: Path) -> str:
    # Its tables come at the end whatever has happened.
    words = [line for line in log.read_text(errors="replace").splitlines() if line.strip() and "|" not in line]
    return words[-1].strip() if words else "it left no word"
