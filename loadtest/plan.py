"""What one load engine is told to do: the plan of a run, complete and repeatable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from loadtest.access import check_header, resolve_target
from loadtest.errors import LoadError
from loadtest.scenario import MultiStream, Offline, OpenLoop, Scenario, Server, SingleStream
from loadtest.warmup import ENOUGH, LONGER, MIN_SECONDS
from models.validation import first_problem
from servers.target import Target

NAME: Final = "plan.json"
MOST_ENGINES: Final = 1024
"""That share one load."""


class AnswerCheck(BaseModel):
    """Which answers are compared with known ones, and how closely they must agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """By output, the largest absolute difference that counts as right. An output that is not named must be equal."""
    every: Annotated[int, Field(ge=1)] = 16
    """One request in this many is checked."""


class Share(BaseModel):
    """One engine's part of a load that several engines offer together: of whatever is counted, every ``of``-th."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Annotated[int, Field(ge=1, le=MOST_ENGINES)] = 1
    """How many engines there are."""
    index: Annotated[int, Field(ge=0)] = 0
    """Which of them this one is, from 0."""

    @field_validator("index")
    @classmethod
    def _below_of(cls, index: int, info: ValidationInfo) -> int:
        if index >= info.data.get("of", MOST_ENGINES):
            raise ValueError(f"must be below {info.data['of']}, the number of engines")
        return index

    def size(self, whole: int) -> int:
        """This engine's part of ``whole`` things; the engines' parts add up to it."""
        return len(range(self.index, whole, self.of))


class LoadPlan(BaseModel):
    """One run of one engine against one endpoint. Stored as ``plan.json`` beside the records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str
    url: str
    headers: dict[str, str] = {}
    """Sent with every request. ``${VARIABLE}`` in a value stands for a variable of the engine's environment, so that
    no secret gets into the plan."""
    ca_file: Path | None = None
    """Certificates (PEM) to trust instead of the system's."""
    model: str
    """The model's name on the server."""
    pool: Path
    """An ``.npz`` with ``inputs/NAME`` arrays ``[items, ...]``, and with ``outputs/NAME`` where answers are known."""
    batched: bool = True
    """Whether an item of the pool is sent as a batch of one, ``[1, ...]``; else as it is, ``[...]``."""
    check: AnswerCheck | None = None
    scenario: Scenario
    warmup_s: Annotated[float, Field(ge=0)] = 2.0
    """Seconds at the start whose requests are kept but marked as warm-up; the least of them with ``steady_limit_s``."""
    steady_limit_s: Annotated[float, Field(ge=MIN_SECONDS, le=3600)] | None = None
    """Have the warm-up go on until the load is steady by ``loadtest.warmup``, looked at after each second, for this
    long at most (in whole seconds, rounded up), or up to ten times as long where the load is too slow to be judged by
    then. A run that is not steady at the end of it is measured all the same, and its facts say so. None: by time alone,
    as it also is where a scenario's mean rate is not the same all over the run (its warm-up is the pattern's first
    part), and for Offline."""
    duration_s: Annotated[float, Field(gt=0)]
    """Length in seconds of the measured window that follows the warm-up."""
    seed: Annotated[int, Field(ge=0)] = 0
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """Most requests outstanding at once in an open loop (over HTTP/1.1: connections). Reaching it makes the run
    INVALID."""
    timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """A request without an answer this long after its intended time is a recorded failure."""
    core: int | None = None
    """The CPU core that the engine is bound to; None leaves it to the system, and the engine does not spin."""
    nice: Annotated[int, Field(ge=-20, le=19)] | None = None
    """Niceness of the engine and its session, where that is permitted; None leaves it as it is."""
    share: Share = Share()
    """The engine's part of all this; by default it is alone."""

    @field_validator("headers")
    @classmethod
    def _without_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            check_header(name, value)
        return headers

    @field_validator("steady_limit_s")
    @classmethod
    def _after_warmup(cls, steady_limit_s: float | None, info: ValidationInfo) -> float | None:
        if steady_limit_s is not None and steady_limit_s < info.data.get("warmup_s", 0):
            raise ValueError("must not be less than warmup_s")
        return steady_limit_s

    @field_validator("share")
    @classmethod
    def _can_be_shared(cls, share: Share, info: ValidationInfo) -> Share:
        plan, scenario = info.data, info.data.get("scenario")
        if share.of == 1 or scenario is None:
            return share
        if isinstance(scenario, SingleStream):
            raise ValueError("SingleStream has one client, which several engines cannot share")
        if isinstance(scenario, MultiStream):
            raise ValueError("MultiStream sends a query's samples together, which several engines cannot do")
        if isinstance(scenario, Offline) and min(scenario.samples, scenario.outstanding) < share.of:
            raise ValueError(f"{scenario.label} cannot be divided among {share.of} engines")
        if plan.get("max_in_flight", share.of) < share.of:
            raise ValueError(f"max_in_flight {plan['max_in_flight']} cannot be divided among {share.of} engines")
        if plan.get("steady_limit_s") is not None and scenario.steady:
            raise ValueError("several engines can only warm up by time, so that they do it alike: no steady_limit_s")
        return share

    @property
    def by_rule(self) -> bool:
        """Whether the warm-up goes on until the load is steady."""
        return self.steady_limit_s is not None and self.scenario.steady

    @property
    def warmup_limit_s(self) -> float:
        """How many seconds the warm-up may take, unless the load is too slow to be judged by then."""
        limit_s = self.steady_limit_s
        return math.ceil(limit_s) if limit_s is not None and self.by_rule else self.warmup_s

    @property
    def longest_warmup_s(self) -> float:
        """How many seconds the warm-up may take at most."""
        limit_s, scenario = self.warmup_limit_s, self.scenario
        if not self.by_rule or (isinstance(scenario, OpenLoop | Server) and scenario.rate * limit_s >= ENOUGH):
            return limit_s
        return LONGER * limit_s

    def target(self) -> Target:
        """The endpoint, with what this process's environment says.

        Raises:
            TailbedError: it cannot be reached so.
        """
        return resolve_target(self.url, self.headers, self.ca_file)


def write_plan(folder: Path, plan: LoadPlan) -> None:
    """Store a plan as ``plan.json``."""
    (folder / NAME).write_text(plan.model_dump_json(indent=2) + "\n")


def read_plan(folder: Path) -> LoadPlan:
    """Read ``plan.json``.

    Raises:
        LoadError: it is missing or not a plan; the line names the field.
    """
    path = folder / NAME
    try:
        return LoadPlan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise LoadError(f"{path}: no plan ({error.strerror})") from error
    except ValidationError as error:
        raise LoadError(f"{path}: {first_problem(error)}") from error
