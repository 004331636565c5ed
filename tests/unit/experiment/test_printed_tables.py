"""What an experiment prints beside its figures: what was left out, and where the time goes."""

import pytest

from tailbed.cli.inside_table import print_inside
from tailbed.cli.table import print_summary
from tailbed.results.schema import ColdStart, DeploymentFacts, ImageFacts, Resources
from tests.unit.experiment.results import make_run, make_summary

START = ColdStart(listening_ms=310.0, ready_ms=640.0, first_answer_ms=655.0, steady_ms=None)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_what_was_left_out_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = ["triton-http: needs its own environment: tailbed install triton", "tfserving-rest: not here"]
    print_summary(make_summary([[make_run()]], 1).model_copy(update={"left_out": left_out}))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("left out")] == [f"left out  {line}" for line in left_out]


def test_each_image_is_a_line_with_what_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    image = ImageFacts(
        name="org/triton:1", id="sha256:0123456789abcdef", digests=[], size_bytes=405_600_000, engine="2"
    )
    facts = DeploymentFacts(
        model="digits",
        format="onnx",
        precision="fp32",
        server="triton-http",
        protocol="oip-http",
        runtime=None,
        variant=None,
        settings={},
        image=image,
    )
    others = [facts.model_copy(update={"server": "triton-grpc"}), facts.model_copy(update={"variant": "gpu"})]
    local = facts.model_copy(update={"server": "fastapi", "image": None})
    summary = make_summary([[make_run()]], 1).model_copy(update={"deployments": [facts, *others, local]})
    print_summary(summary)
    printed = " ".join(capsys.readouterr().out.split())
    served = "triton-http, triton-grpc, triton-http with gpu"
    assert printed.endswith(f" image org/triton:1, 406 MB, sha256:0123456789ab: {served}"), "and not what has none"


def test_no_figure_is_cut_where_names_are_long(capsys: pytest.CaptureFixture[str]) -> None:
    served = [
        ("torchserve-rest", "torchscript"),
        ("torchserve-grpc", "torchscript"),
        ("fastapi", "onnx"),
        ("grpc", "onnx"),
    ]
    runs = [[make_run(server=server, format=format, cold_start=START)] for server, format in served]
    runs.append([make_run(scenario="closed x1", achieved_rate=128_111, validity="INVALID", cold_start=START)])
    print_summary(make_summary(runs, 1))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    assert sum(line.endswith(" ready first") for line in lines) == 1
    assert sum(line.endswith(" 0.64  0.66") for line in lines) == len(runs)


def test_queue_compute_and_the_stages_of_the_start_are_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("fastapi", "torchserve-rest", "triton-grpc", "tfserving-grpc")
    runs = [
        [make_run(server=name, queue_mean_ms=0.125, compute_mean_ms=3.0, cold_start=START, service_p50_ms=4.5)]
        for name in names
    ]
    print_inside(make_summary(runs, 1))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in names:
        (row,) = (line.split() for line in lines if name in line)
        assert row[-6:] == ["4.50", "0.12", "3.00", "0.31", "0.64", "0.66"]


def test_servers_that_tell_nothing_have_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_inside(make_summary([[make_run()]], 1))
    assert capsys.readouterr().out == ""


def test_cores_that_change_their_speed_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    even = Resources(fastest_work_us=8.0, work_us=8.0, slowest_work_us=8.0)
    slow = even.model_copy(update={"work_us": 12.8, "slowest_work_us": 12.8})
    print_summary(make_summary([[make_run(1, resources=even), make_run(2, resources=slow)]], 2))
    assert "the server's cores computed at 62% to 100% of their best speed" in " ".join(capsys.readouterr().out.split())
    print_summary(make_summary([[make_run(1, resources=even), make_run(2, resources=even)]], 2))
    assert "the server's cores" not in capsys.readouterr().out
