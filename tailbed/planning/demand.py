"""What is asked of a plan, as users write it and as it is stored, so that a stopped plan can go on."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models import TailbedError
from models.validation import first_problem
from tailbed.slo import Slo

NAME: Final = "demand.json"
_PRICE: Final = re.compile(r"(?P<currency>[$€£¥]|[A-Z]{3}(?=\s))?\s*(?P<amount>\d+(?:\.\d+)?)\s*/\s*h", re.ASCII)
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SIGNS: Final = "$€£¥"


class DemandError(TailbedError):
    """A demand that cannot be read."""


class Price(BaseModel):
    """What one replica costs in an hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_h: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    currency: str | None = None
    """A sign as ``$`` or a code as ``EUR``; None where none was given."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``0.34/h``, ``$0.34/h`` or ``EUR 0.34/h``.

        Raises:
            DemandError: it is none of these.
        """
        found = _PRICE.fullmatch(text.strip())
        if not found or not 0 < float(found["amount"]) < math.inf:
            raise DemandError(f"{text!r} is no price: write one as 0.34/h, $0.34/h or 'EUR 0.34/h'")
        return cls(per_h=float(found["amount"]), currency=found["currency"])


def parse_percent(text: str, what: str, *, least: float, most: float) -> float:
    """Read a share such as ``30%``.

    Args:
        text: what was written.
        what: for the error.
        least, most: the shares that are allowed, 0 to 1.

    Raises:
        DemandError: it is no share, or not one of these.
    """
    found = _PERCENT.fullmatch(text.strip())
    share = float(found[1]) / 100 if found else None
    if share is None or not least <= share <= most:
        raise DemandError(f"{text!r} is no {what}: write one from {least:.0%} to {most:.0%}, such as 30%")
    return share


def money(amount: float, currency: str | None) -> str:
    """An amount as people write it: ``$1.02``, ``EUR 1.02``, ``1.02``; four decimals below a tenth."""
    number = f"{amount:,.2f}" if amount >= 0.1 else f"{amount:.4f}"
    if currency is None:
        return number
    return f"{currency}{number}" if currency in _SIGNS else f"{currency} {number}"


class Demand(BaseModel):
    """What the deployments are to hold, and how closely that is looked at. Stored as ``demand.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slo: Slo
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Requests a second, on average."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    headroom: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of a replica's highest rate that is kept free."""
    price: Price | None = None
    runs: Annotated[int, Field(ge=1, le=20)] = 3
    """VALID runs that accept a rate."""
    tolerance: Annotated[float, Field(ge=0.01, le=0.5)] = 0.05
    """Between the highest rate that held and the lowest that did not."""
    sweep: bool = False
    """Whether rates around the highest one are measured one by one as well."""
    validate_fleet: bool = False
    """Whether two replicas are measured behind a real load balancer."""
    pairs: tuple[tuple[str, str], ...]
    """What is planned: artifacts, ``model/format/precision``, each with a stack."""

    def write(self, folder: Path) -> None:
        """Store it in an experiment's folder."""
        (folder / NAME).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The demand of an experiment's folder.

        Raises:
            DemandError: there is none that can be read.
        """
        path = folder / NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DemandError(f"{folder}: is no plan's folder: {NAME}: {error.strerror}") from error
        except ValidationError as error:
            raise DemandError(f"{path}: {first_problem(error)}") from error
