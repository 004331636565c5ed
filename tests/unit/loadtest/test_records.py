"""Records: what is written is read, and what a dead engine left in its spool is not lost."""

import errno
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loadtest import LoadError, records, spool
from loadtest.records import EngineFacts, Outcome, Records

FACTS = EngineFacts(
    load_start_ns=400,
    by_rule=True,
    unsteady="not steady after 5 s: the throughput keeps rising",
    window_start_ns=1_000,
    window_end_ns=9_000,
    finished=True,
    client_busy=0.25,
    spinning=True,
    stalls=[(600, 300_000), (2_000, 250_000)],
    stalls_dropped=1,
    cap_hits=3,
    checked=2,
    wrong=1,
    first_wrong="item 4: output 'scores' holds NaN",
)
NAMES = {
    0: "ok",
    1: "refused",
    2: "reset",
    3: "timeout",
    4: "malformed",
    5: "stopped",
    1503: "http 503",
    2014: "grpc 14",
}


def rows(*values: tuple[int, int, int, int, int]) -> np.ndarray:
    return np.array(list(values), dtype=spool.DTYPE)


def assert_equal(one: Records, other: Records):
    for name in ("intended_ns", "sent_ns", "done_ns", "outcome", "input_index", "warmup", "correct"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype, name
        assert np.array_equal(left, right), name
    assert one.facts == other.facts


def write_spool(folder: Path, content: np.ndarray, *, cut: int = 0):
    whole = spool.header(spool.Window(400, 1_000, 9_000)) + content.tobytes()
    (folder / spool.NAME).write_bytes(whole[: len(whole) - cut])


@given(
    hnp.arrays(
        spool.DTYPE,
        st.integers(0, 30),
        elements=st.tuples(
            st.integers(0, 10_000),
            st.integers(0, 2**62),
            st.integers(0, 2**62),
            st.sampled_from(list(NAMES)),
            st.integers(0, 2**31 - 1),
        ),
    ),
    st.data(),
)
def test_what_is_written_is_read(tmp_path_factory, content: np.ndarray, data: st.DataObject):
    correct = data.draw(hnp.arrays(np.int8, len(content), elements=st.integers(-1, 1)))
    written = records.from_rows(content, correct, FACTS)
    path = tmp_path_factory.mktemp("records") / records.NAME
    records.write(path, written)
    assert_equal(records.read(path), written)


def test_rows_are_put_in_the_order_in_which_they_were_intended(tmp_path: Path):
    content = rows((3_000, 3_001, 3_002, 0, 7), (500, 501, 9_000, 3, 5), (2_000, 0, 2_002, 1, 6))
    found = records.from_rows(content, np.array([1, -1, 0], np.int8), FACTS)
    assert found.intended_ns.tolist() == [500, 2_000, 3_000]
    assert found.input_index.tolist() == [5, 6, 7]
    assert found.correct.tolist() == [-1, 0, 1]
    assert found.warmup.tolist() == [True, False, False]


def test_the_file_reads_well_without_tailbed(tmp_path: Path):
    content = rows(*((100 * index, 1, 2, outcome, 0) for index, outcome in enumerate(NAMES)))
    correct = np.full(len(content), -1, np.int8)
    correct[:2] = 1, 0
    records.write(tmp_path / records.NAME, records.from_rows(content, correct, FACTS))
    table = pq.read_table(tmp_path / records.NAME)
    assert table["outcome"].to_pylist() == list(NAMES.values())
    assert table["correct"].to_pylist() == [True, False, *[None] * (len(NAMES) - 2)]
    assert EngineFacts.model_validate_json(table.schema.metadata[b"tailbed"]) == FACTS


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but not really"])
def test_a_file_that_is_none_of_records_gets_one_line(tmp_path: Path, content: bytes | None):
    path = tmp_path / records.NAME
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadError, match=r"records\.parquet: (no records|not a file of records)") as caught:
        records.read(path)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 5), st.integers(0, spool.ROW.size - 1))
def test_a_spool_cut_off_anywhere_gives_all_its_whole_rows(tmp_path_factory, count: int, cut: int):
    folder = tmp_path_factory.mktemp("spool")
    content = rows(*((500 * index, 1, 2_000 * index, 0, index) for index in range(count + 1)))
    write_spool(folder, content, cut=cut)
    whole = count + 1 if cut == 0 else count
    if not whole:
        with pytest.raises(LoadError, match="nothing was measured"):
            records.recover(folder)
        return
    found = records.recover(folder)
    assert found.input_index.tolist() == list(range(whole))
    assert not found.facts.finished
    assert found.facts.client_busy is None
    assert found.facts.load_start_ns == 400
    assert found.facts.window_start_ns == 1_000
    assert found.facts.window_end_ns == min(9_000, max(1_000, 2_000 * (whole - 1)))
    assert_equal(records.read(folder / records.NAME), found)
    assert not (folder / spool.NAME).exists()


def test_recovering_what_is_complete_changes_nothing(tmp_path: Path):
    complete = records.from_rows(rows((2_000, 1, 2, 0, 0)), np.array([-1], np.int8), FACTS)
    records.write(tmp_path / records.NAME, complete)
    assert_equal(records.recover(tmp_path), complete)


@pytest.mark.parametrize("content", [None, b"", b"tbspool2", b"another file that is longer than the header"])
def test_a_folder_without_anything_to_recover_gets_one_line(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / spool.NAME).write_bytes(content)
    with pytest.raises(LoadError, match=r"records\.spool"):
        records.recover(tmp_path)


def test_a_spool_is_read_while_it_grows_and_after_it_is_removed(tmp_path: Path):
    write_spool(tmp_path, rows((1, 2, 3, 0, 0)))
    reader = spool.SpoolReader(tmp_path / spool.NAME)
    assert reader.window == spool.Window(400, 1_000, 9_000)
    assert reader.read()["input_index"].tolist() == [0]
    assert not len(reader.read())
    more = rows((1, 2, 3, 0, 1), (1, 2, 3, 0, 2)).tobytes()
    with (tmp_path / spool.NAME).open("ab") as file:
        file.write(more[:-1])
        file.flush()
        assert reader.read()["input_index"].tolist() == [1]
        file.write(more[-1:])
    (tmp_path / spool.NAME).unlink()
    assert reader.read()["input_index"].tolist() == [2]
    reader.close()


@pytest.mark.parametrize(("outcome", "name"), NAMES.items())
def test_outcomes_have_names(outcome: int, name: str):
    assert records.outcome_name(outcome) == name
    assert Outcome.OK == 0


def test_a_full_disk_is_one_line_and_the_spool_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_spool(tmp_path, rows((1, 2, 3, 0, 0)))
    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(records.NotWrittenError, match=r"\(No space left on device\); records\.spool"):
            records.recover(tmp_path)
    assert len(records.recover(tmp_path).done_ns) == 1
