"""Records of several engines, put together: every row is there, and nothing is averaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtest import LoadError, joining, records, spool
from loadtest.records import EngineFacts, Records

FACTS: dict[str, Any] = {
    "load_start_ns": 1_000,
    "window_start_ns": 2_000,
    "window_end_ns": 9_000,
    "finished": True,
    "client_busy": 0.25,
    "spinning": True,
    "cap_hits": 0,
    "checked": 2,
    "wrong": 0,
    "first_wrong": None,
}
COLUMNS = ("intended_ns", "sent_ns", "done_ns", "outcome", "input_index", "warmup", "correct")


def part(intended_ns: list[int], **facts: Any) -> Records:
    """Records of requests that each took 50 ns, of which the first was never sent."""
    rows = np.zeros(len(intended_ns), spool.DTYPE)
    rows["intended_ns"] = intended_ns
    rows["sent_ns"] = rows["intended_ns"] + 5
    rows["sent_ns"][:1] = 0
    rows["done_ns"] = rows["intended_ns"] + 50
    rows["input_index"] = np.arange(len(rows))
    return records.from_rows(rows, np.full(len(rows), -1, np.int8), EngineFacts(**FACTS | facts))


def test_every_row_is_there_in_the_order_of_intended_times():
    one, two = part([1_500, 2_500, 4_000]), part([1_700, 2_600, 3_000, 8_000])
    found = joining.join([one, two])
    assert found.intended_ns.tolist() == [1_500, 1_700, 2_500, 2_600, 3_000, 4_000, 8_000]
    assert found.input_index.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert found.warmup.tolist() == [True, True] + 5 * [False]
    assert np.array_equal(np.sort(found.done_ns), np.sort(np.concatenate([one.done_ns, two.done_ns])))
    for name in COLUMNS:
        assert getattr(found, name).dtype == getattr(one, name).dtype


def test_facts_are_added_up_or_the_worst_of_them():
    found = joining.join(
        [
            part([], client_busy=0.2, cap_hits=2, checked=3, wrong=1, first_wrong="item 1", stalls=[(5_000, 300)]),
            part([], client_busy=0.6, cap_hits=1, checked=4, spinning=True, stalls=[(3_000, 500)], stalls_dropped=1),
        ]
    ).facts
    assert found == EngineFacts(
        **FACTS
        | {"client_busy": 0.6, "cap_hits": 3, "checked": 7, "wrong": 1, "first_wrong": "item 1"}
        | {"stalls": [(3_000, 500), (5_000, 300)], "stalls_dropped": 1}
    )


@pytest.mark.parametrize(
    ("engines", "busy"),
    [
        ([(0.5, True, 1), (0.6, True, 1)], 0.6),  # a core for each
        ([(0.5, False, 1), (0.6, False, 1)], 1.1),  # one core for both
        ([(0.5, False, 4), (0.6, False, 4)], 0.6),  # four cores for both
        ([(0.9, True, 1), (0.2, False, 1), (0.3, False, 1)], 0.9),
        ([(0.9, True, 1), (None, True, 1)], 0.9),
        ([(None, False, 1)], None),
    ],
)
def test_engines_without_a_core_of_their_own_are_busy_together(
    engines: list[tuple[float | None, bool, int]], busy: float | None
):
    parts = [part([], client_busy=share, spinning=spinning, cores=cores) for share, spinning, cores in engines]
    assert joining.join(parts).facts.client_busy == (pytest.approx(busy) if busy else None)


def test_an_engine_that_ended_early_leaves_the_time_in_which_all_measured():
    found = joining.join([part([1_500, 4_000, 8_000]), part([2_500, 5_000], window_end_ns=6_000, finished=False)])
    assert not found.facts.finished
    assert (found.facts.window_start_ns, found.facts.window_end_ns) == (2_000, 6_000)
    assert found.intended_ns[~found.warmup].tolist() == [2_500, 4_000, 5_000]
    assert len(found.intended_ns) == 5
    assert found.facts.incomplete == "engine-1 ended 0.0 s after the load's start"


def test_an_engine_that_left_nothing_is_named():
    found = joining.join([None, part([3_000])])
    assert not found.facts.finished
    assert found.facts.incomplete == "engine-0 left no records"
    assert found.intended_ns.tolist() == [3_000]


def test_offline_lasts_from_the_first_query_to_the_last_answer():
    found = joining.join(
        [part([2_100, 2_500], window_start_ns=2_100, window_end_ns=6_000), part([2_050, 2_600], window_start_ns=2_300)]
    )
    assert found.facts.finished
    assert (found.facts.window_start_ns, found.facts.window_end_ns) == (2_100, 9_000)
    assert found.warmup.tolist() == [True, False, False, False]


def test_times_of_another_machine_are_put_on_this_ones_clock():
    before = part([1_500, 4_000], stalls=[(3_000, 500)])
    after = joining.shifted(before, -1_000)
    assert after.intended_ns.tolist() == [500, 3_000]
    assert after.sent_ns.tolist() == [0, 3_005]
    assert after.done_ns.tolist() == [550, 3_050]
    assert (after.facts.load_start_ns, after.facts.window_start_ns, after.facts.window_end_ns) == (0, 1_000, 8_000)
    assert after.facts.stalls == [(2_000, 500)]
    assert after.warmup.tolist() == before.warmup.tolist()


def test_what_engines_left_is_gathered_whatever_became_of_them(tmp_path: Path):
    for index in range(3):
        (tmp_path / joining.engine_name(index)).mkdir()
    records.write(tmp_path / "engine-0" / records.NAME, part([3_000, 5_000]))
    killed = np.zeros(1, spool.DTYPE)
    killed["intended_ns"], killed["done_ns"] = 4_000, 4_100
    header = spool.header(spool.Window(1_000, 2_000, 9_000))
    (tmp_path / "engine-1" / spool.NAME).write_bytes(header + killed.tobytes())
    found = joining.gather(tmp_path, 3)
    assert found.intended_ns.tolist() == [3_000, 4_000, 5_000]
    assert found.facts.incomplete == "engine-1 ended 0.0 s after the load's start; engine-2 left no records"
    assert records.read(tmp_path / records.NAME).facts == found.facts
    assert records.read(tmp_path / "engine-1" / records.NAME).intended_ns.tolist() == [4_000]


def test_nothing_from_any_engine_is_one_line(tmp_path: Path):
    with pytest.raises(LoadError, match="none of 2 engines left records") as caught:
        joining.gather(tmp_path, 2)
    assert "\n" not in str(caught.value)


def test_records_that_cannot_be_written_stay_with_the_engines(tmp_path: Path):
    (tmp_path / "engine-0").mkdir()
    records.write(tmp_path / "engine-0" / records.NAME, part([3_000]))
    (tmp_path / f"{records.NAME}.part").mkdir()
    with pytest.raises(records.NotWrittenError, match="cannot be written"):
        joining.gather(tmp_path, 1)
    assert (tmp_path / "engine-0" / records.NAME).exists()
