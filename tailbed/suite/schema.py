"""The suite: which models, formats, stacks and scenarios are crossed, and how long each run is."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from exporters import DEFAULT_PRECISION
from loadtest.warmup import MIN_SECONDS
from models import MODELS, TailbedError, UnknownName
from servers import STACKS
from tailbed.suite.artifacts import ALL, Ref, crossed, named
from tailbed.suite.load_points import ShareOfCapacity, SuiteScenario, read_scenarios


def _a_model(name: str) -> str:
    if name not in MODELS.names():
        raise ValueError(f"{name!r} is unknown: choose from {', '.join(MODELS.names())}")
    return name


def _stands_for_stacks(name: str) -> str:
    try:
        STACKS.expand(name)
    except UnknownName as error:
        raise ValueError(str(error)) from error
    return name


def _distinct(values: tuple[object, ...]) -> tuple[object, ...]:
    seen: list[object] = []
    for value in values:
        # Scenarios are told apart by their labels everywhere after this.
        name = getattr(value, "label", value)
        if name in seen:
            raise ValueError(f"{name} is there twice")
        seen.append(name)
    return values


ModelName = Annotated[str, AfterValidator(_a_model)]
StackName = Annotated[str, AfterValidator(_stands_for_stacks)]
Several = [Field(min_length=1), AfterValidator(_distinct)]
_OF_SERVICES = ("models", "formats", "precisions", "artifacts", "stacks", "settings", "variants")
"""What is as it was prepared where a suite measures services."""


class ServerSettings(BaseModel):
    """Settings of every server in the suite; see ``servers.Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instances: Annotated[int, Field(ge=1, le=256)] = 1
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    device: Literal["cpu", "cuda"] = "cpu"
    max_batch: Annotated[int, Field(ge=1, le=4096)] = 1
    max_delay_us: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @model_validator(mode="after")
    def _waits_for_a_batch(self) -> Self:
        if self.max_delay_us and self.max_batch == 1:
            raise ValueError("max_delay_us is the wait for a batch: it needs max_batch above 1")
        return self


Variant = Annotated[
    Annotated[ServerSettings, Tag("settings")] | Annotated[Literal["tuned"], Tag("word")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "settings"),
]
"""Settings, or ``tuned``: those that each stack's own documentation advises, for the server's cores."""


class ColdStartSettings(BaseModel):
    """How often and how each deployment's cold start is studied, apart from the runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: Annotated[int, Field(ge=5, le=1000)] = 5
    """Fresh processes with the page cache warm, and as many again with it dropped."""
    idle_gaps_s: Annotated[tuple[Annotated[float, Field(gt=0, le=3600)], ...], AfterValidator(_distinct)] = (0.1, 1, 5)
    """Pauses in seconds after which a warm server's first request is timed."""


