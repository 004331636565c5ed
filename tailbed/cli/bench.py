"""``tailbed bench``: a suite from exports to the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click


@click.command(short_help="Run a suite: export, serve, load, compare.")
@click.argument("suite", default="quick")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: results/SUITE-TIME]")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else on standard output.")
def bench(suite: str, out: Path | None, as_json: bool) -> None:
    """Run SUITE, a YAML file or the name of a suite that comes with tailbed.

    Every cell is measured on a fresh server process. Results are on disk after every run; a stopped experiment keeps
    what it measured, marked as incomplete.
    """
    from exporters import ArtifactStore
    from tailbed.cli.progress import ExperimentProgress
    from tailbed.cli.table import print_summary
    from tailbed.experiment.experiment import Experiment, order_runs
    from tailbed.experiment.exporting import export_artifact
    from tailbed.experiment.placement import place
    from tailbed.report import write_report
    from tailbed.results.folder import ExperimentFolder
    from tailbed.suite import read_suite

    plan = read_suite(suite)
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = ExperimentFolder.create(out or Path("results") / f"{plan.name}-{time}")
    store = ArtifactStore()
    with ExperimentProgress() as progress:
        artifacts = []
        for model, format, precision in plan.artifact_refs():
            progress.exporting(f"{model}/{format}/{precision}")
            artifacts.append(export_artifact(model, format, precision, store))
        experiment = Experiment(plan, order_runs(plan, artifacts), folder, place())
        progress.measuring(experiment.runs)
        try:
            experiment.measure(progress)
        finally:
            write_report(folder)
            click.echo(f"results: {folder.path}", err=True)
    summary = folder.read_summary()
    if as_json:
        click.echo(summary.model_dump_json(indent=2))
        return
    print_summary(summary)
    click.echo(f"report: {folder.report}")
