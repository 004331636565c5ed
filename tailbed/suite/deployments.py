"""Which deployments a suite measures: its artifacts crossed with its stacks and their settings.

What a suite asks for by ``all`` is left out where this machine does not have it, and said to be; what it names is
missed before anything is measured.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from exporters import Artifact, exporter_for
from models import MODELS
from servers import STACKS, Deployment, Settings
from servers.containers import Image
from tailbed.suite.artifacts import ALL, Ref
from tailbed.suite.read import SuiteError
from tailbed.suite.schema import Suite


@dataclass(frozen=True)
class Selection:
    """What can be measured of a suite on this machine.

    Attributes:
        pairs: every artifact, ``model/format/precision``, with every stack that serves it, in the suite's order.
        left_out: what the suite would have had and why not, each in one line.
    """

    pairs: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...] = ()

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The artifacts that some stack serves."""
        return tuple(dict.fromkeys(ref for ref, _ in self.pairs))


@dataclass(frozen=True)
class Candidate:
    """A deployment that is measured.

    Attributes:
        deployment: with its settings resolved.
        variant: what the suite calls these settings, where it has several; of a service, what tells it from another.
        computed_by: of a service, what computes the artifact there.
        image: of a service's container, where that is known.
    """

    deployment: Deployment
    variant: str | None = None
    computed_by: str | None = None
    image: Image | None = None

    @property
    def artifact(self) -> Artifact:
        """What is served."""
        return self.deployment.artifact

    @property
    def stack(self) -> str:
        """The name of the stack."""
        return self.deployment.stack

    @property
    def protocol(self) -> str:
        """What the stack is asked in."""
        return STACKS.get(self.stack).protocol

    @property
    def runtime(self) -> str | None:
        """What computes the artifact behind the stack."""
        return self.computed_by or STACKS.get(self.stack).computes(self.artifact.manifest)

    @property
    def title(self) -> str:
        """The deployment in words, for people."""
        return f"{self.artifact.ref} on {self.stack}" + (f" with {self.variant}" if self.variant else "")

    @property
    def name(self) -> str:
        """The deployment in one word, for folders."""
        return "-".join(filter(None, (self.artifact.ref, self.stack, self.variant)))


def select(suite: Suite) -> Selection:
    """What can be measured of ``suite`` here; nothing of one of services, which ``select_services`` knows.

    A stack that cannot run here is left out if it is there as one of ``all``, and an artifact that a stack does not
    serve if stacks or formats are ``all``.

    Raises:
        SuiteError: a stack that the suite names cannot run here or does not serve an artifact, or nothing is left.
    """
    if suite.services:
        return Selection(())
    stacks, left_out = _running(suite)
    may_lack = ALL in suite.stacks or ALL in suite.formats
    refs = {"/".join(ref): _format(ref) for ref in suite.artifact_refs()}
    unserved = {
        stack: [format for format in dict.fromkeys(refs.values()) if STACKS.get(stack).serves(format) is None]
        for stack in stacks
    }
    for stack, formats in unserved.items():
        if not formats:
            continue
        if not may_lack:
            raise SuiteError(f"{stack} does not serve {formats[0]}: {ALL} in place of stacks or formats leaves it out")
        left_out.append(f"{stack}: does not serve {', '.join(formats)}")
    pairs = tuple((ref, stack) for ref, format in refs.items() for stack in stacks if format not in unserved[stack])
    if not pairs:
        raise SuiteError(f"suite {suite.name}: nothing of it can be served here: {'; '.join(left_out)}")
    return Selection(pairs, tuple(left_out))


def candidates(
    suite: Suite, selection: Selection, artifacts: Sequence[Artifact], cores: tuple[int, ...] | None
) -> list[Candidate]:
    """Every deployment of the selection whose artifact there is, with each of the suite's settings.

    Args:
        suite: what has the settings.
        selection: of the suite.
        artifacts: those that could be exported.
        cores: of the servers; None for all.
    """
    there = {artifact.ref: artifact for artifact in artifacts}
    return [
        Candidate(Deployment(there[ref], stack, _settings(suite, variant, stack, cores), cores), variant)
        for ref, stack in selection.pairs
        if ref in there
        for variant in suite.variant_names()
    ]


def _running(suite: Suite) -> tuple[list[str], list[str]]:
    """The suite's stacks that can run here, and a line on each other one."""
    named = {stack for name in suite.stacks if name != ALL for stack in STACKS.expand(name)}
    running, left_out = [], []
    for stack in dict.fromkeys(stack for name in suite.stacks for stack in STACKS.expand(name)):
        missing = STACKS.get(stack).missing()
        if missing is None:
            running.append(stack)
        elif stack in named:
            raise SuiteError(f"{stack} cannot run here: {missing}")
        else:
            left_out.append(f"{stack}: {missing}")
    return running, left_out


def _format(ref: Ref) -> str:
    """The format of an artifact: in its reference there may be the framework of its source as well."""
    model = MODELS.get(ref[0])
    return exporter_for(model, ref[1]).format if model.frameworks else ref[1]


def _settings(suite: Suite, variant: str | None, stack: str, cores: tuple[int, ...] | None) -> Settings:
    settings = suite.settings if variant is None else suite.variants[variant]
    if isinstance(settings, str):  # tuned
        return STACKS.get(stack).tuned(len(cores or os.sched_getaffinity(0)))
    return Settings(**settings.model_dump())
