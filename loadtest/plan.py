"""What one load engine is told to do: the plan of a run, complete and repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loadtest.access import check_header, resolve_target
from loadtest.errors import LoadError
from loadtest.scenario import Scenario
from models.validation import first_problem
from servers.oip.target import Target

NAME: Final = "plan.json"


class AnswerCheck(BaseModel):
    """Which answers are compared with known ones, and how closely they must agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: Annotated[float, Field(ge=0)]
    """Largest absolute difference that counts as right."""
    every: Annotated[int, Field(ge=1)] = 16
    """One request in this many is checked."""


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
    """Seconds at the start whose requests are kept but marked as warm-up."""
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

    @field_validator("headers")
    @classmethod
    def _without_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            check_header(name, value)
        return headers

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
