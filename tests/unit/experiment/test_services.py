"""Which services an experiment finds, where there is no engine."""

from pathlib import Path

import pytest

from servers import Settings
from servers.containers import Service, ServicesError, hold_services, services_folder, write_service
from tailbed.experiment.services import Services
from tailbed.suite import Pair, SuiteError


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A service that was prepared, under a name that no host has."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    folder = services_folder() / "nowhere.invalid"
    folder.mkdir(parents=True)
    service = Service(
        name=folder.name, kind="fastapi", model="digits", artifact=folder, settings=Settings(), runtime="none"
    )
    write_service(service)
    return service, "fastapi"


def test_where_none_can_be_reached_it_is_said_how(pair: Pair) -> None:
    with pytest.raises(SuiteError) as caught:
        Services.find([pair])
    assert str(caught.value) == (
        "no service that can be reached from here runs of nowhere.invalid: docker compose up -d, and in its network "
        "docker compose run --rm tailbed bench"
    )


def test_services_that_another_experiment_has_stopped_are_not_missed(pair: Pair) -> None:
    with hold_services(), pytest.raises(ServicesError, match="another tailbed bench or prepare has the services"):
        Services.find([pair])


@pytest.mark.usefixtures("pair")
def test_an_experiment_without_services_holds_none() -> None:
    found = Services.find([])
    with hold_services(), found.taken(pytest.fail):
        assert found.candidates((0,)) == []
    assert not Services.find([]).as_they_run
