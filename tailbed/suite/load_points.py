"""Load points of an open loop: absolute rates, and shares of what each deployment can do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
)

from loadtest.scenario import AnyScenario, Arrivals, OpenLoop, Scenario

MOST_SHARE: Final = 2.0
"""Of the capacity. More only fills the queue sooner."""
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?) ?%")
_DIGITS: Final = 3
"""Significant digits of a rate that was chosen by a share: a capacity is not known to more."""


def _fraction(value: object) -> object:
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) / 100 if found else value


def _within(share: float) -> float:
    if not 0 < share <= MOST_SHARE:
        raise ValueError(f"a share of capacity is more than 0% and at most {MOST_SHARE:.0%}")
    return share


class ShareOfCapacity(BaseModel):
    """An open loop whose rate is a share of each deployment's own capacity: see ``resolve``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["open"]
    arrivals: Arrivals = "poisson"
    share: Annotated[float, BeforeValidator(_fraction), AfterValidator(_within)]
    """``30%`` or ``0.3``."""

    scheduled: ClassVar[bool] = True
    steady: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """Short name for tables, the same as that of the open loop that it becomes."""
        return self._at(1.0).label

    def _at(self, rate: float) -> OpenLoop:
        return OpenLoop(arrivals=self.arrivals, rate=rate, share=self.share)


SuiteScenario = AnyScenario | ShareOfCapacity
"""What a suite's scenario may be until the capacities are known."""


def resolve(scenario: SuiteScenario, capacity_per_s: float) -> AnyScenario:
    """The scenario for a deployment that answers ``capacity_per_s`` requests a second at most.

    A share becomes the open loop at that share, rounded to three significant digits. Its label stays the same. Other
    scenarios are returned as they are.
    """
    if isinstance(scenario, ShareOfCapacity):
        return scenario._at(float(f"{scenario.share * capacity_per_s:.{_DIGITS}g}"))
    return scenario


def _point(value: object, info: ValidationInfo) -> OpenLoop | ShareOfCapacity:
    given = {"kind": "open", "arrivals": info.data.get("arrivals", "poisson")}
    if not isinstance(value, str):
        return OpenLoop.model_validate(given | {"rate": value})
    if not _PERCENT.fullmatch(value):
        raise ValueError(f"{value!r} is neither requests a second nor a share of capacity such as 30%")
    return ShareOfCapacity.model_validate(given | {"share": value})


class LoadPoints(BaseModel):
    """An open loop at several rates, as suites write it: ``rates: [200, 30%, 70%]``, one scenario each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["open"]
    arrivals: Arrivals = "poisson"
    rates: Annotated[
        tuple[Annotated[OpenLoop | ShareOfCapacity, PlainValidator(_point)], ...],
        Field(min_length=1),
    ]


_SCENARIO: TypeAdapter[AnyScenario] = TypeAdapter(Scenario)


def _read_entry(entry: object) -> tuple[SuiteScenario, ...]:
    if isinstance(entry, ShareOfCapacity):
        return (entry,)
    if isinstance(entry, Mapping) and "rates" in entry:
        return LoadPoints.model_validate(entry).rates
    # An open loop that was written by a program has it, as null.
    if isinstance(entry, Mapping) and entry.get("share") is not None:
        return (ShareOfCapacity.model_validate(entry),)
    return (_SCENARIO.validate_python(entry),)


_ENTRIES: TypeAdapter[tuple[tuple[SuiteScenario, ...], ...]] = TypeAdapter(
    tuple[Annotated[tuple[SuiteScenario, ...], PlainValidator(_read_entry)], ...]
)


def read_scenarios(entries: object) -> list[SuiteScenario]:
    """The scenarios that a suite's list stands for, load points expanded.

    Raises:
        ValidationError: it is no list of scenarios; the location is within ``entries``.
    """
    return [scenario for points in _ENTRIES.validate_python(entries) for scenario in points]
