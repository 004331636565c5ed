"""``tailbed history``: what was ever measured here, and how a cell's figures went over time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click


class _WithoutName(click.Group):
    """A group whose command ``show`` needs no name: ``tailbed history digits x1`` is one of its uses."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name there where no other is."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithoutName, short_help="List all experiments, follow a cell over time, export.")
def history() -> None:
    """What was measured on this machine, newest first; with WORDS of a cell's name, that cell over time.

    \b
    tailbed history
    tailbed history digits onnx fastapi closed x1 --figure p99
    tailbed history --sql "SELECT name, p99_ms FROM runs WHERE validity = 'VALID'"

    Without a command's name it is 'show' ('tailbed history show --help'). Experiments are recorded when they end, in
    a Parquet file each under $TAILBED_HOME/history.
    """


@history.command(short_help="List the experiments; with WORDS, a cell over time. The default.")
@click.argument("words", nargs=-1)
@click.option("--cell", help="The same as WORDS, in one.")
@click.option("--figure", default="p99", show_default=True, help="Which figure of the cell; 'p50', 'throughput' ...")
@click.option("--suite", help="Only experiments of this suite.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Changes smaller than this share are not marked.",
)
@click.option("--sql", help="The answer to a SELECT statement over the table 'runs', a row a run.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON and nothing else.")
def show(
    words: tuple[str, ...],
    cell: str | None,
    figure: str,
    suite: str | None,
    tolerance: float,
    sql: str | None,
    as_json: bool,
) -> None:
    """List the experiments, newest first, or the trend of every cell that has all of WORDS in its name.

    A trend has a line an experiment, and a mark where the figure's level changed, with what else changed there. Steady
    cells are marked with a probability of 5% by chance; changes that come and go with the machine's mood are more.
    """
    from tailbed.cli.trend import print_experiments, print_trends
    from tailbed.history.experiments import experiments
    from tailbed.history.figures import figure as figure_named
    from tailbed.history.sql import ask
    from tailbed.history.store import store
    from tailbed.history.trend import trends

    chosen = " ".join([*words, *([cell] if cell else [])])
    if sql is not None:
        if chosen or suite:
            raise click.UsageError("--sql says itself what it asks for: give nothing else")
        answer = ask(sql)
        if as_json:
            _json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
        else:
            _print_rows(answer.columns, answer.rows)
    elif chosen:
        found = trends(chosen, figure_named(figure), suite, tolerance)
        if as_json:
            _json([asdict(trend) for trend in found])
        else:
            print_trends(found)
    else:
        listed = experiments(suite)
        if as_json:
            _json([{**asdict(each), "gone": each.gone} for each in listed])
        elif listed:
            print_experiments(listed)
        else:
            of = f" of the suite {suite!r}" if suite else ""
            click.echo(f"no experiment{of} in {store()}: 'tailbed bench' makes one, 'tailbed history add' takes one in")


@history.command(short_help="Take an experiment's folder into the history.")
@click.argument("folder", type=click.Path(path_type=Path))
def add(folder: Path) -> None:
    """Take the experiment in FOLDER into the history, such as one that was measured elsewhere.

    The same experiment replaces itself: so a folder that was moved is found again.
    """
    from tailbed import history
    from tailbed.results.folder import ExperimentFolder

    row = history.add(ExperimentFolder(folder))
    click.echo(f"{row['name']}: {row['folder']}")


@history.command(short_help="Take an experiment out of the history.")
@click.argument("name")
def forget(name: str) -> None:
    """Take the experiment NAME out of the history. Its results folder stays."""
    from tailbed import history

    found = history.called(name, history.experiments())
    history.forget(found.experiment)
    click.echo(f"{found.name}: forgotten; its results stay in {found.folder}")


@history.command(short_help="Write all runs to a file, or to MLflow.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--mlflow", "uri", help="MLflow's tracking server, such as http://127.0.0.1:5000, instead of a file.")
def export(file: Path | None, uri: str | None) -> None:
    """Write every run to FILE, as .csv or .parquet by its ending; or to MLflow tracking, where those that it has stay.

    A folder as MLflow's store needs MLFLOW_ALLOW_FILE_STORE=true, and a database such as sqlite:///mlflow.db the whole
    of MLflow (pip install mlflow).
    """
    from tailbed.history.export import export_file
    from tailbed.history.mlflow import export_mlflow

    if (file is None) == (uri is None):
        raise click.UsageError("name a FILE, or a server with --mlflow")
    if file is not None:
        click.echo(f"{file}: {export_file(file)} runs")
    elif uri is not None:
        done = export_mlflow(uri)
        there = f"; {done.there} were there already" if done.there else ""
        click.echo(f"{uri}: {done.written} runs{there}")


def _json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


def _print_rows(columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(_shown, row))
    Console().print(table)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
