"""What is to be served, by which stack and with which settings."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.artifact import Artifact


@dataclass(frozen=True)
class Settings:
    """Settings that have one name for all stacks.

    Attributes:
        instances: model instances that compute at the same time.
        threads: threads that one instance computes with (intra-op).
        device: what computes: ``cpu`` or ``cuda``.
        max_batch: most items that the server puts together from several requests; 1 turns dynamic batching off.
        max_delay_us: longest time that a request waits for others to join its batch.
        tuned: whether the stack's options that have no name here are as its own documentation advises; else as the
            stack has them by default.
    """

    instances: int = 1
    threads: int = 1
    device: str = "cpu"
    max_batch: int = 1
    max_delay_us: int = 0
    tuned: bool = False


@dataclass(frozen=True)
class Deployment:
    """An artifact on a stack.

    Attributes:
        artifact: what is served.
        stack: name of the serving stack, one of ``STACKS``.
        settings: the same for all stacks unless a suite says otherwise.
        cores: CPU cores that the server may use, or None for all.
        service: the running service that serves it; None where tailbed starts the server itself.
    """

    artifact: Artifact
    stack: str
    settings: Settings = Settings()
    cores: tuple[int, ...] | None = None
    service: str | None = None
