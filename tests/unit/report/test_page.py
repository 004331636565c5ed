"""The page as a file: whole without network and JavaScript, and safe whatever the results hold."""

import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailbed.report import write_report
from tailbed.results.decisions import CapacityPlan, QuantizationStudy, Recommendations
from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.schema import Resources, RunResult
from tests.unit.report.decisions import (
    make_deployment_plan,
    make_plan,
    make_precision,
    make_recommendation,
    make_recommendations,
    make_study,
)
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Text by element id, every address that the page refers to, the embedded data; fails on unbalanced elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += text
        elif "style" not in self.open:
            self.text += text

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def render(folder: ExperimentFolder) -> Page:
    assert write_report(folder) == folder.report
    return Page(folder.report.read_text(encoding="utf-8"))


def test_it_refers_to_nothing_but_its_own_folder(tmp_path: Path) -> None:
    cell = make_cell(run="runs/001")
    folder = make_folder(tmp_path / "results", [cell])
    write_records(folder, cell, make_records(np.linspace(1, 3, 2002)))
    page = render(folder)
    assert {address for address in page.addresses if not address.startswith("#")} == {
        "data:,",
        "summary.json",
        "summary.csv",
        "runs/001/records.parquet",
        "runs/001/",
    }
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    style = "".join(re.findall(r"<style>(.*?)</style>", folder.report.read_text(encoding="utf-8"), re.DOTALL))
    assert "url(" not in style
    assert "@import" not in style


def test_its_figures_need_no_javascript(tmp_path: Path) -> None:
    cell = make_cell(run="runs/001")
    folder = make_folder(tmp_path / "results", [cell])
    write_records(folder, cell, make_records(np.linspace(1, 3, 2001)))
    words = render(folder).words
    for figure in ("0.412", "0.803", "3.500", "200.2", "200.1", "2,002", "640", "655", "VALID"):
        assert figure in words, figure
    assert "Response P99.9: insufficient: 2002 requests, needs 6636" in words
    assert "P50 P75 P90 P95 P99 P99.9 P99.99" in words
    assert "2.00 2.50 2.80 2.90 2.98 (3.00) -" in words, "what is not quotable is in brackets, what is beyond a dash"


def test_the_data_hold_the_curve_and_the_cold_start(tmp_path: Path) -> None:
    cell = make_cell(run="runs/001", validity="INVALID", reasons=["late"])
    folder = make_folder(tmp_path / "results", [cell])
    write_records(folder, cell, make_records(np.linspace(1, 3, 100), failed=10))
    data = render(folder).data
    assert data["deployments"] == [{"name": "digits/onnx/fp32 · fastapi", "style": "d0 s0"}]
    assert data["sections"]["cold_start"][0] == [
        {
            "deployment": 0,
            "label": "poisson 200/s",
            "processes": 1,
            "listening": None,
            "ready": 640.0,
            "first_answer": 655.0,
        }
    ]
    (panel,) = data["sections"]["distributions"]
    assert panel["scenario"] == "poisson 200/s"
    (curve,) = panel["curves"]
    assert (curve["valid"], curve["requests"], curve["failures"]) == (False, 100, 10)
    assert curve["ranks"][-1] == 90, "it stops where the failures begin"


def test_cores_that_change_their_speed_are_told(tmp_path: Path) -> None:
    speed = Resources(fastest_work_us=8.0, work_us=8.0, slowest_work_us=12.8)
    words = render(make_folder(tmp_path / "results", [make_cell(resources=speed)])).words
    assert "The server's cores changed their speed by more than 15% within 1 of 1 runs" in words


