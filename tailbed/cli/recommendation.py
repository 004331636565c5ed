"""What an experiment recommends, asked for on the command line and told at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import click
from rich.console import Console
from rich.text import Text

from tailbed.planning.demand import Price
from tailbed.recommending import GoalError, check_scenario, recommend_each
from tailbed.results.decisions import Goal, Recommendations
from tailbed.results.folder import ExperimentFolder
from tailbed.slo import Slo
from tailbed.suite import Suite

_WORDS: dict[Goal, str] = {
    "p99": "the lowest P99",
    "throughput": "the highest throughput",
    "cost": "the lowest cost",
    "cold-start": "the shortest cold start",
}


@dataclass(frozen=True)
class Asked:
    """What the user wants the best of."""

    goal: Goal
    slo: Slo | None
    price: Price | None
    scenario: str | None

    @classmethod
    def read(cls, goal: Goal | None, slo: str | None, price: str | None, scenario: str | None) -> Self:
        """Read what was written on the command line.

        Raises:
            UsageError: a price is given to a goal that has none.
            TailbedError: an objective or a price cannot be read.
        """
        if price is not None and goal != "cost":
            raise click.UsageError("--price is for --goal cost")
        return cls(goal or "p99", Slo.parse(slo) if slo else None, Price.parse(price) if price else None, scenario)

    def check(self, suite: Suite) -> None:
        """That the suite has what is asked for, before it is measured.

        Raises:
            GoalError: no load of it, or several, are named so.
        """
        if self.scenario is not None:
            check_scenario([scenario.label for scenario in suite.scenarios], self.scenario)

    def of(self, folder: ExperimentFolder) -> Recommendations:
        """What the experiment recommends, stored beside it where that is anything."""
        per_h, currency = (self.price.per_h, self.price.currency) if self.price else (None, None)
        try:
            found = recommend_each(
                folder.read_summary(), self.goal, self.slo, per_h, currency=currency, scenario=self.scenario
            )
        except GoalError:
            # The suite has the load, so that it was stopped before any run of it.
            return Recommendations(goal=self.goal, price_per_h=per_h, currency=currency, recommendations=[])
        if found.recommendations:
            folder.write_decision(found)
        return found


def print_recommendations(found: Recommendations, *, in_full: bool) -> None:
    """Print a line or two for each model; in full also the runner-up, the verdict on the two, and who takes no part."""
    console = Console()
    several = len(found.recommendations) > 1
    for each in found.recommendations:
        model = f"{each.model}, " if several else ""
        slo = f", {each.slo}" if each.slo else ""
        about = f"{model}{_WORDS[each.goal]}{slo}" + (f" under {each.scenario}" if each.scenario else "")
        console.print(Text.assemble((f"{about}: ", "bold"), each.sentence), soft_wrap=False)
        if not in_full:
            continue
        if each.runner_up:
            console.print(Text(f"  runner-up  {each.runner_up}: {each.runner_up_figure}"))
        if each.comparison:
            console.print(Text(f"  the two    {each.comparison}"))
        for line in each.passed_over:
            console.print(Text(f"  passed over  {line}", style="dim"))
