"""A recommendation in words."""

from __future__ import annotations

from collections.abc import Sequence

from tailbed.analysis.intervals import FEWEST_RUNS, RECOMMENDED_RUNS, NoInterval
from tailbed.recommending.contest import Contest, Outcome
from tailbed.recommending.numbers import counted, rate
from tailbed.results.decisions import Goal
from tailbed.results.identity import Identity

_BEST = {
    "p99": "the lowest P99",
    "throughput": "the highest throughput",
    "cost": "the lowest cost",
    "cold-start": "the shortest time to a first correct answer",
}
_SETS = {"run": "block", "process": "process", "probe": "closed-loop block"}
"""What there would have to be more of."""
_LISTED = 4


def sentence(goal: Goal, contest: Contest, outcome: Outcome, names: dict[Identity, str], about: str) -> str:
    """What is recommended and how sure that is.

    Args:
        names: of the model's deployments.
        about: what else must be known of the best one, as it follows its figure; or nothing.
    """
    total = len(contest.contenders) + len(contest.passed_over)
    if not outcome.ranking:
        first = contest.passed_over[0]
        return f"none of {counted(total, 'deployment')} can be recommended: {names[first.deployment]}: {first.reason}"
    best = outcome.ranking[0]
    name, had = names[best.deployment], f"{_BEST[goal]}, {best.text}{about}"
    if len(outcome.ranking) == 1:
        return f"{name} is the only one of {counted(total, 'deployment')} that can be recommended: {best.text}{about}"
    tied = [names[each.deployment] for each in outcome.ranking if each.estimate == best.estimate]
    if len(tied) > 1:  # only rates that were offered can be the same
        return f"no difference shown: {_listed(tied)} held the same one of the offered rates, {rate(best.estimate)}"
    if outcome.shown:
        others = len(outcome.ranking) - 1
        than = f"all {others} others" if others > 1 else names[outcome.ranking[1].deployment]
        return f"{name} has {had}: shown against {than}"
    if all(isinstance(each.ratio, NoInterval) for each in outcome.comparisons):
        return f"{_too_few(contest, outcome)}; {name} had {had}; {_enough(contest, outcome)}"
    unproven = [names[other.deployment] for other in outcome.as_good]
    return f"no difference shown to {_listed(unproven) or names[outcome.ranking[1].deployment]}; {name} had {had}"


def _too_few(contest: Contest, outcome: Outcome) -> str:
    made = _made(outcome)
    if made < FEWEST_RUNS:
        verb = "shows" if made == 1 else "show"
        return f"a first look: {counted(made, contest.unit)} each {verb} no difference"
    return f"no difference shown: fewer than {counted(FEWEST_RUNS, contest.unit)} in common"


def _enough(contest: Contest, outcome: Outcome) -> str:
    if _made(outcome) < FEWEST_RUNS:
        return f"{counted(RECOMMENDED_RUNS, _SETS[contest.unit])} could tell"
    return "more of them, or a quieter machine, could tell"


def _made(outcome: Outcome) -> int:
    return max(len(each.values) for each in outcome.ranking)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if names[_LISTED:] else "")
