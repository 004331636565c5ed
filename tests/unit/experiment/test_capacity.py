"""How far a capacity probe goes: as far as more clients bring more answers."""

import pytest

from loadtest.scenario import OpenLoop
from tailbed.experiment.capacity import next_clients
from tailbed.suite import ShareOfCapacity, resolve


def probed(answers: list[float]) -> list[int]:
    """The numbers of clients that are tried where they reach these rates in turn."""
    probes: dict[int, float] = {}
    while clients := next_clients(probes):
        probes[clients] = answers[len(probes)]
    return list(probes)


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        ([100, 400, 400], [1, 4, 16]),
        ([100, 400, 440], [1, 4, 16]),
        ([100, 400, 441, 300], [1, 4, 16, 64]),
        ([100, 400, 1600, 6400], [1, 4, 16, 64]),
        ([400, 100, 50], [1, 4, 16]),
        ([0, 0, 0], [1, 4, 16]),
    ],
)
def test_more_clients_are_tried_where_they_bring_more(answers: list[float], tried: list[int]) -> None:
    assert probed(answers) == tried


def test_a_rate_by_share_has_three_digits() -> None:
    share = ShareOfCapacity.model_validate({"kind": "open", "share": "70%"})
    assert resolve(share, 9_464.0) == OpenLoop(rate=6620, share=0.7)
