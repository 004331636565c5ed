"""Plans: what does not make sense is refused with the field's name."""

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from loadtest import LoadError
from loadtest.plan import LoadPlan, read_plan, write_plan
from loadtest.scenario import ClosedLoop, Offline, OpenLoop, Ramp, Server, SingleStream

PLAN = LoadPlan(
    protocol="oip-http",
    url="http://127.0.0.1:8000",
    model="digits",
    pool=Path("pool.npz"),
    scenario=OpenLoop(rate=100),
    duration_s=10,
)


@pytest.mark.parametrize("scenario", [ClosedLoop(concurrency=3), OpenLoop(arrivals="constant", rate=0.5)])
def test_a_plan_is_read_as_it_was_written(tmp_path: Path, scenario: ClosedLoop | OpenLoop):
    plan = PLAN.model_copy(update={"scenario": scenario})
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("duration_s", 0, "duration_s"),
        ("warmup_s", -1, "warmup_s"),
        ("steady_limit_s", 4, "steady_limit_s"),
        ("timeout_s", 0, "timeout_s"),
        ("max_in_flight", 0, "max_in_flight"),
        ("seed", -1, "seed"),
        ("scenario", {"kind": "open", "rate": 0}, "scenario.open.rate"),
        ("scenario", {"kind": "open", "rate": 10, "arrivals": "bursts"}, "scenario.open.arrivals"),
        ("scenario", {"kind": "closed", "concurrency": 0}, "scenario.closed.concurrency"),
        ("scenario", {"kind": "random"}, "scenario"),
        ("check", {"tolerance": 0.1}, "check.tolerance"),
        ("check", {"tolerance": {"scores": -1}}, "check.tolerance.scores"),
        ("check", {"tolerance": {"scores": math.inf}}, "check.tolerance.scores"),
        ("check", {"tolerance": {"scores": math.nan}}, "check.tolerance.scores"),
        ("colour", "red", "colour"),
    ],
)
def test_a_field_that_does_not_make_sense_is_named(tmp_path: Path, field: str, value: object, named: str):
    content = json.loads(PLAN.model_dump_json()) | {field: value}
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(LoadError, match=f"plan.json: {named}: ") as caught:
        read_plan(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_warm_up_by_rule_may_take_until_its_limit_where_the_load_is_steady():
    fields = PLAN.model_dump(exclude={"scenario"}) | {"warmup_s": 8, "steady_limit_s": 30.5}
    steady = LoadPlan(**fields, scenario=OpenLoop(rate=100))
    assert (steady.by_rule, steady.warmup_limit_s, steady.longest_warmup_s) == (True, 31, 31)
    # Too slow for 1,200 answers by then, or how fast it is depends on the server.
    for scenario in (OpenLoop(rate=10), Server(rate=38), ClosedLoop(concurrency=1), SingleStream()):
        slow = LoadPlan(**fields, scenario=scenario)
        assert (slow.by_rule, slow.warmup_limit_s, slow.longest_warmup_s) == (True, 31, 310)
    for scenario in (Offline(), Ramp(from_rate=1, to_rate=2)):
        by_time = LoadPlan(**fields, scenario=scenario)
        assert (by_time.by_rule, by_time.warmup_limit_s, by_time.longest_warmup_s) == (False, 8, 8)
    with pytest.raises(ValidationError, match="must not be less than warmup_s"):
        LoadPlan(**fields | {"steady_limit_s": 7}, scenario=OpenLoop(rate=10))


@pytest.mark.parametrize("content", [None, "", "{"])
def test_a_missing_or_broken_file_gets_one_line(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(LoadError, match=r"plan\.json: "):
        read_plan(tmp_path)
