"""Cold starts of real servers, from fresh processes."""

import os
import re
from pathlib import Path

import pytest

from exporters.artifact import Answers
from servers import STACKS, Deployment, ServerError, Settings, start
from tailbed.experiment.cold_start import study_cold_start
from tailbed.experiment.first_answer import observe_cold_start
from tailbed.results.schema import ColdStart
from tests.conftest import Exported
from tests.integration.servers.stacks import installed, one_of_each_folder, usual_format


def _in_order(stages: ColdStart) -> bool:
    assert stages.listening_ms is not None
    assert stages.first_answer_ms is not None
    return 0 < stages.listening_ms <= stages.ready_ms < stages.first_answer_ms


@pytest.mark.parametrize("stack", one_of_each_folder())
def test_a_study_has_as_many_starts_warm_as_dropped(digits: Exported, tmp_path: Path, stack: str) -> None:
    artifact = digits[usual_format(installed(stack))]
    usable, processes = os.sched_getaffinity(0), 2 if stack == "fastapi" else 1
    told: list[float] = []
    study = study_cold_start(
        Deployment(artifact, stack, Settings(), cores=(min(usable),)),
        tmp_path,
        processes=processes,
        idle_gaps_s=(0.06,),
        start_timeout_s=60,
        timeout_s=10,
        progress=told.append,
    )
    assert (study.model, study.format, study.precision, study.server) == (
        "digits",
        artifact.manifest.format,
        "fp32",
        stack,
    )
    assert (study.runtime, study.protocol) == (
        artifact.manifest.runtime,
        STACKS.get(stack).protocol,
    )
    assert len(study.warm) == len(study.dropped) == processes
    assert all(_in_order(stages) for stages in (*study.warm, *study.dropped))
    assert [gap.gap_s for gap in study.idle] == [0.06]
    assert len(study.idle[0].first_ms) == 5
    found = re.match(r"([\d.]+) of ([\d.]+) MB dropped", study.dropped_note)
    assert found, study.dropped_note
    dropped_mb, before_mb = map(float, found.groups())
    assert before_mb > 10  # ONNX Runtime alone
    assert 0 <= dropped_mb <= before_mb
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    assert os.sched_getaffinity(0) == usable
    starts = [f"{name}-{number}" for name in ("dropped", "warm") for number in range(1, processes + 1)]
    assert {path.name for path in tmp_path.iterdir()} == {"first", *starts}


def test_a_server_without_cores_of_its_own_is_studied_too(digits: Exported, tmp_path: Path) -> None:
    study = study_cold_start(
        Deployment(digits["onnx"], "fastapi"),
        tmp_path,
        processes=1,
        idle_gaps_s=(),
        start_timeout_s=60,
        timeout_s=10,
        progress=lambda _: None,
    )
    assert study.idle == []
    assert _in_order(study.warm[0])
    assert not (tmp_path / "first" / "null_server.log").exists()


def test_a_server_that_does_not_start_is_one_line(digits: Exported, tmp_path: Path) -> None:
    usable = os.sched_getaffinity(0)
    with pytest.raises(ServerError, match="was not ready within"):
        study_cold_start(
            Deployment(digits["onnx"], "fastapi", cores=(min(usable),)),
            tmp_path,
            processes=1,
            idle_gaps_s=(),
            start_timeout_s=0.01,
            timeout_s=10,
            progress=lambda _: None,
        )
    assert os.sched_getaffinity(0) == usable


def test_only_a_correct_answer_is_a_first_answer(digits: Exported, tmp_path: Path) -> None:
    answers = digits["onnx"].answers()
    wrong = Answers(answers.inputs, {name: array + 1 for name, array in answers.outputs.items()})
    tolerance = {"scores": 1e-4}
    with start(Deployment(digits["onnx"], "fastapi"), folder=tmp_path) as server:
        right = observe_cold_start(server, answers, tolerance=tolerance, timeout_s=10)
        assert _in_order(right)
        other = observe_cold_start(server, wrong, tolerance=tolerance, timeout_s=10)
        assert other == right.model_copy(update={"first_answer_ms": None})
    assert observe_cold_start(server, answers, tolerance=tolerance, timeout_s=1).first_answer_ms is None  # it has ended
