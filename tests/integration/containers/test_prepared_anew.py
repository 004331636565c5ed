"""``tailbed bench`` over services as they run, one of which others have prepared anew meanwhile."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import Exported
from tests.integration.loadtest.services import service

SUITE = """\
name: tiny
services: [{name}]
scenarios:
  - {{kind: closed}}
warmup_s: 0.5
steady_limit_s: null
duration_s: 1
attempts: 1
"""
NAME = "127.0.0.46"


def test_what_a_service_does_not_serve_is_not_measured(digits: Exported, tmp_path: Path) -> None:
    """Its figures would count for another artifact, as answers and so the checks of them are the same."""
    (tmp_path / "tiny.yaml").write_text(SUITE.format(name=NAME))
    with service(NAME, "fastapi", digits["torchscript"], tmp_path / "server", expected=digits["onnx"]):
        words = [sys.executable, "-m", "tailbed", "bench", "tiny.yaml", "--out", "out"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1, done.stderr
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["cells"] == []
    (failure,) = summary["failures"]
    runs, prepared = (digits[format].manifest.sha256 for format in ("torchscript", "onnx"))
    assert failure.endswith(
        f"the service {NAME} serves the artifact with SHA-256 {runs}, but was prepared with {prepared}: "
        f"docker compose up -d --force-recreate {NAME}"
    )
