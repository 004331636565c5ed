"""Giving services what they serve, where that cannot be."""

import errno
import shutil
from pathlib import Path

import pytest

from exporters import Artifact, ArtifactStore
from servers import Settings
from servers.containers import ServicesError, hold_services, read_services, services_folder
from tailbed.services import prepare_services
from tests.conftest import Exported


@pytest.fixture(scope="module")
def artifact(digits: Exported) -> Artifact:
    return digits["onnx"]  # before the tests have homes of their own


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifact: Artifact) -> None:
    """A home without any service, where all exports are there."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    monkeypatch.setattr("tailbed.services.export_artifact", lambda *_: artifact)


def prepare() -> None:
    prepare_services({"grpc": "digits/onnx"}, Settings(), ArtifactStore(), lambda _: None)


def test_nothing_is_prepared_while_services_are_measured() -> None:
    prepare()
    start = services_folder() / "grpc" / "start"
    before = start.stat().st_ino
    with hold_services(), pytest.raises(ServicesError, match="another tailbed bench or prepare has the services"):
        prepare()
    assert start.stat().st_ino == before
    prepare()
    assert list(read_services()) == ["grpc"]


def test_a_service_whose_files_cannot_be_removed_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise OSError(errno.EROFS, "Read-only file system", str(path))

    prepare()
    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(OSError, match="Read-only file system"):
        prepare()
