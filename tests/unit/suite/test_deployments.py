"""Which artifacts are measured on which stacks, and what becomes of those that cannot be."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporters import exporters_of
from models import MODELS
from servers import STACKS, Settings
from tailbed.suite import Suite, SuiteError, candidates, read_suite, select

SUITE = """\
name: mine
models: [digits]
formats: [onnx, tflite]
stacks: [all]
scenarios:
  - {kind: closed}
"""


def stack(name: str, *formats: str, missing: str | None = None, stands_in_for: str | None = None) -> Any:
    """A stack that serves these formats, or all."""
    return SimpleNamespace(
        name=name,
        protocol="oip-http",
        stands_in_for=stands_in_for,
        missing=lambda: missing,
        serves=lambda format: f"{name}'s own" if format in formats or not formats else None,
        computes=lambda manifest: f"{name}'s own for {manifest.format}",
        tuned=lambda cores: Settings(threads=cores, tuned=True),
    )


@pytest.fixture(autouse=True)
def stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stack that serves all, one with two protocols that serves little, one that is missing, and a stand-in."""
    found = (
        ("whole", stack("whole")),
        ("little", stack("little-http", "onnx")),
        ("little", stack("little-grpc", "onnx")),
        ("absent", stack("absent", missing="absent needs Java: install it")),
        ("whole", stack("in-its-place", stands_in_for="absent")),
    )
    folders: dict[str, dict[str, Any]] = {}
    for folder, each in found:
        folders.setdefault(folder, {})[each.name] = each
    monkeypatch.setattr(STACKS, "_by_folder", folders)


def read(folder: Path, *changes: tuple[str, str]) -> Suite:
    text = SUITE
    for change in changes:
        assert change[0] in text
        text = text.replace(*change)
    (folder / "suite.yaml").write_text(text, encoding="utf-8")
    return read_suite(str(folder / "suite.yaml"))


def test_of_all_stacks_those_that_can_are_measured_and_the_others_told(tmp_path: Path) -> None:
    selection = select(read(tmp_path))
    assert selection.pairs == (
        ("digits/onnx/fp32", "whole"),
        ("digits/onnx/fp32", "little-http"),
        ("digits/onnx/fp32", "little-grpc"),
        ("digits/tflite/fp32", "whole"),
    )
    assert selection.left_out == (
        "absent: absent needs Java: install it",
        "little-http: does not serve tflite",
        "little-grpc: does not serve tflite",
    )


def test_a_folder_is_all_of_its_protocols_and_no_stack_is_there_twice(tmp_path: Path) -> None:
    suite = read(tmp_path, ("[all]", "[little-grpc, little]"), ("[onnx, tflite]", "[onnx]"))
    assert [stack for _, stack in select(suite).pairs] == ["little-grpc", "little-http"]


def test_all_formats_are_those_that_the_stack_serves(tmp_path: Path) -> None:
    selection = select(read(tmp_path, ("[all]", "[little-http]"), ("[onnx, tflite]", "[all]")))
    every = exporters_of(MODELS.get("digits"))
    wanted = [f"digits/{name}/fp32" for name, exporter in every.items() if exporter.format == "onnx"]
    assert list(selection.artifacts) == wanted, "also those of another source"
    (line,) = selection.left_out
    assert line.startswith("little-http: does not serve ")
    assert "tflite" in line
    assert "onnx" not in line


def test_what_is_named_is_missed_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"^absent cannot run here: absent needs Java: install it$"):
        select(read(tmp_path, ("[all]", "[absent]")))
    with pytest.raises(SuiteError, match=r"^absent cannot run here"):
        select(read(tmp_path, ("[all]", "[all, absent]")))
    with pytest.raises(SuiteError, match=r"^little-http does not serve tflite: "):
        select(read(tmp_path, ("[all]", "[whole, little]")))


def test_a_stand_in_is_meant_by_its_own_name_only(tmp_path: Path) -> None:
    assert "in-its-place" not in {stack for _, stack in select(read(tmp_path)).pairs}
    assert {stack for _, stack in select(read(tmp_path, ("[all]", "[in-its-place]"))).pairs} == {"in-its-place"}


def test_where_nothing_is_left_there_is_nothing_to_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"absent": {"absent": stack("absent", missing="absent needs Java: install it")}}
    monkeypatch.setattr(STACKS, "_by_folder", lacking)
    with pytest.raises(SuiteError, match="nothing of it can be served here: absent: absent needs Java"):
        select(read(tmp_path))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("[all]", "[all, al]"), "suite.yaml:4: stacks[1]: unknown stack 'al': choose from all, whole, little, absent"),
        (("[all]", "[whole, little-http, nope]"), "suite.yaml:4: stacks[2]: unknown stack 'nope': choose from all"),
        (("[all]", "[all, all]"), "suite.yaml:4: stacks: all is there twice"),
        (("[all]", "[all]\nvariants: {a: tuned, b: tune}"), "suite.yaml:5: variants.b: Input should be 'tuned'"),
        (("[all]", "[all]\nvariants: {a: {threads: 0}}"), "suite.yaml:5: variants.a.threads: Input should be greater"),
        (("[all]", "[all]\nvariants: {a: 3}"), "suite.yaml:5: variants.a: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(tmp_path: Path, change: tuple[str, str], line: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, change)
    assert f"{caught.value}".removeprefix(f"{tmp_path}/").startswith(line)
    assert "more)" not in str(caught.value)


def test_every_artifact_that_there_is_is_a_candidate_with_all_settings(tmp_path: Path) -> None:
    suite = read(tmp_path, ("[all]", "[all]\nvariants: {equal: {instances: 2}, best: tuned}"))
    manifest = SimpleNamespace(format="onnx")
    artifacts: list[Any] = [SimpleNamespace(ref="digits/onnx/fp32", manifest=manifest)]
    found = candidates(suite, select(suite), artifacts, (0, 1, 2))
    assert [each.title for each in found] == [
        f"digits/onnx/fp32 on {stack} with {variant}"
        for stack in ("whole", "little-http", "little-grpc")
        for variant in ("equal", "best")
    ]
    equal, best, *_ = found
    assert equal.deployment.settings == Settings(instances=2)
    assert best.deployment.settings == Settings(threads=3, tuned=True)
    assert (best.deployment.cores, best.runtime, best.protocol) == ((0, 1, 2), "whole's own for onnx", "oip-http")
    assert best.name == "digits/onnx/fp32-whole-best"


def test_tuned_for_all_cores_where_the_server_has_none_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(7)))
    suite = read(tmp_path, ("[all]", "[whole]\nvariants: {best: tuned}"))
    artifacts: list[Any] = [SimpleNamespace(ref="digits/onnx/fp32")]
    (only,) = candidates(suite, select(suite), artifacts, None)
    assert only.deployment.settings.threads == 7
