"""Looking at a machine: which parts of tailbed it can run, and what would make it measure better."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from exporters import EXPORTERS, ArtifactStore
from models import MODELS, home
from servers import STACKS
from servers.runtimes import RUNTIMES


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
    return [*_machine(), *_models(), *_exporters(), *_runtimes(), *_stacks()]


def _machine() -> Iterator[Finding]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        yield Finding("ok", "cores", f"{len(cores)}: client on {cores[-1]}, servers on {_span(cores[:-1])}")
    else:
        yield Finding("warning", "cores", "1: client and server take each other's time", "measure on two or more cores")
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
    busy = load > 0.5 * len(cores)
    advice = "something else is running: stop it before you measure" if busy else None
    yield Finding("warning" if busy else "ok", "load", f"{load:.2f} over the last minute", advice)


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
    for name in EXPORTERS.names():
        yield _packages(f"export to {name}", EXPORTERS.get(name).packages)


def _runtimes() -> Iterator[Finding]:
    for name in RUNTIMES.names():
        runtime = RUNTIMES.get(name)
        yield _packages(f"runtime {name}", runtime.packages, f" for {', '.join(runtime.formats)}")


def _stacks() -> Iterator[Finding]:
    for name in STACKS.names():
        stack = STACKS.get(name)
        missing = stack.missing()
        state: Literal["ok", "missing"] = "missing" if missing else "ok"
        yield Finding(state, f"stack {name}", stack.protocol, missing)


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


def _span(cores: list[int]) -> str:
    return str(cores[0]) if len(cores) == 1 else f"{cores[0]}-{cores[-1]}"
