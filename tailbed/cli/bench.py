"""``tailbed bench``: a suite from exports to the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

EXIT_FAILED = 1
"""Some runs could not be measured at all. Those that were, and are INVALID, do not count: they are results."""


@click.command(short_help="Run a suite: export, serve, load, compare.")
@click.argument("suite", required=False)
@click.option(
    "--artifact",
    "refs",
    multiple=True,
    help="Serve this one, such as digits/tflite/int8-static, instead of the suite's own; may be given several times.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: results/SUITE-TIME]")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with the experiment in this folder.")
@click.option("--blocks", type=click.IntRange(1, 1000), help="Runs of every cell, instead of the suite's own number.")
@click.option("--aa", is_flag=True, help="Measure every deployment against itself: the noise floor of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else on standard output.")
def bench(
    suite: str | None,
    refs: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    blocks: int | None,
    aa: bool,
    as_json: bool,
) -> None:
    """Run SUITE, a YAML file or the name of a suite that comes with tailbed; quick by default.

    Every run is on a fresh server process, and each block has every cell once. Servers in containers, as those of the
    suite compose, are restarted for it where the container engine's socket is given. Results are on disk after every
    run; a stopped experiment keeps what it measured, and --resume measures what is missing.
    """
    from exporters import ArtifactStore
    from tailbed.cli.artifact_comparison import print_artifact_comparison
    from tailbed.cli.inside_table import print_inside
    from tailbed.cli.progress import ExperimentProgress
    from tailbed.cli.table import print_summary
    from tailbed.experiment.core_stalls import measure_stalls
    from tailbed.experiment.experiment import Experiment
    from tailbed.experiment.exporting import export_all
    from tailbed.experiment.placement import Placement, permitted_niceness, place
    from tailbed.experiment.services import Services
    from tailbed.report import write_report
    from tailbed.results.folder import ExperimentFolder
    from tailbed.suite import candidates, check_traces, read_suite, select, select_services

    if resume is not None:
        if suite or refs or out or blocks or aa:
            raise click.UsageError("--resume goes on with what the folder holds: give nothing else")
        folder = ExperimentFolder(resume)
        folder.read_summary()
        plan = read_suite(str(folder.suite))
        selection, services = select(plan), Services.find(select_services(plan))
    else:
        plan = read_suite(suite or "quick")
        plan = plan.model_copy(update={"blocks": blocks or plan.blocks, "arms": 2 if aa else plan.arms})
        if refs and plan.services:
            raise click.UsageError("--artifact: services serve what they were prepared with")
        plan = plan.serving(refs) if refs else plan
        time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        check_traces(plan)
        selection, services = select(plan), Services.find(select_services(plan))
        folder = ExperimentFolder.create(out or Path("results") / f"{plan.name}-{time}")
    store = ArtifactStore()
    with ExperimentProgress() as progress, services.taken(lambda line: click.echo(f"tailbed: {line}", err=True)):
        artifacts, not_exported = export_all(
            selection.artifacts, store, progress.exporting, takes_what_is_there=plan.takes_what_is_there
        )
        progress.preparing("each core's own stalls")
        # A resumed experiment goes on where it was measured, as long as it can. Servers that others started have cores
        # that leave the last one to the client (compose.yaml), however quiet it is.
        placement = Placement.restore(folder.read_environment().get("placement", {})) or place(
            () if services.as_they_run else measure_stalls(nice=permitted_niceness())
        )
        measured = candidates(plan, selection, artifacts, placement.server) + services.candidates(placement.server)
        left_out = [*selection.left_out, *not_exported, *services.left_out]
        experiment = Experiment(plan, measured, folder, placement, left_out, services.engine)
        if resume is not None:
            experiment.resume()
        try:
            experiment.measure(progress)
        finally:
            write_report(folder)
            click.echo(f"results: {folder.path}", err=True)
    summary = folder.read_summary()
    if as_json:
        click.echo(summary.model_dump_json(indent=2))
    else:
        print_summary(summary)
        print_inside(summary)
        print_artifact_comparison(summary)
        click.echo(f"report: {folder.report}")
    if summary.failures:
        raise SystemExit(EXIT_FAILED)
