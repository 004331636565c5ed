"""``tailbed report``: the table and the page of an experiment, made anew."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Show an experiment's table and write its report page.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
def report(folder: Path, as_json: bool) -> None:
    """Show the results in FOLDER and write FOLDER/report.html from them."""
    from tailbed.cli.inside_table import print_inside
    from tailbed.cli.table import print_summary
    from tailbed.report import write_report
    from tailbed.results.folder import ExperimentFolder

    results = ExperimentFolder(folder)
    summary = results.read_summary()
    page = write_report(results)
    if as_json:
        click.echo(summary.model_dump_json(indent=2))
        return
    print_summary(summary)
    print_inside(summary)
    click.echo(f"report: {page}")