def test_text_from_the_results_cannot_become_markup(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    cell = make_cell(
        model=hostile, scenario=hostile, validity="INVALID", reasons=[hostile], missing={"p999_ms": hostile}
    )
    folder = make_folder(tmp_path / "results", [cell], suite=hostile, failures=[hostile])
    folder.environment.write_text(json.dumps({"machine": {"cpu": hostile, hostile: hostile}}))
    folder.suite.write_text(hostile)
    page = render(folder)
    assert len(page.scripts) == len(render(make_folder(tmp_path / "plain", [make_cell()])).scripts)
    assert "x" not in page.addresses
    assert page.text.count(hostile) >= 8
    assert hostile in str(page.data["sections"]["distributions"][0]["scenario"])


@pytest.mark.parametrize("content", [None, b"", b"not parquet"])
def test_a_cell_without_readable_records_keeps_its_row(tmp_path: Path, content: bytes | None) -> None:
    folder = make_folder(tmp_path / "results", [make_cell(run="runs/001")])
    if content is not None:
        folder.run("001").mkdir(parents=True)
        (folder.run("001") / "records.parquet").write_bytes(content)
    page = render(folder)
    assert "0.412" in page.words
    assert "no curve, its records or its plan are missing or cannot be read" in page.words
    assert page.data["sections"]["distributions"][0]["curves"] == []


@pytest.mark.parametrize(("answered", "failed"), [(1, 0), (0, 5)])
def test_too_few_answers_for_a_curve_are_told(tmp_path: Path, answered: int, failed: int) -> None:
    cell = make_cell(run="runs/001")
    folder = make_folder(tmp_path / "results", [cell])
    write_records(folder, cell, make_records(np.ones(answered + failed), failed=failed))
    assert "no curve, too few answers for a distribution" in render(folder).words


def test_quick_mode_is_told(tmp_path: Path) -> None:
    quick, full = make_cell(), make_cell(server="grpc", mode="full")
    told = "fewer than 10,000 requests or 60 s a run, one run a cell: no confidence intervals"
    assert f"Quick mode: {told}" in render(make_folder(tmp_path / "quick", [quick])).words
    assert f"Quick mode in 1 of 2 cells: {told}" in render(make_folder(tmp_path / "mixed", [quick, full])).words
    assert told not in render(make_folder(tmp_path / "full", [full])).words


def test_an_incomplete_experiment_is_told(tmp_path: Path) -> None:
    failure = "digits/onnx/fp32 on grpc, closed x1: the server never got ready"
    folder = make_folder(tmp_path / "results", [make_cell()], planned_cells=3, complete=False, failures=[failure])
    words = render(folder).words
    assert "1 cell measured of 3" in words
    assert "2 of 3 planned cells are not in this report; not everything could be measured." in words
    assert failure in words
    assert "Incomplete" not in render(make_folder(tmp_path / "whole", [make_cell()])).words


def test_an_experiment_without_a_cell_has_a_page(tmp_path: Path) -> None:
    words = render(make_folder(tmp_path / "results", [], planned_cells=12, complete=False)).words
    assert "No cell has been measured." in words
    assert "12 of 12 planned cells are not in this report; the experiment was stopped before its end" in words


def test_what_is_missing_is_not_counted_where_runs_follow_from_one_another(tmp_path: Path) -> None:
    words = render(make_folder(tmp_path / "results", [make_cell()], planned_cells=None, complete=False)).words
    assert "Incomplete: the experiment was stopped before its end, or still runs." in words
    assert "1 cell measured in" in words


def test_a_large_experiment_stays_well_under_three_megabytes(tmp_path: Path) -> None:
    """A hundred cells of several runs, with a plan and a study beside them."""
    cells = []
    for rate in range(100, 200):
        cell = make_cell(scenario=f"poisson {rate}/s", run=f"runs/{rate}")
        runs = [
            RunResult(**cell.model_dump(exclude={"runs", "intervals"}), block=n, finished=True) for n in range(1, 9)
        ]
        cells.append(cell.model_copy(update={"runs": runs}))
    folder = make_folder(tmp_path / "results", cells, blocks=8)
    records = make_records(np.random.default_rng(1).lognormal(0, 1, 20_000))
    for cell in cells:
        write_records(folder, cell, records)
    folder.write_decision(make_plan())
    folder.write_decision(make_study())
    render(folder)
    assert folder.report.stat().st_size < 1_700_000


def test_the_libraries_come_with_their_licences(tmp_path: Path) -> None:
    html = render(make_folder(tmp_path / "results", [make_cell()]))
    for script, name in zip(html.scripts[1:3], ("d3", "plot"), strict=True):
        assert (resources.files("tailbed.report") / f"vendor/{name}.LICENSE").read_text(encoding="utf-8") in script


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not a results folder"):
        write_report(ExperimentFolder(tmp_path))


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.report.mkdir()
    with pytest.raises(ResultsError, match=r"report\.html: cannot be written: Is a directory"):
        write_report(folder)


@pytest.mark.parametrize("kind", [CapacityPlan, QuantizationStudy, Recommendations])
def test_a_broken_conclusion_is_one_clear_line(tmp_path: Path, kind: Any) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    path = folder.decision_json(kind)
    path.write_text('{"schema_version": 1}')
    with pytest.raises(ResultsError) as caught:
        write_report(folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_from_conclusions_cannot_become_markup(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    folder = make_folder(tmp_path / "results", [make_cell()])
    recommendation = make_recommendation(sentence=hostile, comparison=hostile, as_good=[hostile], passed_over=[hostile])
    deployment = make_deployment_plan(model=hostile, needs=hostile)
    folder.write_decision(make_plan(answer=hostile, notes=[hostile], currency=hostile, deployments=[deployment]))
    folder.write_decision(
        make_study(
            findings=[hostile],
            recommendation=recommendation,
            results=[
                make_precision("fp32", 2.0, 0.97, format=hostile, computes_in=[hostile], runs=["javascript:alert(1)"])
            ],
        )
    )
    folder.write_decision(make_recommendations(recommendation))
    page = render(folder)
    plain = make_folder(tmp_path / "plain", [make_cell()])
    plain.write_decision(make_plan())
    plain.write_decision(make_study())
    assert len(page.scripts) == len(render(plain).scripts)
    assert not [address for address in page.addresses if address == "x" or address.startswith("javascript")]
    assert page.text.count(hostile) >= 10


def test_every_section_that_has_data_is_in_the_contents(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "results", [make_cell()])
    folder.write_decision(make_plan())
    folder.write_decision(make_study())
    page = render(folder)
    contents = {address[1:] for address in page.addresses if address.startswith("#") and "note" not in address}
    assert set(page.data["sections"]) <= contents
    assert {"answer", "capacity", "quantization", "rates", "results", "method", "reasons", "environment"} <= contents
