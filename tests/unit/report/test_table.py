"""The table: figures that line up, and a reason for each one that is not there."""

from pathlib import Path

import pytest

from tailbed.report.results.data import COLUMNS, Figure, Row, Table, build_table
from tailbed.report.shared.text import format_ms
from tailbed.results.folder import ExperimentFolder
from tests.unit.report.experiments import make_cell


def figure(row: Row, field: str) -> Figure:
    return row.figures[[column.field for column in COLUMNS].index(field)]


def test_rows_are_grouped_by_scenario(tmp_path: Path) -> None:
    cells = [
        make_cell(scenario=scenario, server=server)
        for server in ("grpc", "fastapi")
        for scenario in ("poisson 800/s", "poisson 200/s", "closed x1")
    ]
    rows = build_table(ExperimentFolder(tmp_path), cells).rows
    assert [(row.cell.scenario, row.cell.server) for row in rows] == [
        (scenario, server)
        for scenario in ("closed x1", "poisson 200/s", "poisson 800/s")
        for server in ("fastapi", "grpc")
    ]
    assert [row.opens_group for row in rows] == [True, False] * 3


def test_a_group_of_columns_shows_as_many_decimals_as_its_smallest_figure_needs(tmp_path: Path) -> None:
    cells = [make_cell(), make_cell(p50_ms=1234.5678, server="grpc")]
    rows = build_table(ExperimentFolder(tmp_path), cells).rows
    assert figure(rows[0], "p50_ms").text == "0.412"
    assert figure(rows[1], "p50_ms").text == "1,234.568"
    assert figure(rows[0], "offered_rate").text == "200.2", "a rate shows what 1% of it is"
    assert figure(rows[0], "ready_ms").text == "640"
    assert figure(rows[0], "requests").text == "2,002"


def test_a_missing_figure_says_why_and_equal_reasons_share_a_note(tmp_path: Path) -> None:
    cells = [make_cell(), make_cell(server="grpc"), make_cell(scenario="closed x1", offered_rate=None, missing={})]
    table = build_table(ExperimentFolder(tmp_path), cells)
    closed, first, second = table.rows
    assert figure(first, "p999_ms").text == "insufficient"
    assert figure(first, "p999_ms").value is None
    assert figure(first, "p999_ms").note == figure(second, "p999_ms").note
    note = figure(first, "p999_ms").note
    assert note is not None
    assert table.notes[note] == "Response P99.9: insufficient: 2002 requests, needs 6636"
    assert "closed loop" in table.notes[figure(closed, "offered_rate").note or ""]
    assert table.notes[figure(closed, "p999_ms").note or ""] == "Response P99.9: not recorded"


@pytest.mark.parametrize(
    ("cold_start", "text", "why"),
    [
        (None, "-", "not started by tailbed"),
        ({"ready_ms": 12.0, "first_answer_ms": None}, "-", "wrong or failed"),
    ],
)
def test_a_missing_first_answer_says_why(tmp_path: Path, cold_start: object, text: str, why: str) -> None:
    table = build_table(ExperimentFolder(tmp_path), [make_cell(cold_start=cold_start)])
    shown = figure(table.rows[0], "first_answer_ms")
    assert shown.text == text
    assert why in table.notes[shown.note or ""]


def test_remarks_name_every_reason_and_failures_that_leave_a_run_valid(tmp_path: Path) -> None:
    valid = make_cell(errors=1, error_kinds={"http 503": 1})
    invalid = make_cell(server="grpc", validity="INVALID", reasons=["one", "two"], errors=5, error_kinds={"reset": 5})
    rows = build_table(ExperimentFolder(tmp_path), [valid, invalid]).rows
    assert rows[0].remarks == ["1 of 2002 requests failed: 1 http 503"]
    assert rows[1].remarks == ["one", "two"]


def test_links_lead_only_to_what_is_there(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "001-a b#c"
    run.mkdir(parents=True)
    cells = [make_cell(run="runs/001-a b#c"), make_cell(run="runs/gone", server="grpc")]
    folder = ExperimentFolder(tmp_path)
    there, gone = build_table(folder, cells).rows
    assert (there.records, there.files) == (None, "runs/001-a%20b%23c/")
    assert (gone.records, gone.files) == (None, None)
    (run / "records.parquet").touch()
    assert build_table(folder, cells).rows[0].records == "runs/001-a%20b%23c/records.parquet"


def test_notes_go_on_after_z() -> None:
    table = Table()
    letters = [table.note(f"reason {place}") for place in range(54)]
    assert letters[:2] + letters[25:28] + letters[-2:] == ["a", "b", "z", "aa", "ab", "ba", "bb"]
    assert table.note("reason 27") == "ab"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.00123, "0.001"), (0.4126, "0.413"), (41.26, "41.3"), (1234.6, "1,235")]
)
def test_a_time_alone_has_three_digits(value: float, text: str) -> None:
    assert format_ms(value) == text
