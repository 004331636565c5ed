"""Several waiting replicas, as a validation starts them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import Endpoint, SupervisedProcess
from tailbed.analysis.run import Subject


@dataclass(frozen=True)
class WaitingReplicas:
    """See ``waiting_replica``."""

    mean_ms: float
    pool: Path
    batched: bool = True
    tolerance: Mapping[str, float] | None = None
    warmup_s: float = 0.0

    @property
    def subject(self) -> Subject:
        return Subject(model="waiting")

    @property
    def title(self) -> str:
        return f"waiting {self.mean_ms:g} ms"

    @contextmanager
    def running(
        self, cores: Sequence[tuple[int, ...] | None], folder: Path, nice: int | None
    ) -> Iterator[Sequence[Endpoint]]:
        folder.mkdir(parents=True)
        with ExitStack() as started:
            endpoints = []
            for number, own in enumerate(cores):
                argv = [sys.executable, "-m", "tests.performance.waiting_replica", str(self.mean_ms), str(number)]
                log = folder / f"replica-{number}.log"
                process = started.enter_context(SupervisedProcess.start(argv, log=log, cores=own, nice=nice))
                endpoints.append(Endpoint("oip-http", f"http://127.0.0.1:{_port(process)}", "waiting"))
            yield endpoints


def _port(process: SupervisedProcess) -> int:
    while not (text := process.log.read_text()).endswith("\n"):
        assert process.poll() is None, text
        time.sleep(0.02)
    return int(text.split()[0])
