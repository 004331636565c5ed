"""The screen: what a terminal shows of a running experiment, in the lines and columns that it has."""

from __future__ import annotations

from rich.text import Text

from tailbed.cli.live.course import Course, Group
from tailbed.cli.live.words import duration, left, milliseconds, title, verdict

_BAR = 24
_VERDICT = 9
_FIGURE = 9
_FEWEST_COLUMNS = 20
"""That a run's title must have beside its figures; with fewer, these come first."""
_SHOWN_FINDINGS = 6
_STYLES = {"failed": "red", "INVALID": "yellow", "disturbed": "yellow"}


def draw(course: Course, columns: int, lines: int) -> Text:
    """What is shown now, never wider or longer than the terminal.

    First what runs and what is left, which always fits; then what was found, then the last results, as many as there is
    room for.
    """
    # Left to the cursor are a column and a line, and a line to what may be said above.
    columns, lines = max(columns - 1, 1), max(lines - 2, 1)
    head = _head(course, columns)
    room = max(lines - len(head), 0)
    findings = _findings(course)[: max(room // 2, 0)]
    results = _results(course, columns, room - len(findings))
    rows = [*head, *results, *findings][:lines]
    for row in rows:
        row.truncate(columns, overflow="ellipsis")
    return Text("\n", no_wrap=True).join(rows)


def _head(course: Course, columns: int) -> list[Text]:
    measured = f"{course.finished} of {course.total} runs" if course.total else f"{course.finished} runs"
    if course.total is None:
        # Before the first run, or where the number of runs depends on what they show.
        measured = f"{measured}, as many as it takes" if course.finished or course.current else "before the runs"
    times = ", ".join(filter(None, [left(course.left_s()), f"{duration(course.elapsed_s())} gone"]))
    name = course.suite.name if course.suite else "experiment"
    bar = Text()
    if course.total:
        share = min((course.finished + (course.share if course.current else 0.0)) / course.total, 1.0)
        whole = min(_BAR, columns // 4)
        full = round(share * whole)
        bar = Text.assemble(("━" * full, "green"), ("━" * (whole - full), "dim"), f" {share:.0%}  ")
    # What changes first, where a narrow terminal cuts nothing off.
    now = course.doing or (f"{course.share:4.0%} {title(course.current)}" if course.current else "")
    return [
        Text.assemble((name, "bold"), f"  {measured}"),
        bar + Text(times),
        Text.assemble(("now ", "dim"), now),
    ]


def _results(course: Course, columns: int, room: int) -> list[Text]:
    shown = list(course.last)[-(room - 1) :] if room > 1 else []
    if not shown:
        return []
    width = columns - _VERDICT - 2 * _FIGURE
    wide = width >= _FEWEST_COLUMNS
    heading = Text("last".ljust(columns - 2 * _FIGURE) + "P50 ms".rjust(_FIGURE) + "P99 ms".rjust(_FIGURE), "dim")
    rows = [heading if wide else Text("last", "dim")]
    for run, outcome in reversed(shown):
        word, style = verdict(outcome)
        row = Text(word.ljust(_VERDICT), style)
        name = Text(title(run))
        figures = (None, None) if isinstance(outcome, str) else (outcome.p50_ms, outcome.p99_ms)
        told = [milliseconds(figure) for figure in figures]
        if wide:
            name.truncate(width, overflow="ellipsis", pad=True)
            rows.append(row + name + Text("".join(text.rjust(_FIGURE) for text in told)))
        else:
            # Figures first, where a narrow terminal would cut them off.
            rows.append(row + Text(" ".join(told) + " ") + name)
    return rows


def _findings(course: Course) -> list[Text]:
    groups = sorted(course.found.values(), key=lambda group: -group.count)
    if not groups:
        return []
    shown = [
        (f"{each.count:3d} ", (each.verdict, _STYLES.get(each.verdict, "")), f"  {each.reason}") for each in groups
    ]
    rows = [Text("found so far", "dim"), *(Text.assemble(*parts) for parts in shown[:_SHOWN_FINDINGS])]
    if rest := groups[_SHOWN_FINDINGS:]:
        rows.append(Text(f"{sum(group.count for group in rest):3d} others", "dim"))
    return rows


def _finding(group: Group) -> Text:
    style = _STYLES.get(group.verdict, "")
    return Text.assemble(f"{group.count:3d} ", (group.verdict, style), f"  {group.reason}")
