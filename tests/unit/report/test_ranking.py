"""The ranking: its order, and that no difference is claimed that the blocks do not show."""

from pathlib import Path
from typing import Any

import pytest

from tailbed.analysis.cell import combine
from tailbed.results.schema import Cell, RunResult
from tests.unit.report.decisions import make_recommendation, make_recommendations
from tests.unit.report.experiments import make_cell, make_folder
from tests.unit.report.test_page import render


def repeated(p99: list[float], **fields: Any) -> Cell:
    """A cell of several runs with these P99, each with a folder of its own."""
    runs = []
    for block, value in enumerate(p99, start=1):
        one = make_cell(p99_ms=value, run=f"runs/{fields.get('server', 'fastapi')}-{block}", **fields)
        runs.append(RunResult(**one.model_dump(exclude={"runs", "intervals"}), block=block, finished=True))
    return combine(runs, blocks=len(runs))


def ranking(path: Path, cells: list[Cell], **fields: Any) -> list[tuple[str, str, bool]]:
    """Name, verdict and whether it is shown, of the one ranking's entries in order."""
    data = render(make_folder(path, cells, **fields)).data
    (panel,) = data["sections"]["ranking"]
    names = [entry["name"] for entry in data["deployments"]]
    return [(names[entry["deployment"]], entry["verdict"], entry["shown"]) for entry in panel["entries"]]


SLOW = [2.0, 2.1, 2.05, 1.95, 2.02, 2.08, 1.98, 2.04]
FAST = [1.0, 1.03, 1.05, 0.98, 1.01, 1.02, 0.97, 1.04]


def test_what_the_blocks_show_is_told_with_its_factor(tmp_path: Path) -> None:
    cells = [repeated(SLOW), repeated(FAST, server="grpc", protocol="grpc")]
    entries = ranking(tmp_path / "results", cells, blocks=8)
    assert entries == [("grpc", "first", False), ("fastapi", "2.00x longer", True)]


def test_equal_ones_show_no_difference(tmp_path: Path) -> None:
    other = [1.02, 1.0, 1.01, 1.03, 0.99, 0.98, 1.03, 1.02]
    entries = ranking(tmp_path / "results", [repeated(FAST), repeated(other, server="grpc", protocol="grpc")], blocks=8)
    assert [verdict for _, verdict, _ in entries] == ["first", "no difference shown"]
    assert not any(shown for _, _, shown in entries)


def test_too_few_blocks_for_so_many_comparisons_are_told_apart_from_no_difference(tmp_path: Path) -> None:
    """Six blocks can show one difference, and not one among four."""
    others = [repeated(SLOW[:6], server=name, protocol=name) for name in ("grpc", "rest", "triton", "ovms")]
    entries = ranking(tmp_path / "results", [repeated(FAST[:6]), *others], blocks=6)
    assert {verdict for _, verdict, _ in entries[1:]} == {"too few blocks to tell"}
    assert ranking(tmp_path / "two", [repeated(FAST[:6]), others[0]], blocks=6)[1][1] == "2.00x longer"


def test_one_run_each_is_an_order_and_no_verdict(tmp_path: Path) -> None:
    cells = [make_cell(p99_ms=9.0), make_cell(p99_ms=1.0, server="grpc", protocol="grpc")]
    assert ranking(tmp_path / "results", cells) == [
        ("grpc", "first", False),
        ("fastapi", "too few runs to tell", False),
    ]


def test_an_invalid_cell_takes_no_part_and_is_named(tmp_path: Path) -> None:
    cells = [
        make_cell(),
        make_cell(p99_ms=0.1, server="grpc", protocol="grpc", validity="INVALID", reasons=["late by 9 ms"]),
    ]
    folder = make_folder(tmp_path / "results", cells)
    page = render(folder)
    assert [entry["deployment"] for entry in page.data["sections"]["ranking"][0]["entries"]] == [0]
    assert "grpc: INVALID" in page.words
    assert "late by 9 ms" in page.words


def test_models_are_not_ranked_against_each_other(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell(), make_cell(model="resnet")])
    assert "ranking" not in render(folder).data["sections"]


@pytest.mark.parametrize(("goal", "expected"), [("throughput", ["grpc", "fastapi"]), ("p99", ["fastapi", "grpc"])])
def test_the_goals_figure_ranks_closed_loops(tmp_path: Path, goal: str, expected: list[str]) -> None:
    closed: dict[str, Any] = {"scenario": "closed x1", "offered_rate": None}
    cells = [
        make_cell(p99_ms=1.0, throughput=100.0, **closed),
        make_cell(p99_ms=2.0, throughput=900.0, server="grpc", protocol="grpc", **closed),
    ]
    folder = make_folder(tmp_path / "results", cells)
    folder.write_decision(make_recommendations(make_recommendation(goal=goal), goal=goal))
    data = render(folder).data
    names = [entry["name"] for entry in data["deployments"]]
    assert [names[entry["deployment"]] for entry in data["sections"]["ranking"][0]["entries"]] == expected
