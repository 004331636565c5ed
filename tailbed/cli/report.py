"""``tailbed report``: the table and the page of an experiment, made anew; of a single run its exact figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from tailbed.results.folder import ExperimentFolder
    from tailbed.results.schema import Summary


@click.command(short_help="Show an experiment's table and write its report page.")
@click.argument("experiment")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
@click.option("--pdf", "as_pdf", is_flag=True, help="Also print the page to report.pdf, by Chromium or Chrome.")
def report(experiment: str, as_json: bool, as_pdf: bool) -> None:
    """Show the results of EXPERIMENT and write report.html from them into its folder.

    An experiment is a results folder, or a name of the history as 'tailbed compare' takes it. A folder may also hold a
    single run, records.parquet and plan.json, as Locust leaves it: then its exact figures and the verdict on it are
    shown.
    """
    from tailbed import history
    from tailbed.cli.inside_table import print_inside
    from tailbed.cli.table import print_summary
    from tailbed.report import write_report
    from tailbed.report.pdf import print_page

    results = history.find(experiment)
    if not results.summary_json.exists() and _holds_run(results.path):
        if as_pdf:
            raise click.UsageError(f"{experiment} holds a single run, which has no page: --pdf is for experiments")
        _show_run(results.path, as_json)
        return
    summary = results.read_summary()
    page = write_report(results)
    pdf = print_page(page) if as_pdf else None
    if as_json:
        click.echo(summary.model_dump_json(indent=2))
        return
    print_summary(summary)
    print_inside(summary)
    _print_decisions(results, summary)
    click.echo(f"report: {page}")
    if pdf:
        click.echo(f"on paper: {pdf}")


def _print_decisions(results: ExperimentFolder, summary: Summary) -> None:
    """Print what was concluded from the experiment, as the command did that measured it."""
    from tailbed.cli.artifact_comparison import print_artifact_comparison
    from tailbed.cli.plan_table import print_plan
    from tailbed.cli.quantization_table import print_study
    from tailbed.cli.recommendation import print_recommendations
    from tailbed.results.decisions import CapacityPlan, QuantizationStudy, Recommendations

    study = results.read_decision(QuantizationStudy)
    # A study that a plan was made from is of another experiment.
    if study is not None and study.experiment is None:
        print_study(study, summary)
    plan = results.read_decision(CapacityPlan)
    if plan is not None:
        print_plan(plan, summary.failures)
    if study is None and plan is None:
        print_artifact_comparison(summary)
    if (recommendations := results.read_decision(Recommendations)) is not None:
        print_recommendations(recommendations, in_full=False)


def _holds_run(folder: Path) -> bool:
    from loadtest import plan, records

    return (folder / records.NAME).exists() and (folder / plan.NAME).exists()


def _show_run(folder: Path, as_json: bool) -> None:
    from rich.console import Console

    from loadtest import records
    from loadtest.plan import read_plan
    from tailbed.analysis.cell import combine
    from tailbed.analysis.run import Subject, summarize
    from tailbed.cli.table import print_cells

    plan = read_plan(folder)
    cell = combine([summarize(records.read(folder / records.NAME), plan, Subject(plan.model, run="."))], blocks=1)
    if as_json:
        click.echo(cell.model_dump_json(indent=2))
        return
    print_cells([cell], Console())
    checked = f"{cell.answers_checked} answers checked" if cell.answers_checked else "answers not checked"
    click.echo(f"{cell.requests} requests in {cell.duration_s:g} s, {checked}")
    click.echo(f"records: {folder / records.NAME}")
