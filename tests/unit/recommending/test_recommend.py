"""What an experiment recommends: under which load, who is passed over, and in which words."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest

from tailbed.cli.bench import bench
from tailbed.recommending import GoalError, recommend, recommend_each
from tailbed.results.decisions import Goal
from tailbed.results.schema import (
    ArtifactFacts,
    Capacity,
    ColdStart,
    ColdStartStudy,
    DeploymentFacts,
    RunResult,
    Summary,
)
from tailbed.slo import Slo
from tests.unit.experiment.results import make_run, make_summary

WITHDRAWN = "disturbed: the core was taken away; for 3 ms"
SATURATED = "saturated: holds 700/s of the 800/s offered"


def runs(
    server: str, p99_ms: float | None = 1.0, blocks: int = 1, load: str = "poisson 200/s", **fields: Any
) -> list[RunResult]:
    """A cell: each block's P99 and throughput is a little higher than that of the one before it, on every server."""
    rate = float(load.split()[1].removesuffix("/s")) if load.endswith("/s") else None
    return [
        make_run(
            block,
            **{
                "server": server,
                "scenario": load,
                "offered_rate": rate,
                "p99_ms": p99_ms and p99_ms * 1.01**block,
                "throughput": fields.get("throughput", rate or 100.0) * 1.01**block,
                "missing": {"p999_ms": "insufficient"} | ({} if p99_ms else {"p99_ms": WITHDRAWN}),
                **{name: value for name, value in fields.items() if name != "throughput"},
            },
        ).model_copy(update={"run": f"runs/{server}-{load}-{block}"})
        for block in range(1, blocks + 1)
    ]


def of(*cells: Sequence[RunResult], blocks: int = 1, **fields: Any) -> Summary:
    return make_summary(cells, blocks).model_copy(update=fields)


def test_one_run_each_is_a_first_look() -> None:
    found = recommend(of(runs("fastapi", 0.386), runs("grpc", 0.594)), "p99")
    assert found.sentence == (
        "a first look: one run each shows no difference; fastapi had the lowest P99, 0.39 ms; eight blocks could tell"
    )
    assert (found.deployment, found.figure, found.runner_up) == ("fastapi", "P99 0.39 ms", "grpc")
    assert not found.shown
    assert found.as_good == ["grpc"]
    assert found.runs == ["runs/fastapi-poisson 200/s-1", "runs/grpc-poisson 200/s-1"]


def test_a_difference_that_the_blocks_show_is_said_with_what_it_is_against() -> None:
    cells = [runs("a", 0.5, 8), runs("b", 1.0, 8), runs("c", 2.0, 8)]
    found = recommend(of(*cells, blocks=8), "p99")
    assert found.shown
    assert found.sentence == "a has the lowest P99, 0.52 ms [0.51, 0.53]: shown against all 2 others"
    assert found.comparison is not None
    assert found.comparison.startswith("a answers in 0.50x ")
    assert found.as_good == []
    two = recommend(of(*cells[:2], blocks=8), "p99")
    assert two.sentence.endswith(": shown against b")


def test_no_difference_names_all_that_may_be_the_best() -> None:
    wobble = [1.1, 0.9, 1.2, 0.8, 1.1, 0.9, 1.0, 1.0]
    close = [run.model_copy(update={"p99_ms": wobble[run.block - 1] * 0.51}) for run in runs("b", 0.5, 8)]
    found = recommend(of(runs("a", 0.5, 8), close, runs("c", 5.0, 8), blocks=8), "p99")
    assert not found.shown
    assert found.as_good == ["a"] if found.deployment == "b" else ["b"]
    assert found.sentence.startswith("no difference shown to ")
    assert "c" not in found.sentence.split(";")[0].split()


def test_blocks_that_too_few_have_in_common_are_told_as_that() -> None:
    early = [run for run in runs("a", 0.5, 12) if run.block <= 7]
    late = [run for run in runs("b", 0.9, 12) if run.block > 5]
    found = recommend(of(early, late, blocks=12), "p99")
    assert found.sentence.startswith("no difference shown: fewer than six runs in common; a had the lowest P99")
    assert found.sentence.endswith("; more of them, or a quieter machine, could tell")


