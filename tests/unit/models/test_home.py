from pathlib import Path

import pytest

from models import home


def test_the_variable_moves_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "elsewhere"))
    assert home() == tmp_path / "elsewhere"


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TAILBED_HOME", "~/models")
    assert home() == tmp_path / "models"


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_users_cache_folder(value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if value is None:
        monkeypatch.delenv("TAILBED_HOME")
    else:
        monkeypatch.setenv("TAILBED_HOME", value)
    assert home() == tmp_path / "tailbed"
