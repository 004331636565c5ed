"""Where an experiment was measured: everything that could explain why another one came out differently."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from tailbed.experiment.placement import Placement

_CPU = Path("/sys/devices/system/cpu")


def describe_environment(placement: Placement) -> dict[str, Any]:
    """Machine, system, versions and commit as plain JSON values. What cannot be read is None."""
    return {
        "machine": {
            "cpu": _cpu_model(),
            "architecture": platform.machine(),
            "cores_usable": sorted(os.sched_getaffinity(0)),
            "cores_logical": psutil.cpu_count(logical=True),
            "cores_physical": psutil.cpu_count(logical=False),
            "governor": _read(_CPU / "cpu0/cpufreq/scaling_governor"),
            "boost": _read(_CPU / "cpufreq/boost"),
            "smt": _read(_CPU / "smt/active"),
            "hypervisor": _read(Path("/sys/class/dmi/id/sys_vendor")),
            "memory_bytes": psutil.virtual_memory().total,
        },
        "placement": placement.describe(),
        "system": {
            "kernel": platform.release(),
            "os": _os_name(),
            "clocksource": _read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
            "load_average": os.getloadavg(),
        },
        "software": {
            "python": platform.python_version(),
            "git": _git_commit(),
            "packages": {dist.name: dist.version for dist in sorted(metadata.distributions(), key=lambda d: d.name)},
        },
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _cpu_model() -> str | None:
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _git_commit() -> dict[str, Any] | None:
    """The checkout that this code runs from, or None when it was installed from a package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"commit": commit, "modified": bool(_git(root, "status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
