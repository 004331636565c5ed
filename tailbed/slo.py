"""A service-level objective: the response time that a percentile of the requests must keep to."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from models import TailbedError

Percentile = Literal["p50", "p90", "p99", "p999"]

SHARES: Final[dict[Percentile, float]] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""The share of the requests that are answered within each percentile."""

_TEXT: Final = re.compile(r"p(50|90|99|999|99\.9)\s*(?:=|<=|<)\s*(\d+(?:\.\d+)?)\s*(us|ms|s)", re.IGNORECASE)
_TO_MS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class SloError(TailbedError):
    """A text that is no service-level objective."""


class Slo(BaseModel):
    """A percentile of the response times is at most ``limit_ms``; a failed request counts as infinitely slow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percentile: Percentile
    limit_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``p99=50ms``; the units are us, ms and s.

        Raises:
            SloError: it is none.
        """
        found = _TEXT.fullmatch(text.strip())
        if not found or not float(found[2]):
            raise SloError(f"{text!r} is no objective: write one as p99=50ms (p50, p90, p99 or p99.9; us, ms or s)")
        percentile: Percentile = f"p{found[1].replace('.', '')}"  # type: ignore[assignment]  # the pattern has no others
        return cls(percentile=percentile, limit_ms=float(found[2]) * _TO_MS[found[3].lower()])

    @property
    def field(self) -> str:
        """The field of a measurement that it is about, such as ``p99_ms``."""
        return f"{self.percentile}_ms"

    @property
    def share(self) -> float:
        """The share of the requests that must keep to it."""
        return SHARES[self.percentile]

    @property
    def name(self) -> str:
        """The percentile as people write it: ``P99.9``."""
        return "P99.9" if self.percentile == "p999" else self.percentile.upper()

    def __str__(self) -> str:
        """In words: ``P99 within 50 ms``."""
        return f"{self.name} within {self.limit_ms:g} ms"
