"""The order of measuring: every cell once in each block, each block shuffled on its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tailbed.suite import Candidate, Suite, SuiteScenario

ARMS = ("first", "second")
"""The names of a deployment's two arms where it is compared with itself."""


@dataclass(frozen=True)
class Run:
    """What one run is of."""

    number: int
    """Place in the order of measuring, from 1."""
    block: int
    """The block that it belongs to, from 1."""
    place: int
    """The cell's place in the suite's own order, from 0."""
    candidate: Candidate
    scenario: SuiteScenario
    arm: str | None = None
    """Which of a deployment's two arms, where it is compared with itself."""
    duration_s: float | None = None
    """Length of the measured window; None for the suite's own."""

    @property
    def title(self) -> str:
        """The run in words, for people."""
        arm = f" ({self.arm} arm)" if self.arm else ""
        return f"{self.candidate.title}{arm}, {self.scenario.label}"

    @property
    def name(self) -> str:
        """The run as a folder's name."""
        words = "-".join(filter(None, (self.candidate.name, self.arm, self.scenario.label)))
        return f"{self.number:03d}-" + re.sub(r"[^a-z0-9.]+", "-", words.removesuffix("/s").lower()).strip("-")


def order_runs(suite: Suite, candidates: Sequence[Candidate]) -> list[Run]:
    """Every cell of the suite once in each block, each block in an order of its own that the suite's seed decides.

    The shuffle keeps a drift of the machine (heat, neighbours) from falling on one deployment; the block keeps what
    is compared close together in time.
    """
    cells = [
        (candidate, scenario, arm)
        for candidate in candidates
        for scenario in suite.scenarios
        for arm in (ARMS if suite.arms == 2 else (None,))
    ]
    order = [
        (block, place)
        for block in range(1, suite.blocks + 1)
        for place in np.random.default_rng((suite.seed, block)).permutation(len(cells)).tolist()
    ]
    return [Run(number, block, place, *cells[place]) for number, (block, place) in enumerate(order, start=1)]
