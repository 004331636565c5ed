"""Who gets which core."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.experiment import placement
from tailbed.experiment.core_stalls import CoreStalls
from tailbed.experiment.placement import divide, place, siblings

ALONE = {core: frozenset({core}) for core in range(8)}
TWINS = {core: frozenset({core % 4, core % 4 + 4}) for core in range(8)}
"""Four physical cores with two hardware threads each, numbered as Linux does."""


def stalls(*shares: float) -> list[CoreStalls]:
    return [CoreStalls(core, 2.0, share, 8.0 * bool(share), round(100 * share)) for core, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("cores", "threads", "shares", "server", "client"),
    [
        pytest.param([3], ALONE, (0.0,) * 4, None, None, id="one core is shared"),
        pytest.param([0, 1], ALONE, (), (0,), 1, id="the last one if nothing is known"),
        pytest.param([0, 1], ALONE, (0.0062, 0.0013), (1,), 0, id="the server gets the quieter one"),
        pytest.param([0, 1], ALONE, (0.0013, 0.0062), (0,), 1, id="whichever that is"),
        pytest.param([0, 1], ALONE, (0.0014, 0.0006), (0,), 1, id="less than 0.1% is chance"),
        pytest.param([0, 1, 2, 3], ALONE, (0.0, 0.02, 0.004, 0.01), (0, 2, 3), 1, id="all others for the server"),
        pytest.param([2, 5, 7], ALONE, (), (2, 5), 7, id="of those that may be used"),
        pytest.param(list(range(8)), TWINS, (), (0, 1, 2, 4, 5, 6), 7, id="the client's twin stays idle"),
        pytest.param([1, 2, 5, 6], TWINS, (0.0, 0.01), (2, 6), 1, id="so does a noisy client's"),
        pytest.param([1, 5], TWINS, (), (1,), 5, id="unless there is no other"),
        pytest.param([0, 1, 4], TWINS, (), (1,), 4, id="even if one remains"),
    ],
)
def test_cores_are_divided(cores, threads, shares, server, client) -> None:
    assert divide(cores, threads, stalls(*shares)) == (server, client)


@given(
    cores=st.sets(st.integers(0, 7), min_size=2),
    shares=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    threads=st.sampled_from([ALONE, TWINS]),
)
def test_the_server_is_never_on_the_clients_core_and_never_on_a_noisier_one(cores, shares, threads) -> None:
    server, client = divide(sorted(cores), threads, stalls(*shares))
    assert server
    assert client is not None
    assert set(server) <= cores - {client}
    assert all(shares[core] <= shares[client] + 0.001 for core in server)
    idle = cores - {client, *server}
    assert idle <= threads[client]


@pytest.mark.parametrize(
    ("listed", "expected"), [("3\n", {3}), ("3,35\n", {3, 35}), ("2-3\n", {2, 3}), ("0-1,3,8-9\n", {0, 1, 3, 8, 9})]
)
def test_siblings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, expected: set[int]) -> None:
    monkeypatch.setattr(placement, "_CPU", tmp_path)
    (tmp_path / "cpu3/topology").mkdir(parents=True)
    (tmp_path / "cpu3/topology/thread_siblings_list").write_text(listed)
    assert siblings(3) == expected
    assert siblings(4) == {4}


@pytest.fixture
def one_core() -> Iterator[int]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield min(cores)
    os.sched_setaffinity(0, cores)


def test_a_process_with_one_core_shares_it(one_core: int) -> None:
    found = place(stalls(*(0.5 for _ in range(one_core + 1))))
    assert found.shared
    assert found.server is None
    assert len(found.stalls) == one_core + 1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_a_placement_is_one_of_usable_cores() -> None:
    found = place()
    assert not found.shared
    assert found.client in os.sched_getaffinity(0)
    assert found.server
    assert set(found.server) <= os.sched_getaffinity(0) - {found.client}


def test_what_is_called_permitted_is_given_and_only_to_others(tmp_path: Path) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from servers import SupervisedProcess
        from tailbed.experiment.placement import permitted_niceness
        own = os.nice(1)
        nice = permitted_niceness()
        assert os.getpriority(os.PRIO_PROCESS, 0) == own
        command = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"
        with SupervisedProcess.start([sys.executable, "-c", command], log=Path(sys.argv[1]), nice=nice) as process:
            process.wait(30)
        given = int(process.log.read_text())
        assert given == (own if nice is None else nice), given
        print(nice)
    """
    argv = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "log")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in (str(placement.NICE), "None")
