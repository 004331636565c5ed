"""The sections on capacity and quantization, and the list of doubts: their figures are on the page as text."""

from pathlib import Path

import numpy as np

from tailbed.results.schema import QuotedInterval
from tests.unit.report.decisions import make_deployment_plan, make_plan, make_precision, make_study
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records
from tests.unit.report.test_page import render


def test_the_ranked_deployments_tell_replicas_utilization_and_cost(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan())
    words = render(folder).words
    # Of the options with the least replicas that of the shortest time, not the first in the list.
    assert "2 2,400below 2,500 62 3.303.13 to 3.50 least outstanding 0.68 USD 0.094 USD" in words
    assert "1 - below" not in words
    assert "The load engine shares a machine with the replicas." in words
    assert "both replicas share one core with the balancer" in words


def test_a_plan_without_a_price_has_no_costs(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan(price_per_h=None, currency=None))
    words = render(folder).words
    assert "the fewest replicas first" in words
    assert "Cost a million" not in words


def test_predictions_stand_beside_what_was_measured(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan())
    page = render(folder)
    *_, picture = page.data["sections"]["capacity"]
    assert [(point["predicted"], point["measured"], point["behind"]) for point in picture["points"]] == [
        (2.31, 2.2, None),
        (0.64, 0.66, None),
        (4.2, 4.7, "HAProxy 2.6.12"),
    ]
    assert "2.31 2.20 +5.0" in page.words
    assert "4.20 4.70 \N{MINUS SIGN}10.6" in page.words


def test_a_plan_that_nothing_meets_has_a_page(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    none = make_deployment_plan(fleet=[], replicas=None, scalability=None, predictions=[], needs="cannot be met")
    folder.write_decision(make_plan(deployments=[none], validations=[], notes=[]))
    page = render(folder)
    assert "cannot be met" in page.words
    assert "Utilization" in page.words


def test_a_plan_of_no_deployment_has_a_page(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [], planned_cells=0)
    folder.write_decision(make_plan(deployments=[], validations=[], notes=[], answer="Nothing could be measured."))
    assert "Nothing could be measured." in render(folder).words


def test_the_picture_of_a_study_has_accuracy_with_the_changes_interval(tmp_path: Path) -> None:
    cell = make_cell(intervals={"p99_ms": QuotedInterval(low=1.9, high=2.1, runs=8)})
    folder = make_folder(tmp_path / "results", [cell])
    folder.write_decision(make_study())
    (picture,) = render(folder).data["sections"]["quantization"]
    fp32, static, dynamic = picture["entries"]
    assert (fp32["p99_low"], fp32["p99_high"], fp32["low"]) == (1.9, 2.1, None)
    assert np.allclose([static["quality"], static["low"], static["high"]], [0.965, 0.955, 0.973])
    assert [entry["frontier"] for entry in (fp32, static, dynamic)] == [True, True, False]


def test_without_labels_agreement_is_the_quality_and_fp32_agrees_with_itself(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    results = [
        make_precision("fp32", 2.0, None),
        make_precision("int8-static", 0.9, None, agreement=0.98, agreement_low=0.96, agreement_high=0.99),
        make_precision("bf16", 1.2, None, valid=False, agreement=0.99),
    ]
    folder.write_decision(make_study(results=results))
    page = render(folder)
    (picture,) = page.data["sections"]["quantization"]
    assert picture["quality"] == "Agreement"
    assert [entry["quality"] for entry in picture["entries"]] == [1.0, 0.98]
    assert "onnx bf16 is not in the picture: its runs are INVALID" in page.words


def test_findings_and_what_a_study_cannot_tell_are_on_the_page(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_study(no_verdict="one block is too few"))
    words = render(folder).words
    assert "dynamic int8 gained nothing" in words
    assert "No difference in time can be shown: one block is too few." in words
    assert "avx512_vnni" in words


def test_a_studys_records_lie_in_the_experiment_that_it_names(tmp_path: Path) -> None:
    measured = make_folder(tmp_path / "results" / "measured", [])
    cell = make_cell(run="runs/1")
    write_records(measured, cell, make_records(np.linspace(1, 3, 100)))
    for file in (measured.summary_json, measured.summary_csv):
        file.rename(tmp_path / "results" / file.name)
    folder = type(measured)(tmp_path / "results")
    folder.write_decision(
        make_study(experiment="measured", results=[make_precision("fp32", 2.0, 0.97, runs=["runs/1"])])
    )
    assert "measured/runs/1/records.parquet" in render(folder).addresses


def test_every_doubt_is_listed_with_its_run(tmp_path: Path) -> None:
    cells = [
        make_cell(validity="INVALID", reasons=["client late", "errors"], run="runs/1"),
        make_cell(server="grpc", disturbed=["p99_ms"], p99_ms=None, missing={"p99_ms": "disturbed: 9 ms of steal"}),
        make_cell(server="triton"),
    ]
    folder = make_folder(tmp_path / "results", cells)
    write_records(folder, cells[0], make_records(np.linspace(1, 3, 100)))
    words = render(folder).words
    assert "Of 3 runs, 2 are INVALID or had a percentile that the machine may have moved." in words
    assert "client late; errors" in words
    assert "P99: disturbed: 9 ms of steal" in words


def test_that_there_is_no_doubt_is_said_too(tmp_path: Path) -> None:
    words = render(make_folder(tmp_path / "results", [make_cell()])).words
    assert "No run of 1 is INVALID" in words
