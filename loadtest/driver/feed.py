"""Everyone in a Locust process who is told what its engine measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from locust.stats import RequestStats

from loadtest.driver.statistics import StatisticsFeed
from loadtest.driver.wrong_answers import WrongAnswers
from loadtest.plan import LoadPlan
from loadtest.protocols import protocol_named

if TYPE_CHECKING:
    from loadtest.driver.metrics import LoadMetrics


class Feed:
    """Of one run: Locust's statistics, and the metrics for Prometheus if there are any."""

    def __init__(self, plan: LoadPlan, stats: RequestStats, metrics: LoadMetrics | None, *, target: str) -> None:
        """Begin; ``target`` is what the run's metrics call the server."""
        verb = protocol_named(plan.protocol).verb
        self._statistics = StatisticsFeed(stats, method=verb, name=f"{plan.model}/infer")
        self._metrics = metrics
        if metrics:
            metrics.begin(plan, target)

    def add(self, rows: np.ndarray) -> None:
        """Tell of requests that have ended, ``[requests]`` of ``spool.DTYPE``."""
        self._statistics.add(rows)
        if self._metrics:
            self._metrics.add(rows)

    def end(self, wrong: WrongAnswers | None) -> None:
        """The run is over, and all its requests were told of."""
        if wrong:
            self._statistics.add_wrong(wrong)
        if self._metrics:
            self._metrics.end(wrong.count if wrong else 0)
