"""The page's colours can be read by everyone, in light and in dark (WCAG 2.2: 1.4.3 and 1.4.11)."""

import re
from importlib import resources

import pytest

_CSS = (resources.files("tailbed.report") / "page.css").read_text(encoding="utf-8")
_LIGHT, _DARK = (dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block)) for block in _CSS.split("@media", 1))


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [_LIGHT, _DARK], ids=["light", "dark"])
def test_contrast(colours: dict[str, str]) -> None:
    for text in ("--ink", "--quiet", "--link", "--alarm"):
        for ground in ("--paper", "--raised", "--notice"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for line in range(6):
        assert contrast(colours[f"--c{line}"], colours["--paper"]) >= 3, line


def test_dark_replaces_every_colour() -> None:
    assert _DARK.keys() == _LIGHT.keys()
