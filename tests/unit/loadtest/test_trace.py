"""Recorded traces: read exactly, scaled to a rate, refused with the file and the row."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.arrivals import schedule
from loadtest.errors import LoadError
from loadtest.scenario import Trace
from loadtest.trace import read_trace

TIMES_S = [0.25, 0.25, 1.0, 1.5, 7.0]


def write_csv(path: Path, times_s: list[float]) -> Path:
    path.write_text("host,arrival_s\n" + "".join(f"a,{time!r}\n" for time in times_s))
    return path


def write_parquet(path: Path, times_s: list[float]) -> Path:
    pq.write_table(pa.table({"host": ["a"] * len(times_s), "arrival_s": times_s}), path)
    return path


@pytest.mark.parametrize(("write", "name"), [(write_csv, "t.csv"), (write_parquet, "t.parquet"), (write_csv, "T.CSV")])
def test_a_trace_is_replayed_as_it_was_up_to_the_runs_end(tmp_path: Path, write, name: str):
    path = write(tmp_path / name, TIMES_S)
    assert read_trace(path).tolist() == TIMES_S
    times = schedule(Trace(path=path), length_s=5, seed=9)
    assert times.tolist() == [250_000_000, 250_000_000, 1_000_000_000, 1_500_000_000]


@given(st.lists(st.floats(0, 1e5), min_size=2), st.floats(0.01, 1e5))
def test_a_scaled_trace_has_the_rate_and_keeps_its_shape(gaps: list[float], rate: float):
    with pytest.MonkeyPatch.context() as patch:
        times_s = np.cumsum(gaps)
        patch.setattr("loadtest.trace._read_csv", lambda _: (times_s, np.arange(len(times_s))))
        if times_s[-1] - times_s[0] < 1e-6:
            return
        scaled = read_trace(Path("t.csv"), rate)
    assert (len(scaled) - 1) / (scaled[-1] - scaled[0]) == pytest.approx(rate)
    assert np.allclose(scaled * times_s[-1], times_s * scaled[-1])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no column arrival_s: it has none"),
        ("time,host\n1,a\n", "has no column arrival_s: it has time, host"),
        ("arrival_s\n", "has no arrivals"),
        ("arrival_s\n1\nsoon\n", "row 3: arrival_s is 'soon', not a number of seconds"),
        ("host,arrival_s\na,1\nb\n", "row 3: has no arrival_s"),
        ("arrival_s\n1\n\n0.5\n", "row 4: arrival_s is 0.5, earlier than the 1 before"),
        ("arrival_s\n-1\n", "row 2: arrival_s is -1, expected seconds of 0 or more"),
        ("arrival_s\ninf\n", "row 2: arrival_s is inf, expected seconds of 0 or more"),
        ("arrival_s\n1\nnan\n", "row 3: arrival_s is missing, expected seconds of 0 or more"),
        ('arrival_s\n"1\n', "not a CSV file"),
        ("arrival_s\n\xff\n", "not a CSV file"),
    ],
)
def test_a_bad_csv_is_refused_in_one_line(tmp_path: Path, text: str, problem: str):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="latin-1")
    assert problem in refused(path)


def test_a_bad_parquet_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR")
    assert "not a Parquet file" in refused(path)
    for values, problem in (
        ([1.0, None], "row 2: arrival_s is missing"),
        ([2.0, 1.0], "row 2: arrival_s is 1, earlier than the 2 before"),
        (["a"], "arrival_s holds string, not numbers of seconds"),
    ):
        pq.write_table(pa.table({"arrival_s": values}), path)
        assert problem in refused(path)
    pq.write_table(pa.table({"other": [1]}), path)
    assert "has no column arrival_s: it has other" in refused(path)


def test_other_ways_to_be_no_trace(tmp_path: Path):
    assert "no such file" in refused(tmp_path / "gone.csv")
    assert "a trace is a .csv or a .parquet file" in refused(tmp_path / "trace.txt")
    (tmp_path / "folder.csv").mkdir()
    assert "cannot be read" in refused(tmp_path / "folder.csv")
    same = write_csv(tmp_path / "same.csv", [1.0, 1.0])
    assert "all arrivals are at one time" in refused(same, rate=5)
    with pytest.raises(LoadError, match=r"late\.csv: begins at 90 s, after the run's 60 s"):
        schedule(Trace(path=write_csv(tmp_path / "late.csv", [90.0])), length_s=60, seed=0)


def refused(path: Path, rate: float | None = None) -> str:
    with pytest.raises(LoadError) as caught:
        read_trace(path, rate)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message
