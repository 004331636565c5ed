"""The services of a suite as they are found here: which of them run, and whether an engine lets us restart them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Self

from servers.containers import Engine, EngineError, Service, ServiceContainer, Takeover, hold_services
from servers.readiness import accepts
from tailbed.suite import Candidate, Pair, SuiteError, service_candidates

_GIVE: Final = (
    'docker compose run --rm -v /var/run/docker.sock:/var/run/docker.sock --user "$(id -u):$(stat -c %g '
    '/var/run/docker.sock)" tailbed bench compose'
)


@dataclass
class Services:
    """What runs of a suite's services.

    Attributes:
        pairs: each that runs, with its stacks.
        engine: what starts and stops them; None where they are measured as they run.
        left_out: what is not measured and why, each in one line.
    """

    pairs: Sequence[Pair]
    engine: Engine | None = None
    left_out: list[str] = field(default_factory=list)
    _containers: Mapping[str, Sequence[ServiceContainer]] = field(default_factory=dict)
    _takeover: Takeover | None = None

    @classmethod
    def find(cls, pairs: Sequence[Pair]) -> Self:
        """Look which services run: with an engine, those that have a container; else those whose port is open.

        Raises:
            SuiteError: none of them does.
            ServicesError: another experiment has them, and may have stopped them.
            EngineError: the engine does not tell.
        """
        if not pairs:
            return cls(())
        with hold_services():
            return cls._found(pairs)

    @classmethod
    def _found(cls, pairs: Sequence[Pair]) -> Self:
        try:
            engine = Engine.find()
        except EngineError as error:
            why = f"the servers were not restarted between runs and no cold start was measured: {error}"
            found = cls([pair for pair in pairs if _answers(*pair)], None, [f"{why}; to give it: {_GIVE}"])
        else:
            containers = {name: engine.containers(name) for name in _names(pairs)}
            found = cls([pair for pair in pairs if containers[pair[0].name]], engine, [], containers)
        running = _names(found.pairs)
        if not running:
            raise SuiteError(
                f"no service that can be reached from here runs of {', '.join(_names(pairs))}: docker compose up -d, "
                "and in its network docker compose run --rm tailbed bench"
            )
        absent = [name for name in _names(pairs) if name not in running]
        found.left_out += [f"{name}: the service does not run" for name in absent]
        found.left_out += [
            f"{name}: {len(several) - 1} of its {len(several)} containers, since one is measured"
            for name, several in found._containers.items()
            if len(several) > 1
        ]
        return found

    @property
    def as_they_run(self) -> bool:
        """Whether there are any, which stay on the cores that others chose for them."""
        return bool(self.pairs) and self.engine is None

    @contextmanager
    def taken(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Have all of them alone and stopped, where there is an engine, and running as before in the end.

        Args:
            tell: told in one line what could not be put back.

        Raises:
            ServicesError: another experiment has them.
            EngineError: one cannot be stopped.
        """
        if not self.pairs:
            yield
            return
        with hold_services():
            if self.engine is not None:  # asked again, since another experiment may have had them when they were found
                self._containers = {name: self.engine.containers(name) for name in self._containers}
            every = [container for containers in self._containers.values() for container in containers]
            with Takeover(every, tell) as self._takeover:
                yield

    def candidates(self, cores: tuple[int, ...] | None) -> list[Candidate]:
        """What is measured, on ``cores`` where they are taken and the engine can choose cores.

        Raises:
            ArtifactError: what a service serves is not there, or changed since it was made.
            EngineError: the engine does not tell an image.
        """
        images = {name: several[0].image() for name, several in self._containers.items() if several}
        return service_candidates(self.pairs, self._limit(cores), images)

    def _limit(self, cores: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if self.engine is None or self._takeover is None or cores is None:
            return None
        try:
            self._takeover.limit(cores)
        except EngineError as error:
            self.left_out.append(f"cores of their own for the servers: {error}")
            return None
        return cores


def _names(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(service.name for service, _ in pairs))


def _answers(service: Service, stack: str) -> bool:
    return accepts(service.endpoints(stack).ready)
