"""Which deployments an experiment recommends. Stored as ``recommendation.json`` beside the measurements."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tailbed.slo import Slo

Goal = Literal["p99", "throughput", "cost", "cold-start"]
"""What the best deployment is the best in: the lowest P99, the highest throughput, the least cost of an answer, the
shortest time from the start to the first correct answer."""


class Recommendation(BaseModel):
    """The deployment of one model for a goal, and how sure that is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    goal: Goal
    slo: Slo | None
    """None where none was asked for."""
    scenario: str
    """Under which load it is the best; empty where there is none to judge by."""
    deployment: str | None
    """Its short name; None where none can be recommended."""
    figure: str | None
    """What speaks for it, with its unit and, where there is one, its 95% interval: ``P99 0.39 ms [0.37, 0.41]``."""
    runner_up: str | None
    runner_up_figure: str | None
    shown: bool
    """Whether the runs show that it is better than every other one; False where there are too few of them, too."""
    comparison: str | None
    """The verdict on the two in words, as ``tailbed compare`` says it."""
    as_good: list[str]
    """Deployments that the runs do not show to be worse, each of which may be the best one; empty where ``shown``."""
    sentence: str
    """All of it in one sentence, or two."""
    passed_over: list[str]
    """Deployments that take no part and why, each in one line: INVALID, beyond the objective, saturated."""
    runs: list[str]
    """The folders that the two figures rest on, relative to the experiment's: of runs, or of what came before them."""


class Recommendations(BaseModel):
    """One recommendation for every model of an experiment: answers of different models cannot be exchanged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    goal: Goal
    price_per_h: float | None
    """Of one server."""
    currency: str | None
    """A sign or a code; None where none was given."""
    recommendations: list[Recommendation]
    """Empty where no model has two deployments."""
