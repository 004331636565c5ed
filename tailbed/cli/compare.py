"""``tailbed compare``: what an experiment, or two of them, show."""

from __future__ import annotations

import json
from pathlib import Path

import click

REGRESSED = 1


@click.command(short_help="Say which deployment is faster, and whether a new experiment is slower than an old one.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path), required=False)
@click.option(
    "--baseline", help="The deployment to compare the others with, such as 'onnx grpc'.  [default: the first]"
)
@click.option("--floor", type=click.Path(path_type=Path), help="An A/A experiment, for the noise floor.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="With NEW: a regression beyond this share exits with 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparisons as JSON and nothing else.")
def compare(
    folder: Path, new: Path | None, baseline: str | None, floor: Path | None, tolerance: float, as_json: bool
) -> None:
    """Compare the deployments of the experiment in FOLDER, or with NEW every cell of NEW with that of FOLDER.

    A difference is claimed only if its 95% interval over blocks clears 1 and the noise floor, and the exact sign-flip
    test holds after Holm's correction over all that is compared in one figure; otherwise none is shown.
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from tailbed import verdicts
    from tailbed.results.folder import ExperimentFolder

    if new is not None and baseline is not None:
        raise click.UsageError("--baseline is for one experiment; with NEW, the old one is the baseline")
    floors = verdicts.measure_floors(ExperimentFolder(floor).read_summary()) if floor else {}
    summary = ExperimentFolder(folder).read_summary()
    if new is None:
        found = verdicts.within(summary, baseline, floors)
    else:
        found = verdicts.between(summary, ExperimentFolder(new).read_summary(), floors)
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
