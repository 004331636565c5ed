"""Locust's page in a real browser: targets and scenarios are chosen from lists, and nothing else need be said."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from selenium import webdriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from loadtest import records
from loadtest.plan import read_plan
from servers.address import free_ports
from tests import chromium
from tests.conftest import Exported
from tests.integration.loadtest.services import service
from tests.integration.loadtest.test_locust import locust
from tests.integration.loadtest.test_several_engines import local_master

pytestmark = chromium.needs_chromium

_OVER_HTTP, _OVER_GRPC = "127.71.1.1", "127.71.1.2"


class Page:
    """Locust's page as its user sees it."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self._url = url
        self._wait = WebDriverWait(browser, 40)
        urllib3.request("GET", url, retries=urllib3.Retry(40, backoff_factor=0.1))
        browser.get(url)

    def button(self, text: str) -> None:
        """Press a button when it can be seen."""
        self._wait.until(lambda _: [b for b in self._buttons(text) if b.is_enabled()])[0].click()

    def disabled(self, text: str) -> bool:
        return not self._wait.until(lambda _: self._buttons(text))[0].is_enabled()

    def choose(self, name: str, option: str) -> None:
        self._wait.until(lambda _: self._field("select", name))
        Select(self._field("select", name)[0]).select_by_visible_text(option)

    def options(self, name: str) -> list[str]:
        return [option.text for option in Select(self._field("select", name)[0]).options]

    def open_parameters(self) -> None:
        self.button("Custom parameters")
        self._wait.until(lambda _: self._field("select", "target"))

    def stop(self) -> None:
        """Stop the test, and load the page anew: it takes a form away while it still learns that a test has ended."""
        self.button("Stop")
        self._wait.until(lambda _: self._told()["state"] == "stopped")
        self.browser.get(self._url)

    def type(self, name: str, text: str) -> None:
        (field,) = self._field("input", name)
        field.clear()
        field.send_keys(text)

    def await_text(self, pattern: str) -> re.Match[str]:
        """Wait until the page shows it."""
        return self._wait.until(lambda _: re.search(pattern, self.text))

    @property
    def text(self) -> str:
        return self.browser.find_element("tag name", "body").text

    def await_requests(self, more_than: int) -> None:
        """Wait until the table of statistics has a row with so many requests, and the head shows their rate."""
        # For a while the table is still that of the test before; and on a slow machine the page may have learnt from it
        # that the test has ended, and then asks no more: it is loaded anew.
        self._wait.until(lambda _: self._told()["state"] == "running")
        self._wait.until(lambda _: self._told()["stats"][-1]["num_requests"] > more_than)
        self.browser.get(self._url)

        def shown(_: object) -> bool:
            cells = [row.text.split() for row in self.browser.find_elements("css selector", "tbody tr")]
            rows = [row for row in cells if "digits/infer" in row]
            rate = re.search(r"RPS\n([0-9.]+)", self.text)
            return bool(rows and int(rows[0][2]) > more_than and rate and float(rate[1]) > 0)

        self._wait.until(shown)

    def _told(self) -> dict[str, Any]:
        """What Locust tells the page itself."""
        return urllib3.request("GET", f"{self._url}/stats/requests").json()

    def _buttons(self, text: str) -> list:
        found = self.browser.find_elements("css selector", "button")
        return [button for button in found if button.is_displayed() and button.text.lower() == text.lower()]

    def _field(self, kind: str, name: str) -> list:
        found = self.browser.find_elements("css selector", f"{kind}[name={name}]")
        return [field for field in found if field.is_displayed()]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    found = chromium.started(chromium.options(tmp_path / "profile", "--window-size=1300,2400"))
    yield found
    found.quit()


@pytest.fixture
def services(digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two services, one asked over HTTP and one over gRPC."""
    artifact = digits["onnx"]
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    with (
        service(_OVER_HTTP, "fastapi", artifact, tmp_path / "fastapi"),
        service(_OVER_GRPC, "grpc", artifact, tmp_path / "grpc"),
    ):
        yield


def web() -> tuple[str, tuple[str, ...]]:
    port = str(free_ports("127.0.0.1", ("web",))["web"])
    return f"http://127.0.0.1:{port}", ("--web-host", "127.0.0.1", "--web-port", port)


def test_one_target_after_the_other_without_a_host(browser: webdriver.Chrome, services: None, tmp_path: Path):
    url, options = web()
    with locust(tmp_path, *options, "--core", "none") as process:
        while "Starting web interface" not in process.stdout.readline():
            pass
        page = Page(browser, url)
        page.open_parameters()
        assert "host attribute" not in page.text
        assert page.options("target") == [_OVER_HTTP, _OVER_GRPC, "host"]
        assert {"closed", "poisson", "constant", "SingleStream", "Server", "Offline"} <= set(page.options("scenario"))
        page.choose("target", _OVER_HTTP)
        page.choose("scenario", "poisson")
        page.button("Start")
        page.await_requests(100)
        page.stop()
        page.button("New")
        page.open_parameters()
        page.choose("target", _OVER_GRPC)
        page.choose("scenario", "constant")
        page.button("Start")
        page.await_requests(100)
        page.stop()
        process.terminate()
        process.communicate(timeout=30)
    runs = sorted((tmp_path / "records").iterdir())
    plans = [read_plan(run) for run in runs]
    assert [(plan.protocol, plan.scenario.label) for plan in plans] == [
        ("oip-http", "poisson 100/s"),
        ("oip-grpc", "constant 100/s"),
    ]
    for run in runs:
        found = records.read(run / records.NAME)
        assert not found.outcome.any()
        assert found.facts.wrong == 0


def test_what_cannot_be_started_is_told_on_the_page(browser: webdriver.Chrome, services: None, tmp_path: Path):
    url, options = web()
    with locust(tmp_path, *options) as process:
        while "Starting web interface" not in process.stdout.readline():
            pass
        page = Page(browser, url)
        page.open_parameters()
        page.choose("target", "host")
        page.button("Start")
        page.await_text(r"no target: give --host .*, or --target with one of")
        page.type("host", "http://127.0.0.1:1")
        page.choose("target", _OVER_HTTP)
        page.button("Start")
        page.await_text(rf"--target {_OVER_HTTP} says where and what to ask: leave out --host")
        process.terminate()
        process.communicate(timeout=30)
    assert not (tmp_path / "records").exists()


def test_a_master_without_workers_tells_what_is_missing(browser: webdriver.Chrome, services: None, tmp_path: Path):
    url, options = web()
    with locust(tmp_path, "--master", *local_master(), *options) as process:
        while "Starting web interface" not in process.stdout.readline():
            pass
        page = Page(browser, url)
        page.await_text("before at least one worker processes has connected")
        assert page.disabled("Start")
        fields = {"user_count": "1", "spawn_rate": "1", "target": _OVER_HTTP}
        answer = urllib3.request("POST", f"{url}/swarm", fields=fields).json()
        assert not answer["success"]
        assert answer["message"].startswith("no worker has come: start one with")
        process.terminate()
        process.communicate(timeout=30)
