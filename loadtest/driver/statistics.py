"""What the engine measured, in Locust's own statistics."""

from __future__ import annotations

import time

import numpy as np
from locust import stats as locust_stats
from locust.stats import RequestStats, StatsEntry, StatsError

from loadtest.driver.wrong_answers import WrongAnswers
from loadtest.records import Outcome, outcome_name


class StatisticsFeed:
    """Adds requests to Locust's statistics, a second's worth at a time: firing its event for each one, as users do,
    would cost more than sending them."""

    def __init__(self, stats: RequestStats, *, method: str, name: str) -> None:
        self._stats = stats
        self._method = method
        self._name = name
        # The rows' clock has no date.
        self._epoch_s = time.time() - time.monotonic()

    def add(self, rows: np.ndarray) -> None:
        """Add requests, ``[requests]`` of ``spool.DTYPE``."""
        if not len(rows):
            return
        entry = self._entry(rows)
        self._stats.total.extend(entry)
        self._stats.get(self._name, self._method).extend(entry)
        failed = rows[rows["outcome"] != Outcome.OK]
        for outcome, count in zip(*np.unique(failed["outcome"], return_counts=True), strict=True):
            self._add_error(outcome_name(int(outcome)), int(count))

    def add_wrong(self, wrong: WrongAnswers) -> None:
        """Have requests that were added before count as failures: their answers were found wrong after the run."""
        for entry in (self._stats.total, self._stats.get(self._name, self._method)):
            entry.num_failures += wrong.count
        self._add_error(f"wrong answer: {wrong.first}", wrong.count)

    def _entry(self, rows: np.ndarray) -> StatsEntry:
        entry = StatsEntry(self._stats, self._name, self._method)
        response_ms = (rows["done_ns"] - rows["intended_ns"]) / 1e6
        done_s = rows["done_ns"] / 1e9 + self._epoch_s
        failed = rows["outcome"] != Outcome.OK
        entry.num_requests = len(rows)
        entry.num_failures = int(np.count_nonzero(failed))
        entry.total_response_time = float(response_ms.sum())
        entry.min_response_time = float(response_ms.min())
        entry.max_response_time = float(response_ms.max())
        entry.last_request_timestamp = float(done_s.max())
        entry.num_reqs_per_sec = _per_second(done_s)
        entry.num_fail_per_sec = _per_second(done_s[failed])
        # Rounded to microseconds first, so that there are fewer to pass through Locust's own rounding, which users
        # may replace.
        for value_ms, count in zip(*np.unique(np.round(response_ms, 3), return_counts=True), strict=True):
            entry.response_times[locust_stats.bucket_response_time(float(value_ms))] += int(count)
        return entry

    def _add_error(self, error: str, count: int) -> None:
        key = StatsError.create_key(self._method, self._name, error)
        if key not in self._stats.errors:
            self._stats.errors[key] = StatsError(self._method, self._name, error)
        self._stats.errors[key].occurred()
        self._stats.errors[key].occurrences += count - 1


def _per_second(times_s: np.ndarray) -> dict[int, int]:
    seconds, counts = np.unique(times_s.astype(np.int64), return_counts=True)
    return dict(zip(seconds.tolist(), counts.tolist(), strict=True))
