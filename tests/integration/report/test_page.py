"""The report page in a real browser: it asks for nothing, and its table and pictures answer pointer and keyboard."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement

from tailbed.report import write_report
from tests import chromium
from tests.integration.report.conftest import Open
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records

pytestmark = chromium.needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two deployments under two scenarios, one of the four runs INVALID."""
    cells = [
        make_cell(p99_ms=None, run="runs/1", missing={"p99_ms": "insufficient: 500"}),
        make_cell(p99_ms=10.25, run="runs/2", server="grpc", protocol="grpc"),
        make_cell(p99_ms=9.5, run="runs/3", scenario="poisson 800/s"),
        make_cell(
            p99_ms=2.5,
            run="runs/4",
            scenario="poisson 800/s",
            server="grpc",
            protocol="grpc",
            validity="INVALID",
            reasons=["achieved 700/s of 800/s offered: off by more than 1%"],
        ),
    ]
    folder = make_folder(tmp_path_factory.mktemp("report") / "results", cells)
    for place, cell in enumerate(cells):
        write_records(folder, cell, make_records(np.linspace(1, 2 + place, 2000)))
    return write_report(folder)


def column(browser: webdriver.Chrome, heading: str) -> list[str]:
    """The entries under the first heading of that name, from top to bottom; a note's letter ends an entry."""
    headings = [entry.text for entry in browser.find_elements("css selector", ".results .keys th")]
    rows = browser.find_elements("css selector", ".results tbody tr:first-child")
    return [row.find_elements("css selector", "th, td")[headings.index(heading)].text for row in rows]


def heading(browser: webdriver.Chrome, name: str) -> WebElement:
    return next(b for b in browser.find_elements("css selector", ".results .keys button") if b.text == name)


def test_it_loads_without_error_and_asks_for_nothing(browse: Open, page: Path) -> None:
    browser = browse()
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    # What the browser's own new tab asks for is not on the network either.
    assert {url for url in asked if not url.startswith(("chrome://", "data:"))} == {page.as_uri()}
    assert len(browser.find_elements("css selector", ".section-distributions .plot svg .curve")) == 8, (
        "four curves in two parts"
    )
    assert browser.find_elements("css selector", ".section-cold_start svg .bar")


def test_it_sorts_by_click_and_what_is_missing_comes_last(browse: Open) -> None:
    browser = browse()
    heading(browser, "P99").click()
    assert column(browser, "P99") == ["2.500", "9.500", "10.250", "insufficienta"]
    heading(browser, "P99").click()
    assert column(browser, "P99") == ["10.250", "9.500", "2.500", "insufficienta"]
    sorted_by = browser.find_elements("css selector", ".results .keys [aria-sort]")
    assert [(head.text, head.get_attribute("aria-sort")) for head in sorted_by] == [("P99", "descending")]
    invalid = browser.find_element("css selector", "tbody.invalid")
    assert "off by more than 1%" in invalid.text, "the reasons stay with their row"


def test_it_sorts_by_keyboard(browse: Open) -> None:
    browser = browse()
    keys = ActionChains(browser)
    for _ in range(80):
        keys.send_keys(Keys.TAB).perform()
        if browser.switch_to.active_element == heading(browser, "Server"):
            break
    keys.send_keys(Keys.ENTER).perform()
    assert column(browser, "Server") == ["fastapi", "fastapi", "grpc", "grpc"]
    keys.send_keys(Keys.SPACE).perform()
    assert column(browser, "Server") == ["grpc", "grpc", "fastapi", "fastapi"]


def test_the_pointer_shows_what_every_curve_says(browse: Open) -> None:
    browser = browse()
    plot, other = browser.find_elements("css selector", ".section-distributions .plot")
    tip = plot.find_element("css selector", ".tip")
    assert not tip.is_displayed()
    ActionChains(browser).move_to_element(plot.find_element("css selector", "svg")).perform()
    assert tip.is_displayed()
    caption, *lines = tip.text.splitlines()
    assert caption.startswith("P9")
    assert [line.split()[0] for line in lines] == ["grpc", "fastapi"], "slowest first"
    assert all(line.endswith("ms") for line in lines)
    ActionChains(browser).move_to_element(other.find_element("css selector", "svg")).perform()
    assert not tip.is_displayed()
    assert "grpc (INVALID)" in other.find_element("css selector", ".tip").text


def test_the_arrow_keys_move_between_percentiles(browse: Open) -> None:
    browser = browse()
    plot = browser.find_element("css selector", ".section-distributions .plot")
    browser.execute_script("arguments[0].focus()", plot)
    tip = plot.find_element("css selector", ".tip")
    assert tip.text.splitlines()[0] == "P99"
    # Of 2,000 evenly spaced from 1 to 2 ms, the nearest rank of P99 is 1,980.
    assert f"fastapi {1 + 1979 / 1999:.2f} ms" in tip.text
    assert plot.get_attribute("aria-valuetext") == f"P99: grpc {1 + 2 * 1979 / 1999:.2f} ms, fastapi 1.99 ms"
    ActionChains(browser).send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT).perform()
    assert tip.text.splitlines()[0] == "P90"
    ActionChains(browser).send_keys(Keys.END).perform()
    assert tip.text.splitlines()[0] == "P99.95"
    assert "(2.00 ms)" in tip.text, "in brackets where it may not be quoted"
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


def test_the_legend_lights_a_deployment_up(browse: Open) -> None:
    browser = browse()
    (button,) = (
        b for b in browser.find_elements("css selector", ".section-distributions .legend button") if b.text == "grpc"
    )
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    lit = browser.find_elements("css selector", ".highlighting .curve.lit")
    assert len(lit) == 4, "both parts of its curve in both panels"
    assert all("of-1" in curve.get_attribute("class") for curve in lit)


def test_an_invalid_run_is_marked_in_the_picture(browse: Open) -> None:
    browser = browse()
    first, second = browser.find_elements("css selector", ".section-distributions .plot svg")
    assert "INVALID" not in first.text
    assert "INVALID" in second.text
    (opacity,) = {
        curve.value_of_css_property("opacity") for curve in second.find_elements("css selector", ".curve.invalid")
    }
    assert float(opacity) < 1


def test_dark_and_light_follow_the_system(browse: Open) -> None:
    def lightness(browser: webdriver.Chrome, selector: str, name: str) -> int:
        colour = browser.find_element("css selector", selector).value_of_css_property(name)
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    browser = browse(scheme="dark")
    assert lightness(browser, "body", "background-color") < 150 < 600 < lightness(browser, "body", "color")
    dark_line = lightness(browser, ".curve.valid", "stroke")
    media = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    assert lightness(browser, "body", "background-color") > 700
    assert lightness(browser, ".curve.valid", "stroke") < dark_line, "the pictures follow without being drawn anew"


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_the_page_never_scrolls_sideways(browse: Open, width: int) -> None:
    browser = browse(width=width)
    for plot in browser.find_elements("css selector", ".section-distributions .plot"):
        browser.execute_script("arguments[0].focus()", plot)
        assert plot.find_element("css selector", ".tip").is_displayed()
        wide, room = browser.execute_script(
            "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
        )
        assert wide <= room


def test_without_javascript_it_says_where_the_figures_are(browse: Open) -> None:
    browser = browse(scripts=False)
    assert "9.500" in browser.page_source
    told = browser.find_element("css selector", ".section-distributions .plot noscript")
    assert "The picture needs JavaScript" in told.get_property("textContent")
    assert told.rect["height"] > 0
    assert browser.find_elements("css selector", ".results .keys button") == []
