"""One moment on several machines: exact on one, by the wall clocks elsewhere, refused where these disagree."""

from dataclasses import replace

import pytest

from loadtest import LoadError
from loadtest.driver import start
from loadtest.driver.start import Moment


def test_on_one_machine_it_is_exact():
    moment = Moment.after(1.5)
    assert Moment.of(moment.message()) == moment
    assert moment.here_ns() == moment.monotonic_ns
    assert moment.wall_ns - moment.told_ns == 1_500_000_000


def test_on_another_machine_it_is_as_far_off_by_the_wall_clock(monkeypatch: pytest.MonkeyPatch):
    moment = replace(Moment.after(2), boot="another machine's")
    monkeypatch.setattr(start, "_clocks", lambda: (77_000_000, moment.told_ns + 3_000_000))
    assert moment.here_ns() == 77_000_000 - 3_000_000 + 2_000_000_000


@pytest.mark.parametrize("delay_ms", [-5_000, -2, 300, 5_000])
def test_clocks_that_cannot_be_right_are_refused(monkeypatch: pytest.MonkeyPatch, delay_ms: int):
    moment = replace(Moment.after(2), boot="another machine's")
    monkeypatch.setattr(start, "_clocks", lambda: (0, moment.told_ns + delay_ms * 1_000_000))
    with pytest.raises(LoadError, match=f"came {delay_ms} ms after the master had told it"):
        moment.here_ns()