class Suite(BaseModel):
    """Every model in every format and precision, on every stack, under every scenario: one cell each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    models: Annotated[tuple[ModelName, ...], AfterValidator(_distinct)] = ()
    formats: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    """As ``tailbed formats`` names them, or ``all``; what this machine lacks the packages for is then left out."""
    precisions: Annotated[tuple[str, ...], *Several] = ("fp32",)
    """Or ``all``."""
    artifacts: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    """``model/format`` or ``model/format/precision``, beside the models crossed with formats and precisions."""
    services: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    """In place of models, formats, artifacts and stacks: servers in containers that others started, as ``triton``, one
    stack of it as ``triton-grpc``, or ``all``. See ``tailbed.suite.services``."""
    stacks: Annotated[tuple[StackName, ...], AfterValidator(_distinct), Field(validate_default=True)] = ()
    """As ``tailbed stacks`` names them; of a folder such as ``triton`` all its protocols; or ``all``, and what this
    machine cannot run is then left out. See ``tailbed.suite.deployments``."""
    settings: ServerSettings = ServerSettings()
    variants: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")], Variant] = {}
    """Several settings by name, in place of ``settings``: each deployment is measured with each of them."""
    scenarios: Annotated[tuple[SuiteScenario, ...], *Several]
    """An open loop's ``rates: [200, 30%]`` is read as one scenario each."""
    warmup_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Least length of the warm-up; its length, where ``steady_limit_s`` is null."""
    steady_limit_s: Annotated[Annotated[float, Field(ge=MIN_SECONDS, le=3600)] | None, Field(validate_default=True)] = (
        30.0
    )
    """Until when a run must be steady by the rule of windows, or it is INVALID; up to ten times as long where the load
    is too slow to be judged by then. Null ends the warm-up by time alone."""
    duration_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Seconds after which an unanswered request is a failure."""
    start_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Seconds that a server may take to get ready."""
    blocks: Annotated[int, Field(ge=1, le=1000)] = 1
    """Runs of every cell. Each block has all cells once, in an order of its own; 8 give intervals and verdicts."""
    arms: Annotated[int, Field(ge=1, le=2)] = 1
    """2 measures every deployment against itself, which shows the noise floor of the machine."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Most attempts at a run that the machine disturbed; all of them are kept."""
    keep_awake: bool = False
    """Whether the cores of both sides are kept from sleeping: see ``docs/NOISE.md``."""
    cold_start: ColdStartSettings | None = None
    """None leaves the study of cold starts out; each run's own cold start is always measured."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    @field_validator("scenarios", mode="before")
    @classmethod
    def _expanded(cls, entries: object) -> list[SuiteScenario]:
        return read_scenarios(entries)

    @field_validator("steady_limit_s")
    @classmethod
    def _after_warmup(cls, limit_s: float | None, info: ValidationInfo) -> float | None:
        warmup_s = info.data.get("warmup_s", 0.0)
        if limit_s is not None and limit_s < warmup_s:
            raise ValueError(f"must be at least warmup_s, which is {warmup_s:g}, or null")
        return limit_s

    @field_validator("stacks")
    @classmethod
    def _somewhere(cls, stacks: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not stacks and not info.data.get("services"):
            raise PydanticKnownError("too_short", {"field_type": "Tuple", "min_length": 1, "actual_length": 0})
        return stacks

    @field_validator("formats", "precisions", "artifacts")
    @classmethod
    def _there(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """That every artifact can be had, as far as the fields before this one tell."""
        models, formats = info.data.get("models", ()), info.data.get("formats", ())
        try:
            if info.field_name == "formats":
                list(crossed(models, values, (ALL,)))
            elif info.field_name == "precisions":
                list(crossed(models, formats, values))
            else:
                list(map(named, values))
        except TailbedError as error:
            raise ValueError(str(error)) from error
        return values

    @model_validator(mode="after")
    def _serves_something(self) -> Self:
        if self.services:
            fields = type(self).model_fields
            if given := [name for name in _OF_SERVICES if getattr(self, name) != fields[name].default]:
                raise ValueError(f"services serve what they were prepared with: leave {', '.join(given)} out")
            if self.cold_start:
                raise ValueError("cold_start is a study of processes on this machine, not of services: leave it out")
        elif not self.artifact_refs():
            raise ValueError("serves nothing: name models and formats, or artifacts")
        return self

    def artifact_refs(self) -> list[Ref]:
        """Every (model, format, precision) that the suite serves."""
        refs = [*crossed(self.models, self.formats, self.precisions), *map(named, self.artifacts)]
        return list(dict.fromkeys(refs))

    def serving(self, refs: tuple[str, ...]) -> Self:
        """This suite with other artifacts, each ``model/format`` or ``model/format/precision``.

        Raises:
            UnknownName: one of them cannot be.
        """
        served = tuple("/".join(named(ref)) for ref in refs)
        nothing: tuple[str, ...] = ()
        return self.model_copy(
            update={
                "models": nothing,
                "formats": nothing,
                "precisions": (DEFAULT_PRECISION,),
                "artifacts": tuple(dict.fromkeys(served)),
            }
        )

    def warmup(self, least_s: float) -> tuple[float, float | None]:
        """Length of a run's warm-up and its steady limit, in seconds, on a stack that needs ``least_s`` at least.

        There is the same room after the least warm-up, however long that is.
        """
        length_s = max(self.warmup_s, least_s)
        return length_s, None if self.steady_limit_s is None else self.steady_limit_s + length_s - self.warmup_s

    def variant_names(self) -> tuple[str | None, ...]:
        """The names of the servers' settings; None alone where there is one setting for all."""
        return tuple(self.variants) or (None,)

    @property
    def takes_what_is_there(self) -> bool:
        """Whether artifacts that this machine lacks packages for are left out rather than missed."""
        return ALL in self.formats or ALL in self.precisions

    @property
    def needs_capacities(self) -> bool:
        """Whether some rate is a share of each deployment's capacity, which is then to be probed first."""
        return any(isinstance(scenario, ShareOfCapacity) for scenario in self.scenarios)