def test_the_highest_load_that_most_of_them_held_is_where_p99_is_judged() -> None:
    held = [runs(server, 1.0, load=load) for server in "ab" for load in ("closed x1", "poisson 200/s", "poisson 800/s")]
    shares = [
        runs(server, 1.0, load="poisson 70%", offered_rate=rate) for server, rate in (("a", 2000.0), ("b", 900.0))
    ]
    assert recommend(of(*held, *shares), "p99").scenario == "poisson 800/s"
    third = [
        runs("c", 1.0, load="poisson 200/s"),
        runs("c", None, load="poisson 800/s", validity="INVALID", reasons=[SATURATED]),
    ]
    assert recommend(of(*held, *third), "p99").scenario == "poisson 200/s"
    hopeless = [
        runs("c", None, load=load, validity="INVALID", reasons=["8% of the requests failed"])
        for load in ("poisson 200/s", "poisson 800/s")
    ]
    found = recommend(of(*held, *hopeless), "p99")
    assert found.scenario == "poisson 800/s", "one that held nothing does not decide"
    assert found.passed_over == ["c: INVALID: 8% of the requests failed"]


def test_without_rates_of_all_shares_are_next_and_of_closed_loops_the_one_with_the_fewest_clients() -> None:
    shares = [runs(server, 1.0, load="poisson 70%", offered_rate=900.0) for server in "ab"]
    alone = [runs("a", 1.0), runs("b", None, disturbed=["p99_ms"])]
    closed = [
        runs(server, 1.0, load=f"closed x{clients}", throughput=100.0 * clients)
        for server in "ab"
        for clients in (4, 1)
    ]
    assert recommend(of(*shares, *closed, *alone), "p99").scenario == "poisson 70%", "there two can be compared"
    assert recommend(of(*alone), "p99").scenario == "poisson 200/s"
    assert recommend(of(*closed), "p99").scenario == "closed x1"


def test_a_load_may_be_named_by_some_of_its_words() -> None:
    cells = [
        runs(server, 1.0, load=load) for server in "ab" for load in ("poisson 20/s", "poisson 200/s", "constant 200/s")
    ]
    for words, expected in (
        ("poisson 20/s", "poisson 20/s"),
        ("constant", "constant 200/s"),
        ("poisson 200", "poisson 200/s"),
    ):
        assert recommend(of(*cells), "p99", scenario=words).scenario == expected
    with pytest.raises(GoalError, match="names 2 loads: choose one of poisson 20/s, poisson 200/s, constant 200/s"):
        recommend(of(*cells), "p99", scenario="200")
    with pytest.raises(GoalError, match="names 0 loads"):
        recommend(of(*cells), "p99", scenario="closed")


def test_whoever_has_no_figure_that_counts_is_passed_over_with_the_reason() -> None:
    cells = [
        runs("good", 3.0),
        runs("slow", 60.0),
        runs("withdrawn", None, disturbed=["p99_ms"]),
        runs("full", None, validity="INVALID", reasons=[SATURATED]),
        runs("wrong", 0.1, validity="INVALID", reasons=["3 of 125 answers are wrong; e.g. 4"]),
    ]
    never = DeploymentFacts(
        model="digits", format="onnx", precision="fp32", server="never", protocol="http", runtime="onnxruntime",
        variant=None, settings={},
    )  # fmt: skip
    found = recommend(of(*cells, deployments=[never]), "p99", Slo.parse("p99=50ms"))
    assert found.sentence == "good is the only one of six deployments that can be recommended: 3.03 ms"
    assert found.runner_up is None
    assert sorted(found.passed_over) == [
        f"full: {SATURATED}",
        "never: not measured under this load",
        "slow: P99 60.6 ms is beyond the objective of 50 ms",
        "withdrawn: no P99: disturbed: the core was taken away",
        "wrong: INVALID: 3 of 125 answers are wrong",
    ]


def test_none_is_recommended_where_none_holds_the_objective() -> None:
    found = recommend(of(runs("a", 60.0), runs("b", 70.0)), "p99", Slo.parse("p99=50ms"))
    assert found.deployment is None
    assert not found.shown
    assert found.sentence.startswith("none of two deployments can be recommended: a: P99 60.6 ms is beyond")
    assert len(found.passed_over) == 2
    assert found.runs == []


def test_throughput_is_that_of_the_closed_loop_in_which_it_is_highest() -> None:
    cells = [
        runs(server, 1.0, load=f"closed x{clients}", throughput=rate * clients)
        for server, rate in (("a", 1000.0), ("b", 1500.0))
        for clients in (1, 4)
    ]
    found = recommend(of(*cells, runs("a", 0.1), runs("b", 9.0)), "throughput")
    assert (found.scenario, found.deployment, found.figure) == ("closed x4", "b", "throughput 6,060/s")
    # In a closed loop alone the objective is kept to there.
    slower = [runs("a", 1.0, load="closed x1", throughput=10.0), runs("b", 5.0, load="closed x1", throughput=20.0)]
    found = recommend(of(*slower), "throughput", Slo.parse("p99=2ms"))
    assert (found.deployment, found.passed_over) == ("a", ["b: P99 5.05 ms is beyond the objective of 2 ms"])


