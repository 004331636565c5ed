"""Scenarios: as in a suite and on a command line, each with a label of its own."""

import pytest
from pydantic import TypeAdapter

from loadtest.errors import LoadError
from loadtest.scenario import ClosedLoop, OpenLoop, Scenario, Server, SingleStream
from loadtest.scenario.text import parse

TEXTS = {
    "closed": "closed x1",
    "{kind: closed, concurrency: 4, think_s: 0.5}": "closed x4 think exponential 0.5s",
    "{kind: closed, concurrency: 4, think_s: 0.5, think: constant}": "closed x4 think constant 0.5s",
    "{kind: open, rate: 200}": "poisson 200/s",
    "{kind: bursts, on_rate: 900, on_s: 0.5, off_s: 2}": "poisson bursts 900/s 0.5s, 0/s 2s",
    "{kind: bursts, on_rate: 900, off_rate: 9, on_s: 0.5, off_s: 2, arrivals: constant}": (
        "constant bursts 900/s 0.5s, 9/s 2s"
    ),
    "{kind: steps, steps: [{rate: 10, duration_s: 3}, {rate: 0, duration_s: 1}]}": "poisson steps 10/s 3s, 0/s 1s",
    "{kind: ramp, from_rate: 0, to_rate: 500}": "poisson ramp 0 to 500/s",
    "{kind: trace, path: days/monday.csv}": "trace days/monday.csv",
    "{kind: trace, path: days/monday.csv, rate: 50}": "trace days/monday.csv at 50/s",
    "SingleStream": "SingleStream",
    "MultiStream": "MultiStream 8",
    "{kind: Server, rate: 30}": "Server 30/s",
    "Offline": "Offline 24576 x256",
}


@pytest.mark.parametrize(("text", "label"), TEXTS.items())
def test_a_scenario_is_read_and_survives_its_plan(text: str, label: str):
    scenario = parse(text)
    assert scenario.label == label
    adapter = TypeAdapter(Scenario)
    assert adapter.validate_json(adapter.dump_json(scenario)) == scenario


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ajar", "scenario: kind: Input tag 'ajar'"),
        ("3", "scenario '3': expected {kind: KIND, ...} as in a suite"),
        ("{kind: ramp", "not YAML"),
        ("{rate: 3}", "scenario: kind: "),
        ("{kind: [1]}", "scenario: kind: "),
        ("{kind: open, rate: -1}", "scenario: rate: Input should be greater than 0"),
        ("{kind: open, rate: 1, think_s: 1}", "scenario: think_s: Extra inputs are not permitted"),
        ("{kind: closed, think_s: .nan}", "scenario: think_s: "),
        ("{kind: bursts, on_rate: 5, on_s: 0, off_s: 1}", "scenario: on_s: "),
        ("{kind: steps, steps: []}", "scenario: steps: "),
        ("{kind: steps, steps: [{rate: 0, duration_s: 3}]}", "scenario: steps: at least one rate must be greater"),
        ("{kind: steps, steps: [{rate: -1, duration_s: 3}]}", "scenario: steps.0.rate: "),
        ("{kind: ramp, from_rate: 0, to_rate: 0}", "scenario: to_rate: must be greater than 0 where from_rate is 0"),
        ("{kind: SingleStream, concurrency: 2}", "scenario: concurrency: Extra inputs are not permitted"),
        ("{kind: MultiStream, samples: 0}", "scenario: samples: "),
        ("{kind: Server}", "scenario: rate: Field required"),
    ],
)
def test_what_is_no_scenario_is_refused_in_one_line(text: str, problem: str):
    with pytest.raises(LoadError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_presets_are_the_general_loops():
    assert SingleStream().loop == ClosedLoop(concurrency=1)
    assert Server(rate=30).loop == OpenLoop(arrivals="poisson", rate=30)


def test_scenarios_tell_whether_they_have_an_offered_rate_and_whether_it_is_steady():
    told = {parse(text).kind: (parse(text).scheduled, parse(text).steady) for text in TEXTS}
    assert told == {
        "closed": (False, True),
        "open": (True, True),
        "bursts": (True, False),
        "steps": (True, False),
        "ramp": (True, False),
        "trace": (True, False),
        "SingleStream": (False, True),
        "MultiStream": (False, True),
        "Server": (True, True),
        "Offline": (False, False),
    }
