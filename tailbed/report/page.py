"""The page itself: what is shown, put into the template with its styles, scripts and data."""

from __future__ import annotations

from fractions import Fraction
from importlib import resources
from pathlib import Path
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tailbed.analysis import validity
from tailbed.analysis.intervals import FEWEST_RUNS
from tailbed.analysis.percentiles import sample_floor
from tailbed.analysis.run import FULL_REQUESTS, FULL_SECONDS
from tailbed.artifact_comparison import compare_artifacts
from tailbed.report.gaps import missing_cells
from tailbed.report.panels import build_panels, picture_data
from tailbed.report.starts import studied
from tailbed.report.surroundings import date_line, groups, machine_line
from tailbed.report.table import COLUMNS, GROUPS, build_table, format_ms
from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.identity import Identity, in_order, short_names

_STYLES = ("page", "table", "pictures", "print")
_LIBRARIES = ("d3.min.js", "plot.umd.min.js")
_SCRIPTS = ("elements", "table", "distributions", "cursor", "legend", "cold_start", "page")
_POINTS_A_CURVE = 300
_POINTS_A_PAGE = 24_000
"""At about 14 bytes a point: a page of a hundred curves stays well under a megabyte and a half."""
_TABULATED = tuple(map(Fraction, ("0.5", "0.75", "0.9", "0.95", "0.99", "0.999", "0.9999")))


def write_report(folder: ExperimentFolder) -> Path:
    """Write the report page of an experiment, complete or not, and return its path.

    The page needs nothing but itself: no network, no other file, and no JavaScript for its figures. Its links to
    raw files are relative, so the folder can be moved as a whole.

    Raises:
        ResultsError: the folder holds no summary, or the page cannot be written.
    """
    html = _render(folder)
    try:
        folder.report.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{folder.report}: cannot be written: {error.strerror}") from error
    return folder.report


def _render(folder: ExperimentFolder) -> str:
    summary = folder.read_summary()
    environment = folder.read_environment()
    identities = in_order(map(Identity.of, summary.cells))
    points = min(_POINTS_A_CURVE, max(_POINTS_A_PAGE // max(len(summary.cells), 1), 20))
    panels = build_panels(folder, summary.cells, identities, points)
    engine = Environment(
        loader=PackageLoader("tailbed", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["milliseconds"] = format_ms
    engine.filters["median"] = median
    return engine.get_template("page.html").render(
        summary=summary,
        date=date_line(summary.started),
        machine=machine_line(environment),
        quick=[cell for cell in summary.cells if cell.mode == "quick"],
        missing=missing_cells(folder, summary),
        columns=COLUMNS,
        column_groups=GROUPS,
        table=build_table(folder, summary.cells),
        panels=panels,
        points=points,
        tabulated=_TABULATED,
        environment=groups(environment),
        suite=_suite_text(folder),
        data=picture_data(summary.cells, summary.cold_starts, identities, panels),
        names=dict(zip(identities, short_names(identities), strict=True)),
        identity=Identity.of,
        studied=studied,
        artifacts=compare_artifacts(summary),
        limits={
            "requests": FULL_REQUESTS,
            "seconds": FULL_SECONDS,
            "p99": sample_floor(0.99),
            "p999": sample_floor(0.999),
            "rate": validity.RATE_TOLERANCE,
            "lag_ms": validity.LAG_FLOOR_MS,
            "lag_share": validity.LAG_SHARE,
            "busy": validity.BUSY_LIMIT,
            "errors": validity.ERROR_LIMIT,
            "runs": FEWEST_RUNS,
        },
        styles=[_asset(f"{name}.css") for name in _STYLES],
        scripts=[*map(_vendored, _LIBRARIES), *(_asset(f"{name}.js") for name in _SCRIPTS)],
    )


def _suite_text(folder: ExperimentFolder) -> str | None:
    try:
        return folder.suite.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _asset(name: str) -> Markup:
    """A file of this package that goes into the page as it stands; it is ours or vendored, so it is trusted."""
    return Markup((resources.files("tailbed.report") / name).read_text(encoding="utf-8"))  # noqa: S704


def _vendored(name: str) -> Markup:
    """A library with its licence, which asks to go wherever copies go."""
    licence = _asset(f"vendor/{name.partition('.')[0]}.LICENSE")
    return Markup("/*!\n{}*/\n{}").format(licence, _asset(f"vendor/{name}"))
