"""A load that the user stops."""

from pathlib import Path
from typing import Any, NoReturn

import pytest

from servers.containers import EngineError
from tailbed.experiment import interruption


def test_ctrl_c_stops_also_where_what_was_measured_cannot_be_reduced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the experiment would take the stopped run for a failed one, and go on with the next."""

    def stopped(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    def fail(_: object) -> NoReturn:
        raise EngineError("it does not tell")

    anything: Any = None
    monkeypatch.setattr("loadtest.run", stopped)
    monkeypatch.setattr(interruption, "recover", lambda _: anything)
    with pytest.raises(interruption.Interrupted) as caught:
        interruption.measure(anything, tmp_path, fail, anything)
    assert caught.value.result is None
