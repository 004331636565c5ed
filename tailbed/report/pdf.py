"""The report page on paper: printed by an installed browser, which needs no network for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from models import TailbedError
from servers import SupervisedProcess

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
"""Commands of browsers that print the same way, in the order in which they are looked for."""
_TIMEOUT_S = 120.0
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--no-pdf-header-footer",
    "--window-size=1280,900",
)


class PrintError(TailbedError):
    """A page that cannot be printed."""


def print_page(page: Path, *, timeout_s: float = _TIMEOUT_S) -> Path:
    """Print an HTML page beside itself, as ``report.pdf`` of ``report.html``, and return the PDF's path.

    The browser gets a profile folder of its own, and none of its processes is left when this returns.

    Args:
        page: the HTML file.
        timeout_s: after so many seconds it is given up.

    Raises:
        PrintError: there is no browser, or it does not print.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise PrintError(
            "a PDF needs Chromium or Chrome on PATH: install one (Debian: apt-get install chromium),"
            f" or print {page} from your browser"
        )
    with tempfile.TemporaryDirectory(prefix="tailbed-pdf-", ignore_cleanup_errors=True) as scratch:
        made, log = Path(scratch) / "report.pdf", Path(scratch) / "browser.log"
        arguments = [*_FLAGS, f"--user-data-dir={scratch}/profile", f"--print-to-pdf={made}", page.resolve().as_uri()]
        # Chromium's sandbox does not start as root.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        with SupervisedProcess.start([browser, *sandbox, *arguments], log=log) as process:
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                raise PrintError(f"{browser} did not print {page} within {timeout_s:g} s") from None
        if not made.exists() or not made.stat().st_size:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
            raise PrintError(f"{browser} did not print {page} (exit code {code}): {lines[-1]}")
        pdf = page.with_suffix(".pdf")
        try:
            shutil.copyfile(made, pdf)
        except OSError as error:
            raise PrintError(f"{pdf}: cannot be written: {error.strerror}") from error
    return pdf
