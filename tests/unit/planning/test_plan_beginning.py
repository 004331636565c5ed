"""What is planned: artifacts by name, or what a results folder measured."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtest.scenario import ClosedLoop
from models import TailbedError
from tailbed.planning.beginning import Asked, begin, go_on
from tailbed.planning.chosen import CLIENTS
from tailbed.planning.demand import DemandError, Price
from tailbed.results.decisions import QuantizationStudy
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import DeploymentFacts, Summary
from tailbed.suite import ShareOfCapacity
from tests.unit.report.decisions import make_precision, make_study


def asked(**fields: Any) -> Asked:
    given: dict[str, Any] = {
        "slo": "p99=50ms",
        "rate": 2000.0,
        "arrivals": "poisson",
        "headroom": "30%",
        "price": "$0.34/h",
        "runs": 3,
        "duration_s": 20.0,
        "tolerance": "5%",
        "sweep": False,
        "validate": False,
    }
    return Asked(**given | fields)


def measured(path: Path, *pairs: tuple[str, str, str], **suite: Any) -> ExperimentFolder:
    """The folder of an experiment of digits, of format, precision and stack."""
    path.mkdir()
    folder = ExperimentFolder(path)
    deployments = [
        DeploymentFacts(
            model="digits",
            format=format,
            precision=precision,
            server=stack,
            protocol="oip-http",
            runtime="onnxruntime",
            variant=None,
            settings={},
        )
        for format, precision, stack in pairs
    ]
    given: dict[str, Any] = {
        "name": "measured",
        "models": ["digits"],
        "formats": ["all"],
        "stacks": ["all"],
        "settings": {"instances": 2, "threads": 1},
        "scenarios": [{"kind": "closed"}],
    }
    folder.suite.write_text(yaml.safe_dump(given | suite))
    folder.write_summary(
        Summary(
            suite="measured",
            started="2026-01-01T00:00:00+00:00",
            elapsed_s=1.0,
            complete=True,
            planned_cells=None,
            deployments=deployments,
            cells=[],
            failures=[],
        )
    )
    return folder


def study_of(frontier: dict[str, bool]) -> QuantizationStudy:
    """A study on grpc, each precision on the frontier or not."""
    results = [make_precision(precision, 1.0, 0.97, on_frontier=on) for precision, on in frontier.items()]
    return make_study(server="grpc", results=results)


def test_artifacts_by_name(tmp_path: Path) -> None:
    demand, chosen, folder = begin(asked(), ["digits/onnx", "digits/torchscript"], ["fastapi"], None, tmp_path / "plan")
    assert demand.pairs == (("digits/onnx/fp32", "fastapi"), ("digits/torchscript/fp32", "fastapi"))
    assert chosen.selection.pairs == demand.pairs
    assert demand.price == Price(per_h=0.34, currency="$")
    assert (demand.headroom, demand.tolerance) == (0.3, 0.05)
    clients = [one.concurrency for one in chosen.suite.scenarios if isinstance(one, ClosedLoop)]
    assert clients == list(CLIENTS)
    assert ShareOfCapacity(kind="open", share=1.0) in chosen.suite.scenarios
    assert (folder.path / "demand.json").exists()


def test_the_deployments_of_a_results_folder_with_its_settings(tmp_path: Path) -> None:
    """Only those pairs: torchscript was not measured over gRPC."""
    source = measured(
        tmp_path / "bench", ("onnx", "fp32", "fastapi"), ("onnx", "fp32", "grpc"), ("torchscript", "fp32", "fastapi")
    )
    demand, chosen, _ = begin(asked(), [], [], source, tmp_path / "plan")
    expected = {("onnx", "fastapi"), ("onnx", "grpc"), ("torchscript", "fastapi")}
    assert {(ref.split("/")[1], stack) for ref, stack in demand.pairs} == expected
    assert chosen.suite.settings.instances == 2


@pytest.mark.parametrize(("measured_so", "asked_so"), [(False, True), (True, False), (False, False)])
def test_cores_are_kept_awake_where_it_is_asked_for_or_was_before(
    tmp_path: Path, measured_so: bool, asked_so: bool
) -> None:
    source = measured(tmp_path / "measured", ("onnx", "fp32", "fastapi"), keep_awake=measured_so)
    _, chosen, _ = begin(asked(keep_awake=asked_so), (), (), source, tmp_path / "plan")
    assert chosen.suite.keep_awake == (measured_so or asked_so)


def test_the_frontier_of_a_quantization_study(tmp_path: Path) -> None:
    source = measured(tmp_path / "quantize", ("onnx", "fp32", "grpc"), ("onnx", "int8-static", "grpc"))
    source.write_decision(study_of({"fp32": False, "int8-static": True}))
    demand, _, folder = begin(asked(), [], [], source, tmp_path / "deep" / "plan")
    assert demand.pairs == (("digits/onnx/int8-static", "grpc"),)
    copied = folder.read_decision(QuantizationStudy)
    assert copied is not None
    assert copied.experiment is not None
    assert (folder.path / copied.experiment).resolve() == source.path.resolve()
    again, _, third = begin(asked(), [], [], folder_with_summary(folder, source), tmp_path / "third")
    assert again.pairs == demand.pairs
    twice = third.read_decision(QuantizationStudy)
    assert twice is not None
    assert twice.experiment is not None
    assert (third.path / twice.experiment).resolve() == source.path.resolve()


def folder_with_summary(folder: ExperimentFolder, source: ExperimentFolder) -> ExperimentFolder:
    """A plan's folder as if it had been measured."""
    folder.write_summary(source.read_summary())
    folder.suite.write_text(source.suite.read_text())
    return folder


def test_a_begun_plan_is_found_again(tmp_path: Path) -> None:
    demand, chosen, folder = begin(asked(sweep=True), ["digits/onnx"], ["fastapi", "grpc"], None, tmp_path / "plan")
    folder.write_summary(measured(tmp_path / "other").read_summary())
    folder.suite.write_text(yaml.safe_dump(chosen.suite.model_dump(mode="json")))
    found, again = go_on(folder)
    assert found == demand
    assert again.suite == chosen.suite
    assert again.selection.pairs == chosen.selection.pairs


def test_services_are_not_planned(tmp_path: Path) -> None:
    services = {"services": ["all"], "models": [], "formats": [], "stacks": [], "settings": {}}
    source = measured(tmp_path / "compose", ("onnx", "fp32", "triton-http"), **services)
    with pytest.raises(DemandError, match="measured services"):
        begin(asked(), [], [], source, tmp_path / "plan")


@pytest.mark.parametrize(
    ("refs", "stacks", "said"),
    [
        (["digits/onnx/int3"], ["fastapi"], "int3"),
        (["digits/onnx"], ["nostack"], "nostack"),
        (["nomodel/onnx"], ["fastapi"], "nomodel"),
        (["digits/onnx", "digits/onnx"], ["fastapi"], "twice"),
    ],
)
def test_nothing_is_written_for_what_cannot_be(tmp_path: Path, refs: list[str], stacks: list[str], said: str) -> None:
    with pytest.raises(TailbedError, match=said) as caught:
        begin(asked(), refs, stacks, None, tmp_path / "plan")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
