"""Cores that are kept from sleeping: real processes on real cores."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from servers import ProcessError
from tailbed.experiment.awake import kept_awake
from tailbed.experiment.services import Services
from tailbed.experiment.setting_up import Chosen
from tailbed.results.folder import ExperimentFolder
from tailbed.suite import Selection, Suite

PATIENCE_S = 20.0


def _idling() -> dict[int, psutil.Process]:
    """Processes below this one that have the lowest priority, by the one core that they may use."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        try:
            if os.sched_getscheduler(process.pid) == os.SCHED_IDLE:
                (core,) = os.sched_getaffinity(process.pid)
                found[core] = process
        except (ProcessLookupError, ValueError):
            continue
    return found


def _until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_core_has_a_process_that_spins_until_the_end() -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    with kept_awake(cores):
        _until(lambda: sorted(_idling()) == cores)
        spinning = list(_idling().values())
        before_s = [process.cpu_times().user for process in spinning]
        _until(lambda: all(p.cpu_times().user > s for p, s in zip(spinning, before_s, strict=True)))
    assert not any(process.is_running() for process in spinning)


def test_no_core_is_no_process() -> None:
    with kept_awake([]):
        assert not psutil.Process().children(recursive=True)


def test_a_core_that_there_is_not_is_one_line_and_nothing_is_left() -> None:
    first = min(os.sched_getaffinity(0))
    with pytest.raises(ProcessError), kept_awake([first, 4095]):
        pass
    assert not psutil.Process().children(recursive=True)


@pytest.mark.parametrize("asked", [False, True])
def test_an_experiment_keeps_its_cores_awake_where_its_suite_says_so(tmp_path: Path, asked: bool) -> None:
    suite = Suite.model_validate(
        {"name": "awake", "stacks": ["grpc"], "scenarios": [{"kind": "closed"}], "models": ["digits"]}
        | {"formats": ["onnx"], "keep_awake": asked}
    )
    chosen = Chosen(suite, Selection(()), Services.find([]))
    with chosen.experiment(ExperimentFolder.create(tmp_path / "results"), Mock(), Mock()) as experiment:
        cores = sorted(experiment.placement.cores) if asked else []
        _until(lambda: sorted(_idling()) == cores)
    assert not _idling()
