"""The page itself: what is shown, put into the template with its styles, scripts and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.errors import LoadError
from loadtest.records import NAME as RECORDS
from loadtest.records import read
from tailbed.analysis import validity
from tailbed.analysis.cell import FULL_REQUESTS, FULL_SECONDS
from tailbed.analysis.percentiles import sample_floor
from tailbed.report.curves import Curve, percentile_curve, response_ms
from tailbed.report.gaps import missing_cells
from tailbed.report.identity import Identity, in_order, natural, short_names
from tailbed.report.surroundings import date_line, groups, machine_line, read_environment
from tailbed.report.table import COLUMNS, GROUPS, build_table, format_ms
from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.schema import Cell

_POINTS_A_CURVE = 300
_POINTS_A_PAGE = 24_000
"""At about 14 bytes a point: a page of a hundred curves stays well under a megabyte and a half."""
_TABULATED = tuple(map(Fraction, ("0.5", "0.75", "0.9", "0.95", "0.99", "0.999", "0.9999")))


@dataclass(frozen=True)
class Trace:
    """A curve of a panel, or the reason why there is none."""

    cell: Cell
    deployment: int
    """Its place among the page's deployments, which is that of its colour."""
    curve: Curve | None
    lacking: str | None

    def data(self) -> dict[str, Any]:
        """What the page's script draws; only for a trace that has a curve."""
        assert self.curve is not None
        return {
            "deployment": self.deployment,
            "valid": self.cell.validity == "VALID",
            "requests": self.curve.requests,
            "failures": self.curve.failures,
            "quotable": self.curve.quotable,
            "ranks": self.curve.ranks.tolist(),
            "ms": [float(f"{value:.4g}") for value in self.curve.response_ms],
        }


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
    environment = read_environment(folder)
    identities = in_order(map(Identity.of, summary.cells))
    points = min(_POINTS_A_CURVE, max(_POINTS_A_PAGE // max(len(summary.cells), 1), 20))
    deployments = _deployments(identities)
    panels = _panels(folder, summary.cells, identities, points)
    engine = Environment(
        loader=PackageLoader("tailbed", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["milliseconds"] = format_ms
    return engine.get_template("page.html").render(
        summary=summary,
        date=date_line(summary.started),
        machine=machine_line(environment),
        deployments=deployments,
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
        data={"deployments": deployments, **_data(summary.cells, identities, panels)},
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
        },
        style=_asset("page.css"),
        scripts=[_vendored("d3.min.js"), _vendored("plot.umd.min.js"), _asset("page.js")],
    )


def _deployments(identities: Sequence[Identity]) -> list[dict[str, str]]:
    """Name and style classes of each: six colours and four dashes, whose cycles meet again after twenty-four."""
    return [
        {"name": name, "style": f"d{place % 6} s{(place + place // 12) % 4}"}
        for place, name in enumerate(short_names(identities))
    ]


def _panels(
    folder: ExperimentFolder, cells: Sequence[Cell], identities: Sequence[Identity], points: int
) -> dict[str, list[Trace]]:
    """The traces of each scenario, scenarios and deployments in natural order."""
    panels: dict[str, list[Trace]] = {}
    for cell in sorted(cells, key=lambda cell: natural(cell.scenario)):
        panels.setdefault(cell.scenario, []).append(_trace(folder, cell, identities, points))
    return {scenario: sorted(traces, key=lambda trace: trace.deployment) for scenario, traces in panels.items()}


def _trace(folder: ExperimentFolder, cell: Cell, identities: Sequence[Identity], points: int) -> Trace:
    deployment = identities.index(Identity.of(cell))
    if cell.run is None:
        return Trace(cell, deployment, None, "no records were kept")
    try:
        records = read(folder.path / cell.run / RECORDS)
    except LoadError:
        return Trace(cell, deployment, None, "its records file is missing or cannot be read")
    curve = percentile_curve(response_ms(records), points)
    if not len(curve.ranks):
        return Trace(cell, deployment, None, "too few answers for a distribution")
    return Trace(cell, deployment, curve, None)


def _data(cells: Sequence[Cell], identities: Sequence[Identity], panels: dict[str, list[Trace]]) -> dict[str, Any]:
    """What the page's script draws."""
    return {
        "panels": [
            {"scenario": scenario, "curves": [trace.data() for trace in traces if trace.curve]}
            for scenario, traces in panels.items()
        ],
        "cold": [
            {
                "deployment": identities.index(Identity.of(cell)),
                "scenario": cell.scenario,
                "ready": cell.cold_start.ready_ms,
                "first": cell.cold_start.first_answer_ms,
            }
            for cell in sorted(cells, key=lambda cell: natural(cell.scenario))
            if cell.cold_start
        ],
    }


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
