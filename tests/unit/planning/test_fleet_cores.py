"""Which cores replicas and their balancer get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.planning.balancers.cores import divide


@pytest.mark.parametrize(
    ("server", "replicas", "balancer"),
    [
        ((0, 1, 2), ((0,), (1,)), (2,)),
        ((3, 5, 7, 9, 11), ((3, 5), (7, 9)), (11,)),
        ((0, 1, 2, 3), ((0,), (1,)), (3,)),
    ],
)
def test_each_has_cores_of_its_own_where_there_are_enough(
    server: tuple[int, ...], replicas: tuple[tuple[int, ...], ...], balancer: tuple[int, ...]
) -> None:
    found = divide(server, 2)
    assert (found.replicas, found.balancer, found.note) == (replicas, balancer, None)


def test_with_a_core_for_each_replica_only_the_balancer_shares() -> None:
    found = divide((2, 4), 2)
    assert (found.replicas, found.balancer) == (((2,), (4,)), (2, 4))
    assert found.note == "the balancer shares the cores of the replicas"


def test_on_one_core_all_share_it_and_it_is_said() -> None:
    found = divide((0,), 2)
    assert (found.replicas, found.balancer) == (((0,), (0,)), (0,))
    assert found.note == "2 replicas and the balancer share core 0"


def test_where_even_the_client_shares_it_is_said() -> None:
    found = divide(None, 2)
    assert (found.replicas, found.balancer) == ((None, None), None)
    assert found.note == "replicas, balancer and client share all cores"


@given(st.sets(st.integers(0, 200), min_size=1, max_size=40), st.integers(1, 8))
def test_equal_replicas_on_cores_that_there_are(cores: set[int], replicas: int) -> None:
    found = divide(sorted(cores), replicas)
    assert len(found.replicas) == replicas
    assert len({len(own or ()) for own in found.replicas}) == 1
    used = [core for own in found.replicas for core in own or ()] + list(found.balancer or ())
    assert set(used) <= cores
    assert found.note is not None or len(set(used)) == len(used)
