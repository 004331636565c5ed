"""Looking at a machine: which parts of tailbed it can run, and what would make it measure better."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import psutil

from exporters import ArtifactStore, all_exporters
from exporters.environments import ENVIRONMENTS
from models import MODELS, home
from servers import STACKS, ProcessError
from servers.runtimes import RUNTIMES
from tailbed.experiment.core_stalls import measure_stalls
from tailbed.experiment.placement import permitted_niceness, place, siblings
from tailbed.planning.balancers.program import executable, version
from tailbed.planning.balancers.validation import PROGRAMS
from tailbed.report.pdf import BROWSERS

_STALLS_S: Final = 1.0
_NOISY: Final = 0.005
"""Share of the time. It is half of the tail of a P99: of short answers none stands if more is taken from the client."""
_LISTED: Final = 4
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True)
class Finding:
    """One part of the machine or of tailbed.

    Attributes:
        state: whether it can be used; a warning can be used but may blur the figures.
        part: what was looked at.
        found: what is there.
        advice: what to do, where there is something to do.
    """

    state: Literal["ok", "warning", "missing"]
    part: str
    found: str
    advice: str | None = None


def examine() -> list[Finding]:
    """Everything worth knowing before a measurement, machine first."""
    parts = (_machine(), _models(), _exporters(), _runtimes(), _stacks(), _environments())
    return [*(finding for part in parts for finding in part), _containers(), _balancers(), _browser()]


def _machine() -> Iterator[Finding]:
    yield from _cores()
    memory = psutil.virtual_memory()
    found = f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB free"
    yield Finding("ok" if memory.available > 2**30 else "warning", "memory", found)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists():
        name = governor.read_text(encoding="ascii").strip()
        advice = None if name == "performance" else "set it to performance: cpupower frequency-set -g performance"
        yield Finding("warning" if advice else "ok", "CPU governor", name, advice)
    else:
        yield Finding("ok", "CPU governor", "none to be seen (usual in a virtual machine)")
    load = os.getloadavg()[0]
    busy = load > 0.5 * len(os.sched_getaffinity(0))
    advice = "something else is running: stop it before you measure" if busy else None
    yield Finding("warning" if busy else "ok", "load", f"{load:.2f} over the last minute", advice)


def _cores() -> Iterator[Finding]:
    nice = permitted_niceness()
    try:
        placement = place(measure_stalls(seconds=_STALLS_S, nice=nice))
    except ProcessError as error:
        yield Finding("warning", "cores", str(error))
        return
    if placement.server is None or placement.client is None:
        yield Finding("warning", "cores", "1: client and server take each other's time", "measure on two or more cores")
    else:
        count = len(os.sched_getaffinity(0))
        found = (
            f"{count}: an experiment now would have client on {placement.client}, servers on {_span(placement.server)}"
        )
        twins = siblings(placement.client).intersection(placement.server)
        advice = "they are hardware threads of one physical core: measure on two or more" if twins else None
        yield Finding("warning" if twins else "ok", "cores", found, advice)
    if nice is None:
        advice = "run as root, or allow it (ulimit -e 30), so that less is taken from server and client"
        yield Finding("warning", "priority", "cannot be raised", advice)
    else:
        yield Finding("ok", "priority", f"server and client get niceness {nice}")
    noisiest = sorted(placement.stalls, key=lambda core: -core.share)
    found = ", ".join(
        f"core {core.core} {core.share:.2%} ({core.longest_ms:.1f} ms at the longest)" for core in noisiest[:_LISTED]
    )
    noisy = noisiest[0].share >= _NOISY
    advice = "hardly a P99 will stand: stop what else runs, or keep tailbed off such cores (taskset)" if noisy else None
    yield Finding("warning" if noisy else "ok", "cores taken away", f"of {_STALLS_S:g} s: {found}", advice)


def _models() -> Iterator[Finding]:
    store = ArtifactStore()
    kept = ", ".join(artifact.ref for artifact in store.list()) or "none exported yet"
    yield Finding("ok", "models", ", ".join(MODELS.names()))
    yield Finding("ok", "artifacts", kept)
    existing = next(folder for folder in (home(), *home().resolve().parents) if folder.exists())
    writable = existing.is_dir() and os.access(existing, os.W_OK)
    advice = None if writable else "set TAILBED_HOME to a folder that can be written"
    yield Finding("ok" if writable else "missing", "home", str(home()), advice)


def _exporters() -> Iterator[Finding]:
    for exporter in all_exporters():
        yield _packages(f"export {exporter.framework} to {exporter.format}", exporter.packages)


def _runtimes() -> Iterator[Finding]:
    for name in RUNTIMES.names():
        runtime = RUNTIMES.get(name)
        yield _packages(f"runtime {name}", runtime.packages, f" for {', '.join(runtime.formats)}")


def _stacks() -> Iterator[Finding]:
    for name in STACKS.names():
        stack = STACKS.get(name)
        missing = stack.missing()
        state: Literal["ok", "missing"] = "missing" if missing else "ok"
        needs = f", in the environment {stack.environment.name}" if stack.environment else ""
        stands_in = f", in the place of {stack.stands_in_for}" if stack.stands_in_for else ""
        yield Finding(state, f"stack {name}", f"{stack.protocol}{needs}{stands_in}", missing)


def _environments() -> Iterator[Finding]:
    """Those that ``tailbed install`` makes. Without one of them only what needs it is missing, which says so itself."""
    for name, environment in {**ENVIRONMENTS, **STACKS.environments()}.items():
        if environment.installed:
            yield Finding("ok", f"environment {name}", str(environment.folder))
        else:
            outdated = environment.folder.exists()
            found = "of other versions than are wanted" if outdated else "not installed"
            yield Finding("missing", f"environment {name}", found, f"tailbed install {name}")


def _containers() -> Finding:
    """What ``docker compose up`` needs, and nothing else does."""
    asked = {
        "Docker Engine": ("docker", "version", "--format", "{{.Server.Version}}"),
        "Compose": ("docker", "compose", "version", "--short"),
    }
    told = {part: _told(argv) for part, argv in asked.items()}
    if absent := [part for part, version in told.items() if version is None]:
        return Finding(
            "missing", "containers", f"without {' and '.join(absent)}", "see docs/COMPOSE.md for what it needs"
        )
    return Finding("ok", "containers", ", ".join(f"{part} {version}" for part, version in told.items()))


def _balancers() -> Finding:
    """What stands before two replicas in ``tailbed plan --validate``, and nothing else needs; one is enough."""
    part, purpose = "load balancers", "for tailbed plan --validate"
    if found := [version(program) for program in PROGRAMS if executable(program)]:
        return Finding("ok", part, f"{', '.join(found)}, {purpose}")
    advice = " or ".join(f"apt-get install {program.command}" for program in PROGRAMS)
    return Finding("missing", part, f"neither {' nor '.join(program.name for program in PROGRAMS)}, {purpose}", advice)


def _browser() -> Finding:
    """What prints the report page; a page that is only looked at takes any browser."""
    purpose = "for tailbed report --pdf"
    if found := next((path for name in BROWSERS if (path := shutil.which(name))), None):
        return Finding("ok", "browser", f"{found}, {purpose}")
    return Finding("missing", "browser", f"no Chromium or Chrome, {purpose}", "apt-get install chromium")


def _told(argv: Sequence[str]) -> str | None:
    """What a command says, or None where there is no such command, or it fails or hangs."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _packages(part: str, packages: tuple[str, ...], purpose: str = "") -> Finding:
    found, absent = [], []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            absent.append(package)
    if absent:
        return Finding("missing", part, f"without {', '.join(absent)}", f"pip install {' '.join(absent)}")
    return Finding("ok", part, ", ".join(found) + purpose)


def _span(cores: Sequence[int]) -> str:
    whole = len(cores) > 2 and cores[-1] - cores[0] == len(cores) - 1
    return f"{cores[0]}-{cores[-1]}" if whole else ", ".join(map(str, cores))
