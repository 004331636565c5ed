"""Suites of services: what they may say, and which deployments they measure."""

from pathlib import Path

import pytest
import yaml

from exporters import Artifact
from servers import Settings
from servers.containers import Image, Service, services_folder, write_service
from tailbed.suite import Suite, SuiteError, read_suite, select, select_services, service_candidates
from tests.conftest import Exported

SUITE = """\
name: mine
services: [all]
scenarios:
  - {kind: closed}
"""


def read(folder: Path, text: str = SUITE) -> Suite:
    (folder / "suite.yaml").write_text(text, encoding="utf-8")
    return read_suite(str(folder / "suite.yaml"))


def prepared(artifact: Path, *names: str) -> None:
    """List services of these names, all with settings of their own."""
    for name in names:
        kind = name.removesuffix("-gpu")
        (services_folder() / name).mkdir(parents=True)
        service = Service(
            name=name,
            kind=kind,
            model="digits",
            artifact=artifact,
            settings=Settings(instances=3),
            runtime=f"the runtime of {name}",
            configuration={"config.txt": "some"},
        )
        write_service(service)


@pytest.fixture(scope="module")
def artifact(digits: Exported) -> Artifact:
    return digits["onnx"]  # before the tests have homes of their own


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without any service."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("models: [digits]", "services serve what they were prepared with: leave models out"),
        ("models: [digits]\nformats: [onnx]", "leave models, formats out"),
        ("artifacts: [digits/onnx]", "leave artifacts out"),
        ("stacks: [triton]", "leave stacks out"),
        ("settings: {instances: 2}", "leave settings out"),
        ("variants: {best: tuned}", "leave variants out"),
        ("cold_start: {processes: 5}", "cold_start is a study of processes on this machine"),
    ],
)
def test_what_services_were_prepared_with_is_refused(tmp_path: Path, given: str, words: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(tmp_path, f"{SUITE}{given}\n")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suite_names_stacks_or_services(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="stacks: Tuple should have at least 1 item"):
        read(tmp_path, "name: mine\nmodels: [digits]\nformats: [onnx]\nscenarios: [{kind: closed}]\n")
    with pytest.raises(SuiteError, match="services: triton is there twice"):
        read(tmp_path, SUITE.replace("[all]", "[triton, triton]"))


def test_as_it_is_stored_with_every_default_it_is_read_again(tmp_path: Path) -> None:
    suite = read(tmp_path)
    assert read(tmp_path, yaml.safe_dump(suite.model_dump(mode="json"))) == suite


def test_where_no_service_was_prepared_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"^no service has been prepared in .*/services: docker compose up -d "):
        select_services(read(tmp_path))


def test_a_suite_without_services_selects_none_and_one_of_services_nothing_else(tmp_path: Path) -> None:
    assert select(read(tmp_path)).pairs == ()
    stacks = SUITE.replace("services: [all]", "models: [digits]\nformats: [onnx]\nstacks: [grpc]")
    assert select_services(read(tmp_path, stacks)) == []


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("all", ["grpc grpc", "triton triton-http", "triton triton-grpc", "triton-gpu triton-http"]),
        ("triton", ["triton triton-http", "triton triton-grpc"]),
        ("triton-gpu, triton-grpc", ["triton-gpu triton-http", "triton-gpu triton-grpc", "triton triton-grpc"]),
    ],
)
def test_a_service_stands_for_its_stacks(tmp_path: Path, named: str, found: list[str]) -> None:
    prepared(tmp_path, "triton", "grpc", "triton-gpu")
    pairs = select_services(read(tmp_path, SUITE.replace("all", named)))
    assert [f"{service.name} {stack}" for service, stack in pairs][: len(found)] == found


def test_an_unknown_name_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    prepared(tmp_path, "triton")
    with pytest.raises(
        SuiteError, match=r"^unknown service 'tritn': choose from all, triton, triton-http, triton-grpc$"
    ):
        select_services(read(tmp_path, SUITE.replace("all", "tritn")))


def test_candidates_are_as_their_services_were_prepared(tmp_path: Path, artifact: Artifact) -> None:
    prepared(artifact.folder, "grpc", "triton-gpu")
    image = Image("org/triton:1", "sha256:01", (), 1, "28")
    pairs = select_services(read(tmp_path, SUITE.replace("all", "grpc, triton-gpu")))
    first, second, third = service_candidates(pairs, (2, 3), {"triton-gpu": image})
    assert (first.title, first.runtime) == ("digits/onnx/fp32 on grpc", "the runtime of grpc")
    assert first.deployment.settings == Settings(instances=3)
    assert (first.deployment.cores, first.deployment.service, first.image) == ((2, 3), "grpc", None)
    assert [each.title for each in (second, third)] == [
        f"digits/onnx/fp32 on {stack} with gpu" for stack in ("triton-http", "triton-grpc")
    ]
    assert (second.image, second.deployment.service) == (image, "triton-gpu")
