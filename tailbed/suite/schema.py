"""The suite: which models, formats, stacks and scenarios are crossed, and how long each run is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from exporters import EXPORTERS
from loadtest.scenario import Scenario
from models import MODELS, Registry
from servers import STACKS


def _registered(registry: Registry[object]) -> AfterValidator:
    def known(name: str) -> str:
        if name not in registry.names():
            raise ValueError(f"{name!r} is unknown: choose from {', '.join(registry.names())}")
        return name

    return AfterValidator(known)


def _distinct(values: tuple[object, ...]) -> tuple[object, ...]:
    seen: list[object] = []
    for value in values:
        if value in seen:
            raise ValueError(f"{value} is there twice")
        seen.append(value)
    return values


ModelName = Annotated[str, _registered(MODELS)]
FormatName = Annotated[str, _registered(EXPORTERS)]
StackName = Annotated[str, _registered(STACKS)]
Several = [Field(min_length=1), AfterValidator(_distinct)]


class ServerSettings(BaseModel):
    """Settings of every server in the suite; see ``servers.Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instances: Annotated[int, Field(ge=1, le=256)] = 1
    threads: Annotated[int, Field(ge=1, le=256)] = 1


class Suite(BaseModel):
    """Every model in every format and precision, on every stack, under every scenario: one cell each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    models: Annotated[tuple[ModelName, ...], *Several]
    formats: Annotated[tuple[FormatName, ...], *Several]
    precisions: Annotated[tuple[str, ...], *Several] = ("fp32",)
    stacks: Annotated[tuple[StackName, ...], *Several]
    settings: ServerSettings = ServerSettings()
    scenarios: Annotated[tuple[Scenario, ...], *Several]
    warmup_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    duration_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Seconds after which an unanswered request is a failure."""
    start_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Seconds that a server may take to get ready."""
    blocks: Annotated[int, Field(ge=1, le=1000)] = 1
    """Runs of every cell. Each block has all cells once, in an order of its own; 8 give intervals and verdicts."""
    arms: Annotated[int, Field(ge=1, le=2)] = 1
    """2 measures every deployment against itself, which shows the noise floor of the machine."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    @field_validator("precisions")
    @classmethod
    def _offered(cls, precisions: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for format in info.data.get("formats", ()):
            offered = EXPORTERS.get(format).precisions
            for precision in precisions:
                if precision not in offered:
                    raise ValueError(f"{format} has no {precision!r}: choose from {', '.join(offered)}")
        return precisions

    def artifact_refs(self) -> Iterable[tuple[str, str, str]]:
        """Every (model, format, precision) that the suite serves."""
        return ((m, f, p) for m in self.models for f in self.formats for p in self.precisions)
