"""Load points: rates and shares of capacity in a suite, one scenario each, and the same again from what is stored."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loadtest.scenario import ClosedLoop, OpenLoop
from tailbed.suite import ShareOfCapacity, Suite, SuiteError, named_suites, read_suite, resolve

SUITE = """\
name: points
models: [digits]
formats: [onnx]
stacks: [fastapi]
scenarios:
  - {kind: closed}
  - {kind: open, rates: [200, 30%, 62.5%]}
  - kind: open
    arrivals: constant
    rates:
      - 50%
  - {kind: open, share: 0.8}
"""


def share(value: float, arrivals: str = "poisson") -> ShareOfCapacity:
    return ShareOfCapacity.model_validate({"kind": "open", "arrivals": arrivals, "share": value})


def read(folder: Path, text: str) -> Suite:
    (folder / "suite.yaml").write_text(text, encoding="utf-8")
    return read_suite(str(folder / "suite.yaml"))


def test_each_point_is_a_scenario(tmp_path: Path) -> None:
    suite = read(tmp_path, SUITE)
    assert suite.scenarios == (
        ClosedLoop(),
        OpenLoop(rate=200),
        share(0.3),
        share(0.625),
        share(0.5, "constant"),
        share(0.8),
    )
    assert [scenario.label for scenario in suite.scenarios] == [
        "closed x1",
        "poisson 200/s",
        "poisson 30%",
        "poisson 62.5%",
        "constant 50%",
        "poisson 80%",
    ]
    assert suite.needs_capacities
    assert not read(tmp_path, SUITE[: SUITE.index("  - {kind: open")]).needs_capacities


@pytest.mark.parametrize("name", [*named_suites(), "points"])
def test_what_is_stored_is_read_again(tmp_path: Path, name: str) -> None:
    suite = read(tmp_path, SUITE) if name == "points" else read_suite(name)
    stored = yaml.safe_dump(suite.model_dump(mode="json"), sort_keys=False)
    assert read(tmp_path, stored) == suite


PERCENTS = st.integers(1, 2000).map(lambda n: f"{n / 10:g}%")
RATES = st.integers(1, 999_999).map(lambda n: n / 10)


@given(st.lists(PERCENTS | RATES, min_size=1, max_size=5, unique=True), st.sampled_from(["poisson", "constant"]))
def test_any_points_are_read_again(points: list[str | float], arrivals: str) -> None:
    entry = {"kind": "open", "arrivals": arrivals, "rates": points}
    rest = {"name": "any", "models": ["digits"], "formats": ["onnx"], "stacks": ["grpc"]}
    suite = Suite.model_validate({**rest, "scenarios": [entry]})
    words = [point if isinstance(point, str) else f"{point:g}/s" for point in points]
    assert [scenario.label for scenario in suite.scenarios] == [f"{arrivals} {word}" for word in words]
    assert Suite.model_validate(yaml.safe_load(yaml.safe_dump(suite.model_dump(mode="json")))) == suite


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("200, ", "0, "), "suite.yaml:7: scenarios[1].rates[0]: Input should be greater than 0"),
        (("200, ", "fast, "), "suite.yaml:7: scenarios[1].rates[0]: 'fast' is neither requests a second nor a share"),
        (("62.5%", "-5%"), "suite.yaml:7: scenarios[1].rates[2]: '-5%' is neither requests a second nor a share"),
        (("62.5%", "0%"), "suite.yaml:7: scenarios[1].rates[2]: a share of capacity is more than 0% and at most 200%"),
        (("- 50%", "- 250%"), "suite.yaml:11: scenarios[2].rates[0]: a share of capacity is more than 0% and at most"),
        (("constant", "regular"), "suite.yaml:9: scenarios[2].arrivals: Input should be 'poisson' or 'constant'"),
        (("share: 0.8", "share: 3"), "suite.yaml:12: scenarios[3].share: a share of capacity is more than 0%"),
        (("share: 0.8", "share: 0.8, rate: 100"), "suite.yaml:12: scenarios[3].rate: Extra inputs"),
        (("[200, 30%, 62.5%]", "200"), "suite.yaml:7: scenarios[1].rates: Input should be a valid tuple"),
        (("[200, 30%, 62.5%]", "[]"), "suite.yaml:7: scenarios[1].rates: Tuple should have at least 1 item"),
        (("rates: [200, 30%, 62.5%]", "rates: [20], rate: 3"), "suite.yaml:7: scenarios[1].rate: Extra inputs"),
        (("{kind: open, rates", "{kind: closed, rates"), "suite.yaml:7: scenarios[1].kind: Input should be 'open'"),
        (("{kind: open, rates", "{rates"), "suite.yaml:7: scenarios[1].kind: Field required"),
        (("200, 30%", "30%, 30.0%"), "suite.yaml:5: scenarios: poisson 30% is there twice"),
        (("200, ", "200, 200, "), "suite.yaml:5: scenarios: poisson 200/s is there twice"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    assert change[0] in SUITE
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, SUITE.replace(*change, 1))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_share_becomes_a_rate_and_keeps_its_label() -> None:
    found = resolve(share(0.3, "constant"), 4_321.9)
    assert found == OpenLoop(arrivals="constant", rate=1300, share=0.3)
    assert found.label == share(0.3, "constant").label == "constant 30%"
    assert resolve(share(0.7), 0.0123) == OpenLoop(rate=0.00861, share=0.7)
    assert resolve(ClosedLoop(), 100) == ClosedLoop()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("steady_limit_s: 4", "steady_limit_s: Input should be greater than or equal to 5"),
        ("warmup_s: 20\nsteady_limit_s: 10", "steady_limit_s: must be at least warmup_s, which is 20, or null"),
        ("warmup_s: 31", "suite.yaml:1: steady_limit_s: must be at least warmup_s, which is 31, or null"),
        ("attempts: 0", "attempts: Input should be greater than or equal to 1"),
        ("attempts: 11", "attempts: Input should be less than or equal to 10"),
        ("cold_start: {processes: 4}", "cold_start.processes: Input should be greater than or equal to 5"),
        ("cold_start: {idle_gaps_s: [1, 0]}", "cold_start.idle_gaps_s[1]: Input should be greater than 0"),
        ("cold_start: {idle_gaps_s: [1, 1]}", "cold_start.idle_gaps_s: 1.0 is there twice"),
    ],
)
def test_settings_out_of_bounds_are_named(tmp_path: Path, settings: str, problem: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, f"{SUITE}{settings}\n")
    assert problem in str(caught.value)


def test_settings_that_may_be_left_out(tmp_path: Path) -> None:
    suite = read(tmp_path, SUITE)
    assert (suite.warmup_s, suite.steady_limit_s, suite.attempts, suite.cold_start) == (5, 30, 3, None)
    given = read(tmp_path, f"{SUITE}steady_limit_s: null\ncold_start: {{}}\n")
    assert given.steady_limit_s is None
    assert given.cold_start is not None
    assert (given.cold_start.processes, given.cold_start.idle_gaps_s) == (5, (0.1, 1, 5))