def test_with_an_objective_throughput_is_the_highest_rate_that_held_it() -> None:
    blocks = 8
    cells = [
        runs("a", 1.0, blocks, "poisson 200/s"),
        runs("a", 2.0, blocks, "poisson 800/s"),
        runs("b", 1.0, blocks, "poisson 200/s"),
        runs("b", 90.0, blocks, "poisson 800/s"),
        runs("c", 1.0, blocks, "poisson 200/s"),
        runs("c", None, blocks, "poisson 800/s", validity="INVALID", reasons=[SATURATED], held_rate=700.0),
        runs("d", 60.0, blocks, "poisson 200/s"),
    ]
    found = recommend(of(*cells, blocks=blocks), "throughput", Slo.parse("p99=50ms"))
    assert (found.deployment, found.figure, found.shown) == ("a", "throughput 800/s", True)
    assert found.passed_over == ["d: poisson 200/s: P99 62.7 ms is beyond the objective of 50 ms"]
    tied = recommend(of(*cells[2:], blocks=blocks), "throughput", Slo.parse("p99=50ms"))
    assert not tied.shown
    assert tied.sentence == "no difference shown: b, c held the same one of the offered rates, 200/s"


def test_a_run_that_tells_nothing_of_the_server_is_no_rate_that_it_did_not_hold() -> None:
    blocks = 8
    late = runs("b", 2.0, blocks, "poisson 800/s")
    late[0] = late[0].model_copy(update={"validity": "INVALID", "reasons": ["the client was late"]})
    late[1] = late[1].model_copy(update={"p99_ms": None, "disturbed": ["p99_ms"], "missing": {"p99_ms": "stalled"}})
    found = recommend(
        of(runs("a", 2.0, blocks, "poisson 800/s"), late, blocks=blocks), "throughput", Slo.parse("p99=9ms")
    )
    assert found.sentence == "no difference shown: a, b held the same one of the offered rates, 800/s"


def test_cost_is_the_price_of_a_million_answers() -> None:
    cells = [runs("a", load="closed x8", throughput=1000 / 1.01), runs("b", load="closed x8", throughput=500 / 1.01)]
    found = recommend(of(*cells), "cost", price_per_h=0.36, currency="$")
    assert (found.deployment, found.figure, found.runner_up_figure) == (
        "a",
        "cost $0.10 for a million answers",
        "cost $0.20 for a million answers",
    )
    assert recommend(of(*cells), "cost").figure == "cost 1e+03 s of one server for a million answers"


def test_probed_capacities_stand_in_where_there_is_no_closed_loop() -> None:
    def probed(server: str, per_s: float) -> Capacity:
        return Capacity(
            model="digits", format="onnx", precision="fp32", runtime="onnxruntime", server=server, protocol="http",
            per_s=per_s, concurrency=8, probes={8: per_s},
        )  # fmt: skip

    summary = of(runs("a", 1.0, 8), runs("b", 1.0, 8), blocks=8, capacities=[probed("a", 900.0), probed("b", 1900.0)])
    found = recommend(summary, "throughput")
    assert found.sentence == (
        "a first look: one probe each shows no difference; b had the highest throughput, 1,900/s; "
        "eight closed-loop blocks could tell"
    )
    assert found.runs == ["capacity/digits-onnx-fp32-b", "capacity/digits-onnx-fp32-a"]


def start(first_ms: float | None) -> ColdStart:
    return ColdStart(ready_ms=1.0, first_answer_ms=first_ms)


def test_cold_starts_of_the_runs_count_once_a_block() -> None:
    loads = ("closed x1", "poisson 200/s")
    cells = [
        runs(server, 1.0, 8, load, cold_start=start(first_ms))
        for server, first_ms in (("a", 900.0), ("b", 300.0))
        for load in loads
    ]
    found = recommend(of(*cells, blocks=8), "cold-start")
    assert (found.deployment, found.figure, found.shown) == ("b", "first correct answer 300 ms [300, 300]", True)
    slow = [runs("c", 1.0, 8, cold_start=start(1200.0)), runs("d", 1.0, 8, cold_start=start(2900.0))]
    assert recommend(of(*slow, blocks=8), "cold-start").figure == "first correct answer 1.2 s [1.2, 1.2]"
    more = recommend(of(*cells, blocks=3), "cold-start")
    assert more.figure == found.figure, "as in a plan, whose cells have runs beyond the suite's blocks"
    once = recommend(of(*[cell[:1] for cell in cells]), "cold-start")
    assert once.sentence.startswith("a first look: one run each")


