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
    from tailbed.cli.artifact_comparison import print_artifact_comparison
    from tailbed.cli.inside_table import print_inside
    from tailbed.cli.progress import ExperimentProgress
    from tailbed.cli.table import print_summary
    from tailbed.experiment.setting_up import Chosen
    from tailbed.report import write_report
    from tailbed.results.folder import ExperimentFolder
    from tailbed.suite import read_suite

    if resume is not None:
        if suite or refs or out or blocks or aa:
            raise click.UsageError("--resume goes on with what the folder holds: give nothing else")
        folder = ExperimentFolder(resume)
        folder.read_summary()
        chosen = Chosen.of(read_suite(str(folder.suite)))
    else:
        plan = read_suite(suite or "quick")
        plan = plan.model_copy(update={"blocks": blocks or plan.blocks, "arms": 2 if aa else plan.arms})
        if refs and plan.services:
            raise click.UsageError("--artifact: services serve what they were prepared with")
        plan = plan.serving(refs) if refs else plan
        time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        chosen = Chosen.of(plan)
        folder = ExperimentFolder.create(out or Path("results") / f"{plan.name}-{time}")
    with (
        ExperimentProgress() as progress,
        chosen.experiment(folder, progress, lambda line: click.echo(f"tailbed: {line}", err=True)) as experiment,
    ):
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
