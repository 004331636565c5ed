"""A real browser for tests: Chromium without a screen, with an empty profile, that asks nobody but the test."""

import shutil
from pathlib import Path

import pytest
from selenium import webdriver

_BROWSER, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (_BROWSER and _DRIVER),
    reason="needs Chromium and its driver (Debian: apt-get install chromium chromium-driver)",
)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def options(profile: Path, *flags: str) -> webdriver.ChromeOptions:
    """How to start it, with a profile in a folder that is not there yet."""
    found = webdriver.ChromeOptions()
    found.binary_location = _BROWSER
    for flag in (*_FLAGS, *flags, f"--user-data-dir={profile}"):
        found.add_argument(flag)
    return found


def started(how: webdriver.ChromeOptions) -> webdriver.Chrome:
    """A browser; to be quit."""
    return webdriver.Chrome(options=how, service=webdriver.ChromeService(_DRIVER))
