"""Every kind of scenario in a suite; what is wrong in one is named by line and field."""

from pathlib import Path

import pytest

from loadtest.scenario import Bursts, ClosedLoop, MultiStream, Offline, Ramp, Server, SingleStream, Step, Steps, Trace
from tailbed.suite.read import SuiteError, read_suite

SUITE = """\
name: all-kinds
models: [digits]
formats: [onnx]
stacks: [fastapi]
scenarios:
  - {kind: closed, concurrency: 2, think_s: 0.1, think: constant}
  - {kind: bursts, on_rate: 500, off_rate: 50, on_s: 1, off_s: 4, arrivals: constant}
  - kind: steps
    steps:
      - {rate: 100, duration_s: 10}
      - {rate: 200, duration_s: 10}
  - {kind: ramp, from_rate: 100, to_rate: 1000}
  - {kind: trace, path: monday.parquet, rate: 300}
  - {kind: SingleStream}
  - {kind: MultiStream}
  - {kind: Server, rate: 100}
  - {kind: Offline, samples: 2000}
"""


def test_every_kind_is_read(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE)
    assert read_suite(str(tmp_path / "suite.yaml")).scenarios == (
        ClosedLoop(concurrency=2, think_s=0.1, think="constant"),
        Bursts(on_rate=500, off_rate=50, on_s=1, off_s=4, arrivals="constant"),
        Steps(steps=(Step(rate=100, duration_s=10), Step(rate=200, duration_s=10))),
        Ramp(from_rate=100, to_rate=1000),
        Trace(path=Path("monday.parquet"), rate=300),
        SingleStream(),
        MultiStream(samples=8),
        Server(rate=100),
        Offline(samples=2000),
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("think: constant", "think: hard"), "suite.yaml:6: scenarios[0].think: "),
        (("off_s: 4", "off_s: 0"), "suite.yaml:7: scenarios[1].off_s: "),
        (("rate: 200, ", "rate: fast, "), "suite.yaml:11: scenarios[2].steps[1].rate: "),
        (("to_rate: 1000", "to_rate: -1"), "suite.yaml:12: scenarios[3].to_rate: "),
        (("path: monday.parquet, ", ""), "suite.yaml:13: scenarios[4].path: Field required"),
        (("kind: SingleStream", "kind: SingleStream, rate: 3"), "suite.yaml:14: scenarios[5].rate: Extra inputs"),
        (("kind: Server, rate: 100", "kind: Server"), "suite.yaml:16: scenarios[7].rate: Field required"),
        (("samples: 2000", "samples: 0"), "suite.yaml:17: scenarios[8].samples: "),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE.replace(*change))
    with pytest.raises(SuiteError) as caught:
        read_suite(str(tmp_path / "suite.yaml"))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
