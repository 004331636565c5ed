"""What the engine measured, for Prometheus: for watching a run, as its percentiles are only as fine as the buckets.

What is reported comes from the raw records.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from gevent import pywsgi
from prometheus_client import CollectorRegistry, Metric, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from loadtest.errors import LoadError
from loadtest.plan import LoadPlan
from loadtest.records import Outcome, outcome_name
from loadtest.scenario import OpenLoop, Server
from servers.address import authority

_STEPS: Final = (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8)
BOUNDS_S: Final = np.array([*(float(f"{step}e{decade}") for decade in range(-4, 1) for step in _STEPS), 10.0])
"""The buckets' upper bounds in seconds, 0.1 ms to 10 s: the preferred numbers R10 of ISO 3, 25% apart."""
WRONG: Final = "wrong answer"
"""The kind of failure that only shows when the sampled answers are compared, after the run."""

_UNNUMBERED: Final = tuple(outcome_name(each) for each in Outcome if Outcome.OK < each < Outcome.HTTP)
"""Kinds of failure that are known before they come. They are told as 0: of a counter that begins with its first
failures, or with all wrong answers at once, Prometheus sees no rise. Statuses of HTTP and gRPC are too many for it."""

_LABELS: Final = ("target", "protocol", "model", "scenario")
_Labels = tuple[str, str, str, str]


class _Series:
    """What was measured under one set of labels since this process's start."""

    def __init__(self) -> None:
        self.counts = np.zeros(len(BOUNDS_S) + 1, dtype=np.int64)
        self.sum_s = 0.0
        self.failures = Counter(dict.fromkeys((*_UNNUMBERED, WRONG), 0))

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds, and how many requests took no longer."""
        bounds = [*map(floatToGoString, BOUNDS_S.tolist()), "+Inf"]
        return list(zip(bounds, np.cumsum(self.counts).tolist(), strict=True))


class LoadMetrics(Collector):
    """Counts requests a second's worth at a time, as Locust's statistics are fed, and tells them when it is asked.

    * ``tailbed_response_seconds``: from when a request was intended to its end, failures and warm-up included;
    * ``tailbed_requests_total``, ``tailbed_failures_total`` (by ``kind``);
    * ``tailbed_offered_rate``: requests a second that this process offers, while a load at one rate runs;
    * ``tailbed_users``: Locust's users in this process, but for a master, whose workers have them.
    """

    def __init__(self, users: Callable[[], int] | None) -> None:
        self._users = users
        self._all: dict[_Labels, _Series] = {}
        self._current: _Labels | None = None
        self._rate: float | None = None

    def begin(self, plan: LoadPlan, target: str) -> None:
        """What comes is of this plan's run."""
        self._current = (target, plan.protocol, plan.model, plan.scenario.label)
        self._all.setdefault(self._current, _Series())
        self._rate = plan.scenario.rate / plan.share.of if isinstance(plan.scenario, OpenLoop | Server) else None

    def end(self, wrong: int) -> None:
        """The run is over, with so many wrong answers among the requests that were added."""
        self._rate = None
        if wrong and self._current:
            self._all[self._current].failures[WRONG] += wrong

    def add(self, rows: np.ndarray) -> None:
        """Count requests, ``[requests]`` of ``spool.DTYPE``."""
        assert self._current is not None
        series = self._all[self._current]
        response_s = (rows["done_ns"] - rows["intended_ns"]) / 1e9
        series.counts += np.bincount(np.searchsorted(BOUNDS_S, response_s), minlength=len(series.counts))
        series.sum_s += float(response_s.sum())
        outcomes, counts = np.unique(rows["outcome"], return_counts=True)
        for outcome, count in zip(outcomes.tolist(), counts.tolist(), strict=True):
            if outcome != Outcome.OK:
                series.failures[outcome_name(outcome)] += count

    def collect(self) -> Iterator[Metric]:
        """All metrics as they are now."""
        responses = HistogramMetricFamily(
            "tailbed_response_seconds", "From when a request was intended to its end.", labels=_LABELS
        )
        requests = CounterMetricFamily("tailbed_requests", "Requests that have ended.", labels=_LABELS)
        failures = CounterMetricFamily("tailbed_failures", "Requests that failed, by how.", labels=(*_LABELS, "kind"))
        for labels, series in self._all.items():
            responses.add_metric(labels, buckets=series.buckets(), sum_value=series.sum_s)
            requests.add_metric(labels, int(series.counts.sum()))
            for kind, count in series.failures.items():
                failures.add_metric((*labels, kind), count)
        yield from (responses, requests, failures, self._offered())
        if self._users:
            users = GaugeMetricFamily("tailbed_users", "Locust's users in this process.")
            users.add_metric((), self._users())
            yield users

    def _offered(self) -> Metric:
        offered = GaugeMetricFamily(
            "tailbed_offered_rate", "Requests a second that this process offers.", labels=_LABELS
        )
        if self._current and self._rate is not None:
            offered.add_metric(self._current, self._rate)
        return offered


def serve(metrics: LoadMetrics, host: str, port: int) -> None:
    """Answer Prometheus at ``http://HOST:PORT/metrics``, until this process ends.

    Raises:
        LoadError: the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(metrics)
    server = pywsgi.WSGIServer((host, port), make_wsgi_app(registry), log=None, error_log=logging.getLogger(__name__))
    try:
        server.start()
    except OSError as error:
        raise LoadError(f"--metrics-port: {authority(host, port)} cannot be had: {error.strerror or error}") from error
