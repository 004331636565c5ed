"""``tailbed compare``: what an experiment, or two of them, show."""

from __future__ import annotations

import json

import click

REGRESSED = 1


@click.command(short_help="Say which deployment is faster, and whether a new experiment is slower than an old one.")
@click.argument("experiment")
@click.argument("new", required=False)
@click.option(
    "--baseline", help="The deployment to compare the others with, such as 'onnx grpc'.  [default: the first]"
)
@click.option("--floor", help="An A/A experiment, for the noise floor.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="With NEW: a regression beyond this share exits with 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparisons as JSON and nothing else.")
def compare(
    experiment: str, new: str | None, baseline: str | None, floor: str | None, tolerance: float, as_json: bool
) -> None:
    """Compare the deployments of EXPERIMENT, or with NEW every cell of NEW with that of EXPERIMENT.

    An experiment is a results folder, or a name of the history ('tailbed history'): its folder's name or the beginning
    of it, or its suite's name for the newest one, with ~1 for the one before: tailbed compare quick~1 quick.

    A difference is claimed only if its 95% interval over blocks clears 1 and the noise floor, and the exact sign-flip
    test holds after Holm's correction over all that is compared in one figure; otherwise none is shown.
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from tailbed import history, verdicts
    from tailbed.history.differences import experiment_differences
    from tailbed.history.rows import rows_of

    if new is not None and baseline is not None:
        raise click.UsageError("--baseline is for one experiment; with NEW, the old one is the baseline")
    floors = verdicts.measure_floors(history.find(floor).read_summary()) if floor else {}
    folder = history.find(experiment)
    summary = folder.read_summary()
    if new is None:
        found = verdicts.within(summary, baseline, floors)
    else:
        other = history.find(new)
        found = verdicts.between(summary, other.read_summary(), floors)
        for line in experiment_differences(rows_of(folder), rows_of(other)):
            click.echo(f"tailbed: differs between the two and may be the reason: {line}", err=True)
    regressed = [verdict for verdict in found if new is not None and verdict.regressed(tolerance)]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "scenario": verdict.scenario,
                        **asdict(verdict.comparison),
                        "claimed": verdict.comparison.claimed,
                        "sentence": verdict.comparison.sentence(),
                    }
                    for verdict in found
                ],
                indent=2,
            )
        )
    else:
        console = Console()
        for scenario in dict.fromkeys(verdict.scenario for verdict in found):
            console.print(Text(scenario, style="bold"))
            for verdict in found:
                if verdict.scenario == scenario:
                    style = "" if verdict.comparison.claimed else "dim"
                    console.print(Text(f"  {verdict.comparison.sentence()}", style=style))
        for verdict in regressed:
            console.print(Text(f"REGRESSION beyond {tolerance:.0%}: {verdict.comparison.sentence()}", style="red"))
    if regressed:
        raise SystemExit(REGRESSED)
