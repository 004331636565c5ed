"""Which percentiles of a run may be quoted, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from loadtest.records import Records
from loadtest.scenario import AnyScenario
from tailbed.analysis import validity
from tailbed.analysis.early_stopping import early_stopping_bound
from tailbed.analysis.percentiles import percentile, sample_floor
from tailbed.analysis.times import lag_ms, service_ms, waited_ms

RESPONSE = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
"""The percentiles of what users wait, by their fields in the results."""
SERVICE = {"service_p50_ms": 0.5, "service_p99_ms": 0.99}
"""Those of what the server took."""
_LAG = {"lag_p50_ms": 0.5, "lag_p99_ms": 0.99}


@dataclass
class Quotes:
    """A run's percentiles by field.

    Attributes:
        figures: milliseconds, or None where there is none to quote.
        missing: why, for each of these.
        early_stopping_p99_ms: see ``early_stopping``; None below its floor.
    """

    figures: dict[str, float | None] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    early_stopping_p99_ms: float | None = None

    def withdraw(self, name: str, reason: str) -> None:
        """Do not quote a figure after all; one that is not quoted anyway keeps its first reason."""
        if self.figures.get(name) is not None:
            self.figures[name] = None
            self.missing[name] = reason

    def withdraw_all(self, names: Iterable[str], reason: str) -> None:
        """Quote none of these figures, nor the bound that belongs to them."""
        for name in names:
            self.figures[name], self.missing[name] = None, reason
        self.early_stopping_p99_ms = None


def quote(records: Records, scenario: AnyScenario) -> Quotes:
    """The percentiles that a run's requests are enough for."""
    quotes = Quotes()
    waited = waited_ms(records, scenario)
    _quote_all(quotes, RESPONSE, waited)
    _quote_all(quotes, SERVICE, service_ms(records))
    lag = lag_ms(records)
    _quote_all(quotes, _LAG, None if waited is None else lag)
    if waited is not None and len(waited):
        bound = early_stopping_bound(waited, 0.99)
        quotes.early_stopping_p99_ms = bound if bound is not None and np.isfinite(bound) else None
    if quotes.figures["p999_ms"] is not None:
        _withdraw_late_tail(quotes, lag)
    return quotes


def _withdraw_late_tail(quotes: Quotes, lag: np.ndarray) -> None:
    """Take back a P99.9 that is the client's own doing: P99 of the lag, which the gate looks at, cannot see it."""
    late_ms, limit_ms = percentile(lag, 0.999), validity.lag_limit_ms(quotes.figures["p50_ms"])
    if late_ms > limit_ms:
        quotes.withdraw(
            "p999_ms", f"client late: P99.9 of the schedule lag is {late_ms:.2f} ms, limit {limit_ms:.2f} ms"
        )


def _quote_all(quotes: Quotes, fractions: dict[str, float], values: np.ndarray | None) -> None:
    for name, fraction in fractions.items():
        found = _quote(values, fraction)
        if isinstance(found, str):
            quotes.figures[name], quotes.missing[name] = None, found
        else:
            quotes.figures[name] = found


def _quote(values: np.ndarray | None, fraction: float) -> float | str:
    """The percentile, or the reason why there is none."""
    if values is None:
        return "every sample is due at the start: throughput is the figure"
    floor = sample_floor(fraction)
    if len(values) < floor:
        return f"insufficient: {len(values)} requests, needs {floor}"
    value = percentile(values, fraction)
    return f"{np.isinf(values).mean():.1%} of the requests failed" if np.isinf(value) else value
