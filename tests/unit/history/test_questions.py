"""Questions in SQL and files for other programs: all runs, and nothing but the history."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tailbed import history
from tailbed.history import COLUMNS, HistoryError
from tailbed.history.export import export_file
from tailbed.history.sql import ask
from tests.unit.history.experiments import make_experiment, make_runs


@pytest.fixture(autouse=True)
def two_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    for number, name in enumerate(("a", "b")):
        history.add(make_experiment(tmp_path / name, [make_runs(3.0 + number, 2)], number=number))


def test_sql_over_runs() -> None:
    answer = ask("SELECT name, count(*) AS runs, avg(p99_ms) AS p99 FROM runs GROUP BY name ORDER BY name;")
    assert answer.columns == ["name", "runs", "p99"]
    assert answer.rows == [("a", 2, 3.0), ("b", 2, 4.0)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM runs",
        "CREATE TABLE x AS SELECT 1",
        "COPY runs TO '{folder}/stolen.csv'",
        "SELECT 1; SELECT 2",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "",
    ],
)
def test_only_one_select(statement: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="takes one SELECT statement"):
        ask(statement.format(folder=tmp_path))
    assert not (tmp_path / "stolen.csv").exists()
    assert ask("SELECT count(*) FROM runs").rows == [(4,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{folder}/a/summary.json')",
        "SELECT * FROM '{folder}/home/history/*.parquet'",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM statement",
        "SELECT nonesuch FROM runs",
        "SELEC 1",
    ],
)
def test_nothing_else_can_be_read_and_errors_are_one_line(statement: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="--sql: ") as caught:
        ask(statement.format(folder=tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "parquet", "CSV"])
def test_all_runs_in_a_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"all.{ending}"
    path.write_text("what was there before")
    assert export_file(path) == 4
    if ending == "parquet":
        table = pq.read_table(path)
        assert table["p99_ms"].to_pylist() == [3.0, 3.0, 4.0, 4.0]
        assert table.column_names == list(COLUMNS)
    else:
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        assert [(row["name"], float(row["p99_ms"])) for row in found] == [("a", 3.0)] * 2 + [("b", 4.0)] * 2
        assert list(found[0]) == list(COLUMNS)
    assert [each.name for each in tmp_path.glob("all*")] == [path.name]


def test_other_endings_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"is exported as \.csv or \.parquet"):
        export_file(tmp_path / "all.xlsx")
    with pytest.raises(HistoryError, match="cannot be written"):
        export_file(tmp_path / "none" / "all.csv")


def test_an_empty_history_has_columns_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "other"))
    assert ask("SELECT name, p99_ms, started FROM runs").rows == []
    with pytest.raises(HistoryError, match="no run in the history"):
        export_file(tmp_path / "all.csv")
    assert not (tmp_path / "all.csv").exists()
