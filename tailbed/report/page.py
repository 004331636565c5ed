"""The page itself: its sections in order, put into the template with their styles, scripts and data."""

from __future__ import annotations

from importlib import import_module, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tailbed.analysis.intervals import FEWEST_RUNS
from tailbed.analysis.percentiles import sample_floor
from tailbed.analysis.run import FULL_REQUESTS, FULL_SECONDS
from tailbed.report.environment.data import date_line, machine_line
from tailbed.report.results.gaps import missing_cells
from tailbed.report.section import Section
from tailbed.report.shared import text
from tailbed.report.source import Source
from tailbed.results.folder import ExperimentFolder, ResultsError

_SECTIONS = (
    "answer",
    "capacity",
    "quantization",
    "ranking",
    "rates",
    "distributions",
    "results",
    "cold_start",
    "inside",
    "artifacts",
    "floor",
    "method",
    "reasons",
    "environment",
)
_LIBRARIES = ("d3.min.js", "plot.umd.min.js")
_REPORT = resources.files("tailbed.report")


def write_report(folder: ExperimentFolder) -> Path:
    """Write the report page of an experiment, complete or not, and return its path.

    The page needs nothing but itself: no network, no other file, and no JavaScript for its figures. Its links to
    raw files are relative, so the folder can be moved as a whole.

    Raises:
        ResultsError: the folder holds no summary, a file of it is broken, or the page cannot be written.
    """
    html = _render(Source.read(folder))
    try:
        folder.report.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{folder.report}: cannot be written: {error.strerror}") from error
    return folder.report


def _render(source: Source) -> str:
    summary = source.summary
    sections = _prepare(source)
    data = {
        # Six colours and four dashes, whose cycles meet again after twenty-four.
        "deployments": [
            {"name": name, "style": f"d{place % 6} s{(place + place // 12) % 4}"}
            for place, name in enumerate(source.names.values())
        ],
        "sections": {name: section.data for name, section in sections.items() if section.data is not None},
    }
    return (
        _engine()
        .get_template("page.html")
        .render(
            summary=summary,
            source=source,
            sections=sections,
            data=data,
            deployments=data["deployments"],
            date=date_line(summary.started),
            machine=machine_line(source.environment),
            quick=[cell for cell in summary.cells if cell.mode == "quick"],
            missing=missing_cells(source.folder, summary),
            limits={
                "requests": FULL_REQUESTS,
                "seconds": FULL_SECONDS,
                "p99": sample_floor(0.99),
                "p999": sample_floor(0.999),
                "runs": FEWEST_RUNS,
            },
            styles=[*_files(_REPORT, "page.css"), *_files(_REPORT / "shared", ".css"), *_files(_REPORT, "print.css")],
            libraries=[*map(_vendored, _LIBRARIES), *_files(_REPORT / "shared", ".js")],
            scripts={name: _files(_REPORT / name, ".js") for name in sections},
            start=_files(_REPORT, "page.js"),
        )
    )


def _prepare(source: Source) -> dict[str, Section]:
    """The sections that have something to show, by name."""
    prepared = {name: import_module(f"tailbed.report.{name}.data").prepare(source) for name in _SECTIONS}
    return {name: section for name, section in prepared.items() if section is not None}


def _engine() -> Environment:
    engine = Environment(
        loader=PackageLoader("tailbed", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters |= {
        "milliseconds": text.format_ms,
        "rate": text.format_rate,
        "money": text.format_money,
        "percent": text.format_percent,
        "signed_percent": text.format_signed_percent,
        "size": text.format_bytes,
        "median": median,
    }
    return engine


def _files(folder: Traversable, ending: str) -> list[Markup]:
    """Files of this package that go into the page as they stand; they are ours, so they are trusted."""
    found = sorted((each for each in folder.iterdir() if each.name.endswith(ending)), key=lambda each: each.name)
    return [Markup(each.read_text(encoding="utf-8")) for each in found]  # noqa: S704


def _vendored(name: str) -> Markup:
    """A library with its licence, which asks to go wherever copies go."""
    vendor = _REPORT / "vendor"
    (licence,), (library,) = _files(vendor, f"{name.partition('.')[0]}.LICENSE"), _files(vendor, name)
    return Markup("/*!\n{}*/\n{}").format(licence, library)
