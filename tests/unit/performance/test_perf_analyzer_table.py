"""When two tools that measured the same server are said to agree."""

from __future__ import annotations

from tests.performance.perf_analyzer_table import ASLEEP, PEER, SPINNING, Sample, conclude, notes


def samples(protocol: str, clients: int, **p50_us: list[float]) -> list[Sample]:
    tools = {"spinning": SPINNING, "asleep": ASLEEP, "peer": PEER}
    return [
        Sample(repetition, protocol, clients, tools[name], p50, 2 * p50, 900.0, 1030.0)
        for name, values in p50_us.items()
        for repetition, p50 in enumerate(values, start=1)
    ]


def test_ranges_that_touch_agree() -> None:
    lines, agreed = conclude(samples("http", 1, spinning=[1050, 1060], asleep=[1060, 1065], peer=[1060, 1080]))
    assert agreed
    (row,) = (line for line in lines if line.endswith("yes"))
    assert row.split()[:4] == ["http", "x1", "1055", "[1050,"]


def test_what_only_sleeping_explains_is_named_so() -> None:
    lines, agreed = conclude(samples("grpc", 4, spinning=[1050, 1055], asleep=[1060, 1065], peer=[1064, 1080]))
    assert agreed
    assert any(line.endswith("asleep only") for line in lines)


def test_one_load_without_overlap_is_no_agreement() -> None:
    alike = samples("http", 1, spinning=[1050, 1060], asleep=[1060, 1065], peer=[1055, 1080])
    apart = samples("http", 2, spinning=[2050, 2060], asleep=[2060, 2065], peer=[2100, 2110])
    lines, agreed = conclude([*alike, *apart])
    assert not agreed
    assert [line.split()[1] for line in lines if line.endswith("NO")] == ["x2"]


def test_a_tool_that_never_ran_does_not_agree() -> None:
    assert not conclude([])[1]
    assert not conclude(samples("http", 1, spinning=[1050.0], asleep=[1060.0]))[1]


def test_the_ratio_is_by_repetition_and_has_an_interval_from_six_on() -> None:
    drifting = [1000.0 + 100 * step for step in range(6)]
    lines, _ = conclude(samples("http", 1, spinning=drifting, asleep=drifting, peer=[2 * one for one in drifting]))
    assert "0.500 [0.500, 0.500]" in "".join(lines)


def test_failures_are_named() -> None:
    assert list(notes([], ["repetition 1: it ended"]))[1:] == ["FAILED  repetition 1: it ended"]
