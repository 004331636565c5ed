"""Suites: the shipped ones are right, and a wrong one is named by file, line and field."""

from pathlib import Path

import pytest

from loadtest.scenario import ClosedLoop, OpenLoop
from tailbed.suite import SuiteError, named_suites, read_suite

GOOD = """\
name: mine
models: [digits]
formats: [onnx]
stacks: [grpc]
scenarios:
  - {kind: closed, concurrency: 2}
  - kind: open
    rate: 100
"""


def read(tmp_path: Path, text: str) -> str:
    """The error's line, with the folder cut off."""
    file = tmp_path / "suite.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        read_suite(str(file))
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize("name", named_suites())
def test_shipped_suites_are_right(name: str) -> None:
    assert read_suite(name).name == name


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")
    suite = read_suite(str(file))
    assert suite.scenarios == (ClosedLoop(concurrency=2), OpenLoop(rate=100, arrivals="poisson"))
    assert suite.duration_s == 60


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("rate: 100", "rate: -1"), "suite.yaml:8: scenarios[1].rate: Input should be greater than 0"),
        (("rate: 100", "rate: .inf"), "suite.yaml:8: scenarios[1].rate: "),
        (("    rate: 100\n", ""), "suite.yaml:7: scenarios[1].rate: Field required"),
        (("rate: 100", "rat: 100"), "suite.yaml:7: scenarios[1].rate: Field required (and 1 more)"),
        (("kind: open", "kind: ajar"), "suite.yaml:7: scenarios[1]: Input tag 'ajar'"),
        (("[digits]", "[digit]"), "suite.yaml:2: models[0]: 'digit' is unknown: choose from "),
        (("[grpc]", "[]"), "suite.yaml:4: stacks: Tuple should have at least 1 item"),
        (("[onnx]", "[onnx, onnx]"), "suite.yaml:3: formats: onnx is there twice"),
        (("name: mine", "name: My suite"), "suite.yaml:1: name: String should match pattern"),
        (("name: mine", "name: mine\nname: yours"), "suite.yaml:2: name: is there twice"),
        (("name: mine\n", ""), "suite.yaml:1: name: Field required"),
        (("formats: [onnx]", "formats: [onnx]\nprecisions: [fp31]"), "suite.yaml:4: precisions: digits/onnx has no"),
        (("formats: [onnx]", "formats: [onxx]"), "suite.yaml:3: formats: unknown format 'onxx' of digits: choose"),
        (("formats: [onnx]", "artifacts: [digits/onxx]"), "suite.yaml:3: artifacts: unknown format 'onxx' of digits"),
        (("formats: [onnx]\n", ""), "suite.yaml:1: the suite: serves nothing: name models and formats, or artifacts"),
        (("models: [digits]", "models: [digits"), "suite.yaml:3: not YAML: "),
        (("name: mine", "name: mine\nseeds: 3"), "suite.yaml:2: seeds: Extra inputs are not permitted"),
    ],
)
def test_errors_name_line_and_field(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    assert change[0] in GOOD
    assert read(tmp_path, GOOD.replace(*change)).startswith(expected)


def test_files_that_are_no_suite(tmp_path: Path) -> None:
    assert "is empty" in read(tmp_path, "# nothing\n")
    assert "suite.yaml:1: the suite: " in read(tmp_path, "- a list\n")
    with pytest.raises(SuiteError, match=r"name a YAML file or one of .*full.*quick"):
        read_suite("nonesuch")
    with pytest.raises(SuiteError, match="cannot be read"):
        read_suite(str(tmp_path))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SuiteError):
        read_suite(str(tmp_path / "binary.yaml"))


def test_an_alias_that_contains_itself_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "name: mine\nmodels: &a [*a]\n").startswith("suite.yaml")
