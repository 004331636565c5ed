"""Which deployment an experiment recommends. Stored as ``recommendation.json`` where a goal was asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Goal = Literal["p99", "throughput", "cost", "cold-start"]
"""What the best deployment is the best in: the lowest P99, the highest throughput, the least cost of an answer, the
shortest time from the start to the first correct answer."""


class Recommendation(BaseModel):
    """The deployment for a goal, and how sure that is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    goal: Goal
    slo: str | None
    """In words; None where none was asked for."""
    scenario: str
    """Under which load it is the best."""
    deployment: str | None
    """Its short name; None where none can be recommended."""
    figure: str | None
    """What speaks for it, with its unit: ``P99 0.39 ms``."""
    runner_up: str | None
    runner_up_figure: str | None
    shown: bool
    """Whether the runs show a difference between the two; False where there are too few of them, too."""
    comparison: str | None
    """The verdict on the two in words, as ``tailbed compare`` says it."""
    sentence: str
    """All of it in one sentence, or two."""
    passed_over: list[str]
    """Deployments that take no part and why, each in one line: INVALID, beyond the objective, saturated."""
    runs: list[str]
    """The runs' folders that it rests on, relative to the experiment's."""
