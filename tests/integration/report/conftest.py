"""Browsers for pages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests import chromium

Open = Callable[..., webdriver.Chrome]


@pytest.fixture
def browse(page: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens the module's page in a browser of its own with an empty profile."""
    browsers = []

    def open_page(*, width: int = 1280, scheme: str = "light", scripts: bool = True) -> webdriver.Chrome:
        how = chromium.options(tmp_path / f"profile-{len(browsers)}")
        if not scripts:
            how.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        how.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = chromium.started(how)
        browsers.append(browser)
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get(page.as_uri())
        return browser

    yield open_page
    for browser in browsers:
        browser.quit()
