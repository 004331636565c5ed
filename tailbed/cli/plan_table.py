"""A plan as a table in the terminal, eighty columns wide if need be."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailbed.planning.assembly import recommended
from tailbed.planning.demand import money
from tailbed.planning.words import names_of
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, FleetOption, HighestRate, Prediction

_LONGEST_WORD = len("torchserve-rest")
_LEGEND = (
    "held: the highest rate of one replica that did, and the lowest above it that was not shown to; use: utilization"
)


def print_plan(plan: CapacityPlan, failures: Sequence[str] = ()) -> None:
    """Print the answer, a row for each deployment, and what a reader must know beside them."""
    console = Console()
    console.print(Text(plan.answer, style="bold"))
    asked = f"{plan.rate:,.10g}/s ({plan.arrivals}), {plan.slo}, headroom {plan.headroom:.0%}"
    if plan.price_per_h is not None:
        asked += f", {money(plan.price_per_h, plan.currency)}/h a replica"
    console.print(Text(asked, style="dim"))
    names = names_of(plan.deployments)
    console.print(_table(plan, names))
    for name, one in zip(names, plan.deployments, strict=True):
        _print_one(console, name, one)
    _print_validations(console, plan)
    for note in plan.notes:
        console.print(Text(f"note    {note}", style="dim"))
    for failure in failures:
        console.print(Text(f"FAILED  {failure}", style="red"))
    console.print(Text(_LEGEND, style="dim"))


def _table(plan: CapacityPlan, names: Sequence[str]) -> Table:
    priced = plan.price_per_h is not None
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    longest = max((len(word) for name in names for word in name.split()), default=0)
    table.add_column("", min_width=min(longest, _LONGEST_WORD), overflow="fold")
    headings = ["held\n1/s", "not held\n1/s", "replicas", f"{plan.slo.name}\nms", "use"]
    for heading in [*headings, *(["cost\n/h", "cost\n/million"] if priced else [])]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("balancer", overflow="fold")
    for name, one in zip(names, plan.deployments, strict=True):
        best = recommended(one.fleet)
        row = [name, *_held(one.highest), *_fleet(best)]
        row += [_cost(best.cost_per_h if best else None), _cost(best.cost_per_million if best else None)] * priced
        table.add_row(*row, _balancer(best), style="" if best else "yellow")
    return table


def _print_one(console: Console, name: str, one: DeploymentPlan) -> None:
    """Why it is so, of one deployment."""
    console.print(Text(name, style="bold"))
    said = {"rate": one.highest.reason}
    if one.swept is not None:
        said["sweep"] = f"up to {one.swept:,.10g}/s all rates of a fine sweep held"
    if (law := one.scalability) is not None:
        where = f"at {law.peak_clients:.0f} clients" if law.peak_clients is not None else "with ever more clients"
        said["clients"] = f"most {law.peak_per_s:,.0f}/s {where}, fitted to within {law.misfit[0]:.0%}. {law.reason}"
    if one.predictions:
        said["check"] = f"held out {one.predictions[0].rate:,.10g}/s: {', '.join(map(_predicted, one.predictions))}"
    if not one.replicas:
        said["needs"] = one.needs
    for word, text in said.items():
        console.print(Text(f"  {word:8}{text}"))


def _print_validations(console: Console, plan: CapacityPlan) -> None:
    if plan.validations:
        console.print(Text("replicas behind real balancers", style="bold"))
    for one in plan.validations:
        console.print(Text(f"  {one.program}, {one.balancer}: {one.deployment}"))
        for prediction in one.predictions:
            console.print(Text(f"    {prediction.replicas} at {prediction.rate:,.10g}/s: {_predicted(prediction)}"))
        if one.note:
            console.print(Text(f"    {one.note}", style="dim"))


def _predicted(one: Prediction) -> str:
    return f"{one.figure} {_ms(one.predicted_ms)} ms predicted, {_ms(one.measured_ms)} measured ({one.error:+.0%})"


def _held(highest: HighestRate) -> tuple[str, str]:
    held, failed = (("-" if rate is None else f"{rate:,.10g}") for rate in (highest.per_s, highest.high))
    return held, failed


def _fleet(best: FleetOption | None) -> tuple[str, str, str]:
    if best is None:
        return "-", "-", "-"
    return str(best.replicas), _ms(best.predicted_ms), f"{best.utilization:.0%}"


def _balancer(best: FleetOption | None) -> str:
    return "" if best is None or best.replicas == 1 else best.balancer.replace("-", " ")


def _cost(amount: float | None) -> str:
    return "-" if amount is None else money(amount, None)


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
