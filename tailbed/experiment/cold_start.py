"""A deployment's cold start, from fresh processes of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from exporters import Artifact
from servers import Deployment, RunningServer, start
from tailbed.experiment.first_answer import observe_cold_start
from tailbed.experiment.idle_gaps import measure_idle_gaps, repetitions
from tailbed.experiment.null_server import null_server
from tailbed.experiment.page_cache import Dropped, drop, files_of, modules_below
from tailbed.experiment.placement import off_cores
from tailbed.results.schema import ColdStart, ColdStartStudy

_OURS: Final = ("servers", "exporters", "models")
"""What our own servers import; a development install has it outside of every Python installation."""
_START_S: Final = 2.0
"""What a start is taken for where progress is told: it takes longer or shorter, and pauses take what they take."""


def study_cold_start(
    deployment: Deployment,
    folder: Path,
    *,
    processes: int,
    idle_gaps_s: Sequence[float],
    start_timeout_s: float,
    timeout_s: float,
    progress: Callable[[float], None],
    nice: int | None = None,
) -> ColdStartStudy:
    """Start a deployment's server again and again, the page cache warm and dropped in turns.

    A first process, which is not counted, fills the page cache, shows which files the server reads, and serves for the
    idle gaps. Each start with a dropped cache fills it again for the warm one after it. While this runs, the calling
    thread keeps off the server's cores.

    Args:
        deployment: what is started.
        folder: gets a folder for each process, with its log.
        processes: how many with a warm cache, and as many with a dropped one.
        idle_gaps_s: lengths of the pauses after which a first request is timed, in seconds, above 0.
        start_timeout_s: how long a server may take to get ready.
        timeout_s: how long an answer may take.
        progress: told the share that is over, 0 to 1.
        nice: niceness of the servers; this process's own by default.

    Raises:
        TailbedError: a server did not get ready, or left a request after a gap unanswered.
    """
    artifact = deployment.artifact
    answers = artifact.answers()
    pauses_s = sum(gap_s * repetitions(gap_s) for gap_s in idle_gaps_s)
    whole_s = (1 + 2 * processes) * _START_S + pauses_s
    warm: list[ColdStart] = []
    cold: list[ColdStart] = []
    drops: list[Dropped] = []

    def observe(server: RunningServer) -> ColdStart:
        stages = observe_cold_start(server, answers, tolerance=artifact.manifest.answer_tolerance, timeout_s=timeout_s)
        assert stages is not None  # it has just been started
        return stages

    with off_cores(deployment.cores) as own_cores:
        with start(deployment, folder=folder / "first", timeout_s=start_timeout_s, nice=nice) as server:
            observe(server)
            protocol = server.endpoint.protocol
            with _companion(artifact, protocol, folder / "first", own_cores) as companion_url:
                idle = measure_idle_gaps(
                    server.endpoint,
                    answers,
                    idle_gaps_s,
                    timeout_s=timeout_s,
                    companion_url=companion_url,
                    passed=lambda over_s: progress((_START_S + over_s) / whole_s),
                )
            assert server.process.pid is not None
            files = files_of(server.process.pid) | _files_in(artifact.folder) | _our_modules()
        for number in range(1, processes + 1):
            for name, starts in (("dropped", cold), ("warm", warm)):
                own = folder / f"{name}-{number}"

                def drop_all(own: Path = own) -> None:
                    # What was prepared for this start as well: it is fresh in the cache.
                    drops.append(drop(files | _files_in(own)))

                with start(
                    deployment,
                    folder=own,
                    timeout_s=start_timeout_s,
                    nice=nice,
                    before_exec=drop_all if starts is cold else None,
                ) as server:
                    starts.append(observe(server))
                progress((_START_S * (1 + len(cold) + len(warm)) + pauses_s) / whole_s)
    return ColdStartStudy(
        model=artifact.manifest.model,
        format=artifact.manifest.export,
        precision=artifact.manifest.precision,
        runtime=artifact.manifest.runtime,
        server=deployment.stack,
        protocol=protocol,
        warm=warm,
        dropped=cold,
        dropped_note=str(min(drops, key=_share_dropped)),
        idle=idle,
    )


def _share_dropped(dropped: Dropped) -> float:
    return 1 - dropped.left_bytes / max(1, dropped.before_bytes)


def _files_in(folder: Path) -> frozenset[Path]:
    return frozenset(path for path in folder.rglob("*") if path.is_file())


def _our_modules() -> frozenset[Path]:
    folders = [place for name in _OURS for place in importlib.import_module(name).__path__]
    return frozenset().union(*map(modules_below, folders))


def _companion(
    artifact: Artifact, protocol: str, folder: Path, own_cores: tuple[int, ...]
) -> AbstractContextManager[str | None]:
    return null_server(artifact, protocol, folder, cores=own_cores) if own_cores else nullcontext()