def test_the_study_of_cold_starts_is_taken_where_there_is_one() -> None:
    def study(server: str, times: list[float | None]) -> ColdStartStudy:
        return ColdStartStudy(
            model="digits", format="onnx", precision="fp32", runtime="onnxruntime", server=server, protocol="http",
            warm=[start(time) for time in times], dropped=[start(9000.0)], dropped_note="", idle=[],
        )  # fmt: skip

    cells = [runs("a", 9.0, cold_start=start(1.0)), runs("b", 1.0, cold_start=start(2.0)), runs("c", 1.0)]
    studies = [study("a", [500.0] * 5), study("b", [200.0] * 5), study("c", [None] * 5)]
    found = recommend(of(*cells, cold_starts=studies), "cold-start")
    assert found.sentence == (
        "a first look: five processes each show no difference; b had the shortest time to a first correct answer, "
        "200 ms; eight processes could tell"
    )
    assert found.passed_over == ["c: no correct first answer was measured"]
    assert found.runs == ["cold-start/digits-onnx-fp32-b", "cold-start/digits-onnx-fp32-a"]
    studies = [study("a", [500.0 + step for step in range(8)]), study("b", [200.0 + step for step in range(8)])]
    assert recommend(of(*cells[:2], cold_starts=studies), "cold-start").shown
    kept = recommend(of(*cells[:2], cold_starts=studies), "cold-start", Slo.parse("p99=2ms"))
    assert (kept.deployment, kept.passed_over) == ("b", ["a: P99 9.09 ms is beyond the objective of 2 ms"])


def facts(precision: str, accuracy: float | None, agreement: float | None = None) -> ArtifactFacts:
    return ArtifactFacts(
        model="digits", format="onnx", precision=precision, framework="torch", runtime="onnxruntime", size_bytes=1,
        export_seconds=1.0, accuracy=accuracy, label_agreement=agreement, weights="its own",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([facts("fp32", 0.993), facts("int8-static", 0.9905)], "changes accuracy by -0.2 points, to 99.1%"),
        ([facts("fp32", None), facts("int8-static", None, 0.975)], "labels 97.5% as its source does"),
        ([facts("int8-static", None)], "what it does to the answers is not known"),
    ],
)
def test_what_a_precision_does_to_the_answers_is_said_beside_it(known: list[ArtifactFacts], said: str) -> None:
    cells = [runs("a", 0.9), runs("a", 0.5, precision="int8-static")]
    found = recommend(of(*cells, artifacts=known), "p99")
    assert found.deployment == "int8-static"
    assert said in found.sentence
    slower = recommend(of(runs("a", 0.1), cells[1], artifacts=known), "p99")
    assert "accuracy" not in slower.sentence, "of fp32 there is nothing to say"


def test_each_model_has_its_own_and_whoever_has_no_choice_none() -> None:
    one = [runs(server, time) for server, time in (("a", 1.0), ("b", 2.0))]
    other = [runs(server, time, model="bert") for server, time in (("a", 20.0), ("b", 10.0))]
    lonely = [runs("a", 1.0, model="resnet18")]
    found = recommend_each(of(*one, *other, *lonely), "p99").recommendations
    assert [(each.model, each.deployment) for each in found] == [("digits", "a"), ("bert", "b")]
    assert recommend(of(*one, *other), "p99", model="bert").deployment == "b"
    with pytest.raises(GoalError, match="has no model nothing: it has digits"):
        recommend(of(*one), "p99", model="nothing")
    with pytest.raises(GoalError, match="it has none"):
        recommend(of(), "p99")


def test_deployments_against_themselves_recommend_nothing() -> None:
    arms = [runs(server, 1.0, arm=arm) for server in "ab" for arm in ("first", "second")]
    assert recommend_each(of(*arms), "p99").recommendations == []
    assert recommend_each(of(), "p99").recommendations == []


def test_the_command_has_every_goal() -> None:
    (goal,) = (param for param in bench.params if param.name == "goal")
    assert tuple(goal.type.choices) == get_args(Goal)
