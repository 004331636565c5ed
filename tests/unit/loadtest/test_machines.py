"""Engines on one machine get a core each, whatever their processes' host names."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.driver.machines import Place, seats

CORES = st.frozensets(st.integers(0, 7), min_size=1).map(lambda cores: tuple(sorted(cores)))
PLACES = st.lists(st.builds(Place, boot=st.sampled_from(["a", "b"]), cores=CORES), max_size=12)


def test_the_last_cores_first_and_one_is_left():
    found = seats([Place("a", (0, 1, 2, 3))] * 5)
    assert [seat.core for seat in found] == [3, 2, 1, None, None]
    assert [seat.index for seat in found] == [0, 1, 2, 3, 4]


def test_machines_do_not_count_on_one_another():
    found = seats([Place("a", (0, 1)), Place("b", (0, 1)), Place("a", (0, 1))])
    assert [(seat.index, seat.core) for seat in found] == [(0, 1), (0, 1), (1, None)]


@given(PLACES)
def test_no_core_is_two_engines_and_each_one_may_use_its_own(places: list[Place]):
    found = seats(places)
    own = [(place.boot, seat.core) for place, seat in zip(places, found, strict=True) if seat.core is not None]
    assert len(own) == len(set(own))
    for place, seat in zip(places, found, strict=True):
        assert seat.core is None or seat.core in place.cores


@given(st.lists(st.sampled_from("ab"), max_size=9))
def test_places_are_counted_machine_by_machine(boots: list[str]):
    found = seats([Place(boot, (0, 1)) for boot in boots])
    for boot in "ab":
        mine = [seat.index for seat, other in zip(found, boots, strict=True) if other == boot]
        assert mine == list(range(len(mine)))


def test_a_place_survives_a_message():
    here = Place.here()
    assert Place.of(here.message()) == here
    assert here.cores
