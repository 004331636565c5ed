"""Bad input of ``tailbed plan`` is answered in one line, before anything is measured or written."""

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = ["digits/onnx", "--slo", "p99=50ms", "--rate", "100"]


def failed(tmp_path: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tailbed", "plan", *words], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a plan needs --slo"),
        (["digits/onnx", "--slo", "p99=50ms"], "and --rate"),
        (GOOD[1:], "name what to plan"),
        ([*GOOD, "--from", "x"], "name what to plan"),
        ([*GOOD[1:], "--from", "x", "--with", "grpc"], "have their stacks"),
        ([*GOOD[1:], "--from", "x"], "x: not a results folder"),
        (["digits/onnx", "--slo", "p98=50ms", "--rate", "100"], "is no objective"),
        ([*GOOD, "--price", "0.34"], "is no price"),
        ([*GOOD, "--headroom", "95%"], "is no headroom"),
        ([*GOOD, "--tolerance", "0"], "is no tolerance"),
        ([*GOOD, "--with", "nostack"], "nostack"),
        (["digits/noformat", *GOOD[1:]], "noformat"),
        ([*GOOD, "--resume", "x"], "leave --slo, --rate, artifacts out"),
        (["--resume", "x"], "x: is no plan's folder"),
    ],
)
def test_bad_input(tmp_path: Path, words: list[str], said: str) -> None:
    assert said in failed(tmp_path, *words)
