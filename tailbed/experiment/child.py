"""Work in a child process, so that no framework is loaded into the process that measures.

The module that has the work is the child's program, ``python -m MODULE REQUEST ANSWER``: two files of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from models import TailbedError
from servers import SupervisedProcess


def ask(
    module: str,
    request: Mapping[str, Any],
    *,
    failed: str,
    error: type[TailbedError],
    env: Mapping[str, str] | None = None,
    printed: Callable[[str], None] | None = None,
) -> dict[str, str]:
    """Run ``module`` in a child, which calls ``answer`` there, and give back what it answers.

    Args:
        module: its name.
        request: for the child, in JSON, with paths as their text.
        failed: what to say has failed where the child ends without an answer.
        error: what is raised.
        env: variables added to this process's environment.
        printed: told all that the child has printed, once it has ended.

    Raises:
        TailbedError: of the type ``error``: the work raised one, or the child died; in one line.
    """
    with tempfile.TemporaryDirectory(prefix="tailbed-child-") as scratch:
        asked, answered, log = (Path(scratch) / name for name in ("request.json", "answer.json", "child.log"))
        asked.write_text(json.dumps(request, default=str), encoding="utf-8")
        argv = [sys.executable, "-m", module, str(asked), str(answered)]
        with SupervisedProcess.start(argv, log=log, env=env) as child:
            code = child.wait()
        if printed is not None:
            printed(log.read_text(encoding="utf-8", errors="replace"))
        if not answered.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
            raise error(f"{failed} (exit code {code}): {lines[-1]}")
        said = cast(dict[str, str], json.loads(answered.read_text(encoding="utf-8")))
    if "error" in said:
        raise error(said["error"])
    return said


def answer(work: Callable[[dict[str, Any]], Mapping[str, str]]) -> None:
    """In the child: do the work that is asked for, and answer with what it gives, or with its error."""
    asked, answered = map(Path, sys.argv[1:])
    try:
        said = work(json.loads(asked.read_text(encoding="utf-8")))
    except TailbedError as error:
        said = {"error": str(error)}
    answered.write_text(json.dumps(said), encoding="utf-8")
