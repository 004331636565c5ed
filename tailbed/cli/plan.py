"""``tailbed plan``: how many replicas of which deployment hold a demand within an objective."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from tailbed.cli.numbers import FiniteRange

EXIT_FAILED = 1
"""Some runs could not be measured at all."""
_STACK = "fastapi"
_OPTIONS = {"origin": "from", "stacks": "with"}


class _Effort(NamedTuple):
    """How thoroughly a rate is searched, where the user does not say."""

    runs: int
    duration_s: float
    tolerance: str


_WHOLE = _Effort(3, 20, "5%")
_QUICK = _Effort(1, 5, "10%")


@click.command(short_help="Find how many replicas a demand needs, and at what cost.")
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--from", "origin", metavar="EXPERIMENT", help="Plan what this one measured: a results folder or a name.")
@click.option("--slo", help="The objective of every response, such as p99=50ms.")
@click.option("--rate", type=FiniteRange(min=0, min_open=True, max=1e9), help="The demand: requests a second.")
@click.option("--with", "stacks", help=f"Stacks, separated by commas.  [default: {_STACK}]")
@click.option("--price", help="Of one replica: 0.34/h, $0.34/h or 'EUR 0.34/h'.")
@click.option("--headroom", default="30%", show_default=True, help="Share of a replica's highest rate to keep free.")
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="How they come.",
)
@click.option("--runs", type=click.IntRange(1, 20), help=f"VALID runs to accept a rate.  [default: {_WHOLE.runs}]")
@click.option(
    "--duration",
    type=FiniteRange(min=1, max=3600),
    help=f"Seconds of each run's window.  [default: {_WHOLE.duration_s:g}]",
)
@click.option("--tolerance", help=f"How closely the highest rate is searched.  [default: {_WHOLE.tolerance}]")
@click.option(
    "--quick",
    is_flag=True,
    help=f"A first look: --runs {_QUICK.runs} --duration {_QUICK.duration_s:g} --tolerance {_QUICK.tolerance}.",
)
@click.option("--sweep", is_flag=True, help="Measure nine rates around the highest one as well, to check the search.")
@click.option("--validate", is_flag=True, help="Measure two replicas behind HAProxy or nginx as well.")
@click.option("--keep-awake", is_flag=True, help="Keep the cores from sleeping meanwhile.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: results/plan-TIME]")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with the plan in this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON and nothing else on standard output.")
@click.pass_context
def plan(
    context: click.Context,
    refs: tuple[str, ...],
    origin: str | None,
    slo: str | None,
    rate: float | None,
    stacks: str | None,
    price: str | None,
    headroom: str,
    arrivals: str,
    runs: int | None,
    duration: float | None,
    tolerance: str | None,
    quick: bool,
    sweep: bool,
    validate: bool,
    keep_awake: bool,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
) -> None:
    """Say how many replicas of each REF hold a demand within an objective, and what they cost.

    REF is an artifact, model/format or model/format/precision. With --from, the deployments of an experiment are
    planned instead, which is a results folder or a name of the history as 'tailbed compare' takes it; of a quantization
    study those on its frontier. For each, the highest rate is searched that one replica holds, by fresh runs; fleets of
    replicas behind load balancers are then simulated on what was measured.
    """
    from tailbed import history
    from tailbed.cli.measuring import measuring
    from tailbed.cli.plan_table import print_plan
    from tailbed.planning.beginning import Asked, begin, go_on
    from tailbed.planning.planner import Planner
    from tailbed.results.folder import ExperimentFolder

    if resume is not None:
        if given := _given(context):
            raise click.UsageError(f"--resume goes on with what the folder holds: leave {', '.join(given)} out")
        folder = ExperimentFolder(resume)
        demand, chosen = go_on(folder)
    else:
        if slo is None or rate is None:
            raise click.UsageError("a plan needs --slo, such as p99=50ms, and --rate, the requests a second")
        if bool(refs) == (origin is not None):
            raise click.UsageError("name what to plan: artifacts, or an experiment with --from")
        if origin is not None and stacks is not None:
            raise click.UsageError("--with: the deployments of an experiment have their stacks")
        said: dict[str, Any] = {"runs": runs, "duration_s": duration, "tolerance": tolerance}
        effort = (_QUICK if quick else _WHOLE)._replace(**{name: one for name, one in said.items() if one is not None})
        asked = Asked(slo, rate, arrivals, headroom, price, *effort, sweep, validate, keep_awake)
        named = tuple(filter(None, (stacks or _STACK).split(",")))
        source = history.find(origin) if origin is not None else None
        out = out or Path("results") / f"plan-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        demand, chosen, folder = begin(asked, refs, named, source, out)
    with measuring(chosen, folder) as (experiment, progress):
        planner = Planner(demand, experiment)
        if resume is not None:
            experiment.resume()
        made = planner.measure(progress)
    summary = folder.read_summary()
    if as_json:
        click.echo(made.model_dump_json(indent=2))
    else:
        print_plan(made, summary.failures)
        click.echo(f"report: {folder.report}")
    if summary.failures:
        raise SystemExit(EXIT_FAILED)


def _given(context: click.Context) -> list[str]:
    """The options that were given beside ``--resume``, and the artifacts."""
    return [
        f"--{_OPTIONS.get(name, name)}" if name != "refs" else "artifacts"
        for name in context.params
        if name not in ("resume", "as_json")
        and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        and context.params[name]
    ]
