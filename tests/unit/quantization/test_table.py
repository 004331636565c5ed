"""What the terminal shows of a study."""

import pytest

from tailbed.cli.quantization_table import print_study
from tests.unit.quantization.studies import make_study

SPEEDS = {"fp32": 1.0, "int8-dynamic": 5.0, "int8-static": 0.4, "int8-static-signed": 1.2}


@pytest.mark.parametrize("blocks", [1, 8])
def test_it_fits_eighty_columns_with_every_name_whole(
    blocks: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_study(*make_study(SPEEDS, blocks=blocks))
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for precision in SPEEDS:
        assert f" onnx/{precision} " in printed
    assert ("no verdict" in printed) is (blocks == 1)


def test_the_frontier_and_what_is_claimed_are_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_study(*make_study(SPEEDS, wrong={"int8-static": 60}))
    lines = capsys.readouterr().out.splitlines()
    times, costs = (line for line in lines if "onnx/int8-static " in line and line.lstrip("* ").startswith("onnx"))
    assert times.startswith("* onnx/int8-static")
    assert "0.40!" in times
    assert "-12.7!" in costs
    assert not any(line.startswith("* onnx/int8-dynamic") for line in lines)
    assert any(line.startswith("- onnx/int8-static is 2.5x") for line in lines)
