"""The sentence on top: whose it is, and how sure it says to be."""

from pathlib import Path

from tailbed.results.schema import Cell, DeploymentFacts
from tests.unit.report.decisions import make_plan, make_recommendation, make_recommendations, make_study
from tests.unit.report.experiments import make_cell, make_folder
from tests.unit.report.test_page import render


def facts(cell: Cell) -> DeploymentFacts:
    named = cell.model_dump(include={"model", "format", "precision", "server", "protocol", "runtime", "variant"})
    return DeploymentFacts.model_validate(named | {"settings": {}})


def test_the_plans_answer_comes_before_the_studys_and_both_are_told(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_recommendations(make_recommendation(sentence="the recommendation's own")))
    folder.write_decision(make_study())
    folder.write_decision(make_plan())
    page = render(folder)
    plan, study = page.words.index(make_plan().answer), page.words.index("Use onnx int8-static")
    assert plan < study
    assert "the recommendation's own" not in page.words, "the study's is of the same cells"
    assert {"capacity-plan.json", "quantization.json"} <= set(page.addresses)


def test_a_plan_says_how_far_its_predictions_were_off(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan())
    words = render(folder).words
    assert "Measured, then modelled" in words
    assert "missed 2 held-out percentiles by 5% at most" in words
    assert "Replicas behind HAProxy 2.6.12 came within 11% of what it says" in words
    assert "torchscript" in words
    assert "no number of replicas meets P99 within 5 ms" in words


def test_a_recommendation_that_is_not_shown_says_so(tmp_path: Path) -> None:
    sure, unsure = make_folder(tmp_path / "sure", [make_cell()]), make_folder(tmp_path / "unsure", [make_cell()])
    sure.write_decision(make_recommendations(make_recommendation()))
    unsure.write_decision(make_recommendations(make_recommendation(shown=False, as_good=["torchscript"])))
    assert "Shown by the runs" in render(sure).words
    words = render(unsure).words
    assert "No difference shown" in words
    assert "The runs do not show these to be worse: torchscript" in words
    assert "Shown by the runs" not in words


def test_every_model_has_its_own_recommendation(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(
        make_recommendations(
            make_recommendation(sentence="digits goes with onnx"),
            make_recommendation(model="resnet", sentence="resnet goes with openvino"),
        )
    )
    words = render(folder).words
    assert "Digits goes with onnx." in words
    assert "Resnet goes with openvino." in words


def test_without_a_stored_recommendation_the_page_draws_it_for_p99(tmp_path: Path) -> None:
    cells = [make_cell(p99_ms=9.0), make_cell(p99_ms=1.0, server="grpc", protocol="grpc")]
    page = render(make_folder(tmp_path / "results", cells, deployments=[facts(cell) for cell in cells]))
    assert "No difference shown" in page.words, "one run each shows nothing"
    assert "grpc" in page.words[page.words.index("The answer") : page.words.index("No difference shown")]


def test_one_deployment_has_nothing_to_choose_from(tmp_path: Path) -> None:
    assert "The answer" not in render(make_folder(tmp_path / "results", [make_cell()])).words
