"""The pictures of conclusions in a real browser: what they mark, and what they say by pointer, keyboard and touch."""

import json
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement

from tailbed.report import write_report
from tests import chromium
from tests.integration.report.conftest import Open
from tests.unit.report.decisions import make_plan, make_recommendation, make_recommendations, make_study
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records

pytestmark = chromium.needs_chromium

PICTURES = ("ranking", "rates", "capacity", "quantization", "distributions", "cold_start", "inside")
TEXTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (colour) => {
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = colour.slice(0, 3).map((c) => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
  if (node.closest("script, style, noscript, .hidden")) continue;
  if (node.closest(".curve, .end")) continue; // marks, not text
  const style = getComputedStyle(node);
  const [a, b] = [light(rgb(node.closest("svg") ? style.fill : style.color)), light(ground(node))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found.push([contrast, node.tagName, walker.currentNode.data.trim().slice(0, 40)]);
}
return found;
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all its sections."""
    cells = [
        make_cell(run="runs/1", queue_mean_ms=0.1, compute_mean_ms=0.2),
        make_cell(p99_ms=9.0, run="runs/2", format="torchscript", runtime="torchscript"),
        make_cell(p99_ms=5.0, scenario="poisson 800/s", offered_rate=800.0, validity="INVALID", reasons=["late"]),
    ]
    folder = make_folder(tmp_path_factory.mktemp("report") / "results", cells)
    for cell in cells[:2]:
        write_records(folder, cell, make_records(np.linspace(1, 3, 2000)))
    folder.write_decision(make_plan())
    folder.write_decision(make_study())
    folder.write_decision(make_recommendations(make_recommendation()))
    return write_report(folder)


def plot(browser: webdriver.Chrome, section: str, place: int = 0) -> WebElement:
    return browser.find_elements("css selector", f".section-{section} .plot")[place]


def unfold(browser: webdriver.Chrome) -> None:
    browser.execute_script("document.querySelectorAll('details').forEach((folded) => (folded.open = true))")


def test_every_picture_is_drawn_without_an_error_or_a_request(browse: Open, page: Path) -> None:
    browser = browse()
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith(("chrome://", "data:"))} == {page.as_uri()}
    for section in PICTURES:
        for place in browser.find_elements("css selector", f".section-{section} .plot"):
            assert place.find_elements("css selector", "svg"), section


def test_what_held_what_did_not_and_what_has_no_figure_look_different(browse: Open) -> None:
    picture = plot(browse(), "rates")
    assert (
        len(picture.find_elements("css selector", "g.mark.full:not(.highest) circle, g.mark.full:not(.highest) path"))
        == 5
    )
    assert len(picture.find_elements("css selector", "g.mark.hollow circle, g.mark.hollow path")) == 3
    assert picture.text.count("\N{MULTIPLICATION SIGN}") == 1
    assert len(picture.find_elements("css selector", ".highest path")) == 1
    assert "objective 5.00 ms" in picture.text


def test_the_frontier_is_joined_and_named(browse: Open) -> None:
    picture = plot(browse(), "quantization")
    assert len(picture.find_elements("css selector", "g.whole.full circle")) == 2
    assert len(picture.find_elements("css selector", "g.whole.hollow circle")) == 1
    assert picture.find_elements("css selector", ".frontier path")
    assert {text.text for text in picture.find_elements("css selector", ".labels text.first")} == {
        "onnx fp32",
        "onnx int8-static",
    }


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("ranking", "onnx"),
        ("rates", "P99"),
        ("capacity", "client"),
        ("quantization", "accuracy"),
        ("inside", "queue 0.100 ms, compute 0.200 ms"),
    ],
)
def test_the_nearest_point_says_its_figures_to_the_pointer(browse: Open, section: str, said: str) -> None:
    browser = browse()
    picture = plot(browser, section)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    tip = picture.find_element("css selector", ".tip")
    assert not tip.is_displayed()
    ActionChains(browser).move_to_element(picture.find_element("css selector", "svg")).perform()
    assert tip.is_displayed()
    assert said in tip.text


def test_the_arrow_keys_go_from_point_to_point(browse: Open) -> None:
    browser = browse()
    picture = plot(browser, "rates")
    browser.execute_script("arguments[0].focus()", picture)
    tip = picture.find_element("css selector", ".tip")
    assert "100/s" in tip.text
    ActionChains(browser).send_keys(Keys.END).perform()
    assert tip.text.splitlines() == ["onnx · fp32", "3,000/s, no P99", "INVALID, search", "saturated: it held 2,610/s"]
    assert picture.get_attribute("aria-valuetext") == "; ".join(tip.text.splitlines())
    assert picture.get_attribute("aria-valuenow") == picture.get_attribute("aria-valuemax") == "9"
    ActionChains(browser).send_keys(Keys.ARROW_LEFT).perform()
    assert "2,500/s, P99 6.30 ms" in tip.text
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


def test_touch_shows_a_point_too(browse: Open) -> None:
    browser = browse(width=360)
    picture = plot(browser, "quantization")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    box = browser.execute_script("const b = arguments[0].getBoundingClientRect(); return [b.left, b.top]", picture)
    point = {"x": box[0] + 60, "y": box[1] + 60}
    browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert "onnx" in browser.execute_script("return arguments[0].querySelector('.tip').textContent", picture)


def test_every_table_sorts(browse: Open) -> None:
    browser = browse()
    unfold(browser)
    table = browser.find_element("css selector", ".section-quantization .figures")

    def names() -> list[str]:
        return [row.text for row in table.find_elements("css selector", "tbody th")]

    heading = next(b for b in table.find_elements("css selector", ".keys button") if b.text.startswith("P99, ms"))
    heading.click()
    assert names() == ["onnx int8-static", "onnx int8-dynamic", "onnx fp32"]
    heading.click()
    assert names() == ["onnx fp32", "onnx int8-dynamic", "onnx int8-static"]
    assert all(
        table.find_elements("css selector", ".keys button")
        for table in browser.find_elements("css selector", "table.sortable")
    )


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_the_page_never_scrolls_sideways_with_all_unfolded(browse: Open, width: int) -> None:
    browser = browse(width=width)
    unfold(browser)
    for picture in browser.find_elements("css selector", ".plot"):
        browser.execute_script("arguments[0].focus()", picture)
        wide, room = browser.execute_script(
            "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
        )
        assert wide <= room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browse: Open, scheme: str) -> None:
    browser = browse(scheme=scheme)
    unfold(browser)
    texts = browser.execute_script(TEXTS)
    assert len(texts) > 300
    assert [text for text in texts if text[0] < 4.5] == []


def test_whatever_can_be_reached_by_keyboard_has_a_name_and_a_role(browse: Open) -> None:
    browser = browse()
    unfold(browser)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    reached = [
        node
        for node in tree
        if not node.get("ignored")
        and any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))
        and node["role"]["value"] not in ("RootWebArea",)
    ]
    assert len(reached) > 60
    nameless = [node["role"]["value"] for node in reached if not node.get("name", {}).get("value")]
    assert nameless == []
    roles = {node["role"]["value"] for node in reached}
    assert {"slider", "button", "link", "region"} <= roles
    assert "generic" not in roles


def test_on_paper_everything_is_unfolded(browse: Open) -> None:
    browser = browse()
    folded = browser.find_elements("css selector", "details:not([open])")
    assert folded
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.find_elements("css selector", "details:not([open])") == []
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(browser.find_elements("css selector", "details:not([open])")) == len(folded)
