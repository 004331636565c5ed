"""Every gate: just inside it passes, just outside it says why, with the figure."""

import numpy as np

from tailbed.analysis import validity


def test_finished() -> None:
    assert validity.finished(True, 10.0, 10.0) is None
    assert validity.finished(False, 4.25, 10.0) == "incomplete: stopped after 4.2 s of the 10 s window"


def test_rate_held() -> None:
    assert validity.rate_held(200.0, 198.1, 10, 1) is None
    assert validity.rate_held(200.0, 201.9, 10, 1) is None
    assert validity.rate_held(None, 5.0, 10, 1) is None
    assert "achieved 197/s of 200/s" in (validity.rate_held(200.0, 197.0, 10, 1) or "")
    assert validity.rate_held(200.0, 203.0, 10, 1) is not None


def test_rate_held_allows_for_what_is_under_way_at_the_ends() -> None:
    # A server of many workers, 1 s each, at 50/s: 50 are under way, and 3 sqrt(2 * 50) = 30 of 500 are chance.
    assert validity.rate_held(50.0, 47.1, 10, 50) is None
    assert validity.rate_held(50.0, 46.9, 10, 50) is not None
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(300):
        arrivals = np.sort(rng.uniform(-5, 10, rng.poisson(50 * 15)))
        inside = ((arrivals >= 0) & (arrivals < 10)).sum() / 10
        answered = ((arrivals + 1 >= 0) & (arrivals + 1 < 10)).sum() / 10
        rejected += validity.rate_held(inside, answered, 10, 50) is not None
    assert rejected <= 5


def test_requests_enough() -> None:
    assert validity.requests_enough(11) is None
    assert "only 10 requests" in (validity.requests_enough(10) or "")


def test_schedule_kept() -> None:
    assert validity.schedule_kept(1.0, 2.0) is None
    assert validity.schedule_kept(1.01, 2.0) is not None
    assert validity.schedule_kept(4.9, 100.0) is None, "5% of a slow median is more than 1 ms"
    assert "limit 5.00 ms" in (validity.schedule_kept(5.1, 100.0) or "")
    assert validity.schedule_kept(0.5, None) is None
    assert validity.schedule_kept(None, 2.0) is None


def test_client_idle_enough() -> None:
    assert validity.client_idle_enough(0.69) is None
    assert validity.client_idle_enough(None) is None
    assert validity.client_idle_enough(0.71) == "client busy 71% of its core, limit 70%"


def test_client_not_capped() -> None:
    assert validity.client_not_capped(0, 8) is None
    assert "3 requests waited in the client" in (validity.client_not_capped(3, 8) or "")


def test_errors_rare() -> None:
    assert validity.errors_rare(0, 10, {}) is None
    assert validity.errors_rare(1, 1001, {"timeout": 1}) is None
    assert validity.errors_rare(1, 1000, {"timeout": 1}) is not None
    reason = validity.errors_rare(5, 1000, {"timeout": 2, "refused": 3})
    assert reason == "5 of 1000 requests failed (0.50%): 3 refused, 2 timeout"
    assert validity.errors_rare(0, 0, {}) is None


def test_answers_right() -> None:
    assert validity.answers_right(0, 100, None) is None
    assert (
        validity.answers_right(2, 100, "scores differ by 3") == "2 of 100 checked answers are wrong: scores differ by 3"
    )


def test_server_alive() -> None:
    assert validity.server_alive(None) is None
    assert "exit code -9" in (validity.server_alive(-9) or "")
