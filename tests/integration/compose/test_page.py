"""Locust's page of the running compose.yaml, driven in a real browser; Prometheus shows what was done there."""

from pathlib import Path

import pytest
from selenium import webdriver

from loadtest import records
from loadtest.plan import read_plan
from tests import chromium
from tests.containers import Project
from tests.integration.compose.prometheus import asked, eventually
from tests.integration.loadtest.test_locust_page import Page, browser

__all__ = ["browser"]
pytestmark = chromium.needs_chromium


@pytest.mark.timeout(1800)  # it may be the one that builds all images
def test_two_stacks_from_the_page(
    project: Project, ports: dict[str, int], results: Path, browser: webdriver.Chrome
) -> None:
    before = set(results.glob("locust/*"))
    page = Page(browser, f"http://127.0.0.1:{ports['LOCUST_PORT']}")
    for target in ("triton", "torchserve"):
        page.open_parameters()
        page.choose("target", target)
        page.choose("scenario", "poisson")
        page.button("Start")
        page.await_requests(300)
        eventually(
            lambda target=target: bool(
                asked(ports["PROMETHEUS_PORT"], f'sum(target:requests:rate15s{{target="{target}"}}) > 0')
            ),
            f"requests to {target} in Prometheus",
        )
        page.stop()
        page.button("New")
    runs = sorted(set(results.glob("locust/*")) - before)
    assert [read_plan(run).protocol for run in runs] == ["oip-http", "torchserve-rest"]
    for run in runs:
        found = records.read(run / records.NAME)
        assert not found.outcome.any()
        assert found.facts.wrong == 0
