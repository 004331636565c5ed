"""``tailbed bench``: a suite from exports to the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tailbed.results.decisions import Goal

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
@click.option("--keep-awake", is_flag=True, help="Keep the cores from sleeping meanwhile.")
@click.option(
    "--goal",
    type=click.Choice(["p99", "throughput", "cost", "cold-start"]),
    help="What the deployment recommended in the end is the best in.  [default: p99]",
)
@click.option("--slo", help="What it must keep to, such as p99=50ms.")
@click.option("--price", help="Of one server, such as 0.34/h, for --goal cost.")
@click.option("--scenario", help="The load to judge by, such as 'poisson 200/s', where the suite has several.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else on standard output.")
def bench(
    suite: str | None,
    refs: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    blocks: int | None,
    aa: bool,
    keep_awake: bool,
    goal: Goal | None,
    slo: str | None,
    price: str | None,
    scenario: str | None,
    as_json: bool,
) -> None:
    """Run SUITE, a YAML file or the name of a suite that comes with tailbed; quick by default.

    Every run is on a fresh server process, and each block has every cell once. Servers in containers, as those of the
    suite compose, are restarted for it where the container engine's socket is given. Results are on disk after every
    run; a stopped experiment keeps what it measured, and --resume measures what is missing.

    In the end it tells which deployment of each model is the best for the goal, and whether the runs show that.
    """
    from tailbed.cli.artifact_comparison import print_artifact_comparison
    from tailbed.cli.inside_table import print_inside
    from tailbed.cli.measuring import measuring
    from tailbed.cli.recommendation import Asked, print_recommendations
    from tailbed.cli.table import print_summary
    from tailbed.experiment.setting_up import Chosen
    from tailbed.results.folder import ExperimentFolder
    from tailbed.suite import read_suite

    asked = Asked.read(goal, slo, price, scenario)
    if resume is not None:
        if suite or refs or out or blocks or aa or keep_awake:
            raise click.UsageError("--resume goes on with what the folder holds: give no other suite")
        folder = ExperimentFolder(resume)
        folder.read_summary()
        chosen = Chosen.of(read_suite(str(folder.suite)))
        asked.check(chosen.suite)
    else:
        plan = read_suite(suite or "quick")
        said = {"blocks": blocks, "arms": 2 if aa else None, "keep_awake": keep_awake or None}
        plan = plan.model_copy(update={name: one for name, one in said.items() if one is not None})
        if refs and plan.services:
            raise click.UsageError("--artifact: services serve what they were prepared with")
        plan = plan.serving(refs) if refs else plan
        time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        chosen = Chosen.of(plan)
        asked.check(plan)
        folder = ExperimentFolder.create(out or Path("results") / f"{plan.name}-{time}")
    with measuring(chosen, folder) as (experiment, progress):
        if resume is not None:
            experiment.resume()
        try:
            experiment.measure(progress)
        finally:
            recommendations = asked.of(folder)
    summary = folder.read_summary()
    if as_json:
        click.echo(summary.model_dump_json(indent=2))
    else:
        print_summary(summary)
        print_inside(summary)
        print_artifact_comparison(summary)
        print_recommendations(recommendations, in_full=goal is not None)
        click.echo(f"report: {folder.report}")
    if summary.failures:
        raise SystemExit(EXIT_FAILED)
