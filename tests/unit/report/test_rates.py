"""Rate against the percentile: from a plan's points, else from open loops at several rates."""

from pathlib import Path

import numpy as np

from tailbed.slo import Slo
from tests.unit.report.decisions import (
    make_deployment_plan,
    make_plan,
    make_point,
    make_recommendation,
    make_recommendations,
)
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records
from tests.unit.report.test_page import render


def test_a_plans_points_are_drawn_with_its_objective(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan())
    page = render(folder)
    (panel,) = page.data["sections"]["rates"]
    assert panel["limit"] == 5.0
    names = [entry["name"] for entry in page.data["deployments"]]
    series = {names[each["deployment"]]: each for each in panel["series"]}
    assert {name: each["highest"] for name, each in series.items()} == {"onnx": 2400, "torchscript": None}
    held = [(point["rate"], point["held"], point["ms"]) for point in series["onnx"]["points"]]
    assert held[-3:] == [(2400, True, 4.4), (2500, False, 6.3), (3000, False, None)]
    assert "holds P99 within 5 ms up to 2,400/s; at 2,500/s P99 is 6.3 ms" in page.words


def test_every_point_of_the_table_leads_to_its_records(tmp_path: Path) -> None:
    cell = make_cell(run="runs/7")
    folder = make_folder(tmp_path / "results", [cell])
    write_records(folder, cell, make_records(np.linspace(1, 3, 2002)))
    deployment = make_deployment_plan(points=[make_point(200, 3.5, runs=["runs/7", "runs/gone"])])
    folder.write_decision(make_plan(deployments=[deployment]))
    page = render(folder)
    assert page.addresses.count("runs/7/records.parquet") == 3, "of the cell, of its curve, and of the point"
    assert not [address for address in page.addresses if "gone" in address]


def test_without_a_plan_open_loops_at_several_rates_are_a_curve(tmp_path: Path) -> None:
    cells = [
        make_cell(scenario="poisson 200/s", offered_rate=201.0, p99_ms=1.0),
        make_cell(scenario="poisson 800/s", offered_rate=799.0, p99_ms=None, validity="INVALID", reasons=["saturated"]),
        make_cell(scenario="closed x1", offered_rate=None),
        make_cell(scenario="constant 200/s", offered_rate=200.0),
    ]
    folder = make_folder(tmp_path / "results", cells)
    (panel,) = render(folder).data["sections"]["rates"]
    assert panel["limit"] is None
    (series,) = panel["series"]
    assert [(point["rate"], point["held"]) for point in series["points"]] == [(201.0, True), (799.0, False)]


def test_one_rate_is_no_curve(tmp_path: Path) -> None:
    assert "rates" not in render(make_folder(tmp_path / "results", [make_cell()])).data["sections"]


def test_an_objective_that_was_asked_for_is_the_line(tmp_path: Path) -> None:
    cells = [
        make_cell(scenario=f"poisson {rate}/s", offered_rate=float(rate), p50_ms=ms)
        for rate, ms in ((200, 0.4), (800, 2.5))
    ]
    folder = make_folder(tmp_path / "results", cells)
    folder.write_decision(make_recommendations(make_recommendation(slo=Slo.parse("p50=2ms"))))
    page = render(folder)
    (panel,) = page.data["sections"]["rates"]
    assert (panel["figure"], panel["limit"]) == ("P50", 2.0)
    assert [(point["ms"], point["held"]) for point in panel["series"][0]["points"]] == [(0.4, True), (2.5, False)]
    assert "beyond P50 within 2 ms" in page.words
