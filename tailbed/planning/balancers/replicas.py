"""The replicas that stand behind a balancer: fresh servers of one deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from exporters import ANSWERS
from servers import STACKS, Endpoint, start
from tailbed.analysis.run import Subject
from tailbed.suite import Candidate, Suite


class Replicas(Protocol):
    """What can be started several times."""

    @property
    def subject(self) -> Subject:
        """What the results name it."""
        ...

    @property
    def title(self) -> str:
        """In words, for people."""
        ...

    @property
    def pool(self) -> Path:
        """The requests, as in ``LoadPlan``."""
        ...

    @property
    def batched(self) -> bool:
        """As in ``LoadPlan``."""
        ...

    @property
    def tolerance(self) -> Mapping[str, float] | None:
        """Of the answers, by output; None where they are not known."""
        ...

    @property
    def warmup_s(self) -> float:
        """The least warm-up that it needs."""
        ...

    def running(
        self, cores: Sequence[tuple[int, ...] | None], folder: Path, nice: int | None
    ) -> AbstractContextManager[Sequence[Endpoint]]:
        """Start one for each entry of ``cores``, on these, and tell where they answer; all end with the block."""
        ...


@dataclass(frozen=True)
class DeploymentReplicas:
    """Fresh servers of a suite's deployment."""

    candidate: Candidate
    suite: Suite

    @property
    def subject(self) -> Subject:
        """As of the deployment's own runs."""
        manifest = self.candidate.artifact.manifest
        return Subject(
            model=manifest.model,
            format=manifest.export,
            precision=manifest.precision,
            runtime=self.candidate.runtime,
            server=self.candidate.stack,
            variant=self.candidate.variant,
        )

    @property
    def title(self) -> str:
        """That of the deployment."""
        return self.candidate.title

    @property
    def pool(self) -> Path:
        """That of the artifact."""
        return self.candidate.artifact.folder / ANSWERS

    @property
    def batched(self) -> bool:
        """As the artifact says."""
        return self.candidate.artifact.manifest.batched

    @property
    def tolerance(self) -> Mapping[str, float]:
        """That of the artifact."""
        return self.candidate.artifact.manifest.answer_tolerance

    @property
    def warmup_s(self) -> float:
        """That of the stack, or the suite's where that is longer."""
        return max(self.suite.warmup_s, STACKS.get(self.candidate.stack).warmup_s)

    @contextmanager
    def running(
        self, cores: Sequence[tuple[int, ...] | None], folder: Path, nice: int | None
    ) -> Iterator[Sequence[Endpoint]]:
        """Start the servers, one after the other.

        Raises:
            ServerError: one does not start.
        """
        with ExitStack() as servers:
            endpoints = []
            for number, own in enumerate(cores):
                server = start(
                    replace(self.candidate.deployment, cores=own),
                    folder=folder / f"replica-{number}",
                    timeout_s=self.suite.start_timeout_s,
                    nice=nice,
                )
                endpoints.append(servers.enter_context(server).endpoint)
            yield endpoints
