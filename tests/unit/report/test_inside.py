"""What the page shows beside latencies: starts, the server's own times, capacity and the floor."""

from pathlib import Path
from typing import Any

import numpy as np

from tailbed.results.schema import (
    ArtifactFacts,
    Calibration,
    Capacity,
    ColdStart,
    ColdStartStudy,
    DeploymentFacts,
    IdleGap,
    ImageFacts,
    Resources,
)
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records
from tests.unit.report.test_page import Page, render

NAMED: dict[str, Any] = {
    "model": "digits",
    "format": "onnx",
    "precision": "fp32",
    "runtime": "onnxruntime",
    "server": "fastapi",
    "protocol": "http",
}
STUDY = ColdStartStudy(
    **NAMED,
    warm=[ColdStart(listening_ms=200 + n, ready_ms=300 + n, first_answer_ms=310 + n) for n in range(5)],
    dropped=[ColdStart(listening_ms=800, ready_ms=900, first_answer_ms=None)] * 5,
    dropped_note="210 of 240 MB dropped; other processes hold the rest",
    idle=[IdleGap(gap_s=0.1, first_ms=[0.3, 0.5, 0.4], usual_ms=0.25)],
)


def page(tmp_path: Path, **summary: object) -> Page:
    cell = make_cell(
        run="runs/001",
        queue_mean_ms=0.021,
        compute_mean_ms=0.087,
        resources=Resources(cpu_s=6.0, cpu_cores=0.2, peak_memory_bytes=310_000_000, threads=9),
    )
    folder = make_folder(tmp_path / "results", [cell], **summary)
    write_records(folder, cell, make_records(np.linspace(1, 3, 2002)))
    return render(folder)


def test_images_of_containers_are_shown_and_of_others_nothing(tmp_path: Path) -> None:
    image = ImageFacts(
        name="org/triton:1", id="sha256:0123", digests=["org/triton@sha256:99"], size_bytes=1_405_600_000, engine="28.1"
    )
    facts = DeploymentFacts(**NAMED, variant=None, settings={})
    shown = page(tmp_path, deployments=[facts.model_copy(update={"image": image}), facts])
    for words in ("Images", "org/triton:1", "sha256:0123", "org/triton@sha256:99", "1,406", "28.1"):
        assert words in shown.text, words
    assert "Images" not in page(tmp_path / "again", deployments=[facts]).text


def test_a_studied_cold_start_is_shown_by_stage_warm_and_dropped(tmp_path: Path) -> None:
    shown = page(tmp_path, cold_starts=[STUDY])
    assert shown.data["sections"]["cold_start"][0] == [
        {
            "deployment": 0,
            "label": "page cache warm",
            "processes": 5,
            "listening": 202.0,
            "ready": 302.0,
            "first_answer": 312.0,
        },
        {
            "deployment": 0,
            "label": "page cache dropped",
            "processes": 5,
            "listening": 800.0,
            "ready": 900.0,
            "first_answer": None,
        },
    ]
    assert "210 of 240 MB dropped" in shown.words


def test_the_first_request_after_a_pause_is_shown_beside_the_usual_one(tmp_path: Path) -> None:
    words = page(tmp_path, cold_starts=[STUDY]).words
    assert "Deployment usual after 0.1 s" in words
    assert "0.250 0.400" in words, "the usual time, and the median of the first ones"


def test_the_servers_own_times_and_resources_are_shown(tmp_path: Path) -> None:
    words = page(tmp_path).words
    assert "Where the time goes" in words
    # 0.2 cores at 200.1 answers a second are 1 ms of CPU time each; what nobody read has no column.
    assert "0.400 0.021 0.087 0.20 1.000 310 9" in words


def test_the_floor_and_the_capacity_are_shown(tmp_path: Path) -> None:
    floor = Calibration(
        model="digits",
        protocol="http",
        scenario="poisson 200/s",
        p50_ms=0.031,
        p99_ms=None,
        rate=200.0,
        capacity=81_000.0,
        validity="INVALID",
        reasons=["client late"],
    )
    capacity = Capacity(**NAMED, per_s=8_123.0, concurrency=4, probes={1: 5000.0, 4: 8123.0})
    words = page(tmp_path, calibration=[floor], capacities=[capacity]).words
    assert "INVALID poisson 200/s 0.031 - 200 81,000" in words
    assert "8,123 4" in words


def test_what_was_not_looked_at_has_no_section(tmp_path: Path) -> None:
    cell = make_cell()
    words = render(make_folder(tmp_path / "results", [cell])).words
    for heading in ("Where the time goes", "Capacity", "The floor", "After a pause"):
        assert heading not in words, heading


def test_the_artifacts_are_told_and_those_that_were_left_out(tmp_path: Path) -> None:
    facts = ArtifactFacts(
        model="digits",
        format="onnx",
        precision="fp32",
        framework="pytorch",
        runtime="onnxruntime",
        size_bytes=610_000,
        export_seconds=2.25,
        accuracy=0.0,
        label_agreement=None,
        weights="trained",
    )
    words = page(tmp_path, artifacts=[facts], left_out=["digits/tflite-pytorch/fp32: needs litert-torch"]).words
    assert "digits/onnx/fp32 pytorch onnxruntime 0.61 2.2 0.0 -" in words
    assert "Left out digits/tflite-pytorch/fp32: needs litert-torch" in words
