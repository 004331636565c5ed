"""From an experiment's summary to what it recommends."""

from __future__ import annotations

from collections.abc import Sequence

from exporters import DEFAULT_PRECISION
from tailbed.planning.demand import money
from tailbed.recommending import by_cold_start, by_latency, by_throughput
from tailbed.recommending.contest import Contest, PassedOver, decide
from tailbed.recommending.goal_error import GoalError
from tailbed.recommending.numbers import Say, rate
from tailbed.recommending.wording import sentence
from tailbed.results.decisions import Goal, Recommendation, Recommendations
from tailbed.results.identity import Identity, short_names
from tailbed.results.schema import ArtifactFacts, Summary
from tailbed.slo import Slo

_MILLION = 1e6
_HOUR_S = 3600


def recommend_each(
    summary: Summary,
    goal: Goal,
    slo: Slo | None = None,
    price_per_h: float | None = None,
    *,
    currency: str | None = None,
    scenario: str | None = None,
) -> Recommendations:
    """One recommendation for every model that has several deployments; none of deployments against themselves.

    Raises:
        GoalError: as ``recommend``.
    """
    models = [] if any(cell.arm for cell in summary.cells) else _models(summary)
    found = [
        recommend(summary, goal, slo, price_per_h, currency=currency, scenario=scenario, model=model)
        for model in models
        if len(_deployments(summary, model)) > 1 and any(cell.model == model for cell in summary.cells)
    ]
    return Recommendations(goal=goal, price_per_h=price_per_h, currency=currency, recommendations=found)


def recommend(
    summary: Summary,
    goal: Goal,
    slo: Slo | None = None,
    price_per_h: float | None = None,
    *,
    currency: str | None = None,
    scenario: str | None = None,
    model: str | None = None,
) -> Recommendation:
    """The deployment of one model that is the best for a goal, and how sure that is.

    Args:
        slo: what it must keep to, under the load that it is judged by.
        price_per_h: of one server; without one, cost is in a server's time.
        currency: as in ``planning.demand.Price``.
        scenario: words of the label of the load to judge by; of cold starts, it is where ``slo`` is kept to.
        model: which one; the first one by default.

    Raises:
        GoalError: there is no such model or load.
    """
    models = _models(summary)
    if model is None and models:
        model = models[0]
    if model is None or model not in models:
        raise GoalError(f"experiment {summary.suite!r} has no model {model}: it has {', '.join(models) or 'none'}")
    deployments = _deployments(summary, model)
    contest = _contest(summary, model, deployments, goal, slo, _saying(goal, price_per_h, currency), scenario)
    names = dict(zip(deployments, (name.replace(" · ", " ") for name in short_names(deployments)), strict=True))
    outcome = decide(contest, names)
    best = outcome.ranking[0] if outcome.ranking else None
    second = outcome.ranking[1] if len(outcome.ranking) > 1 else None
    about = _precision(best.deployment, summary.artifacts) if best else ""
    return Recommendation(
        model=model,
        goal=goal,
        slo=slo,
        scenario=contest.load,
        deployment=names[best.deployment] if best else None,
        figure=f"{_NAMES[goal]} {best.text}" if best else None,
        runner_up=names[second.deployment] if second else None,
        runner_up_figure=f"{_NAMES[goal]} {second.text}" if second else None,
        shown=outcome.shown,
        comparison=outcome.comparisons[0].sentence() if second else None,
        as_good=[names[each.deployment] for each in outcome.as_good],
        sentence=sentence(goal, contest, outcome, names, about),
        passed_over=[f"{names[each.deployment]}: {each.reason}" for each in contest.passed_over],
        runs=[run for each in (best, second) if each for run in each.runs],
    )


_NAMES: dict[Goal, str] = {
    "p99": "P99",
    "throughput": "throughput",
    "cost": "cost",
    "cold-start": "first correct answer",
}


def _contest(
    summary: Summary,
    model: str,
    deployments: Sequence[Identity],
    goal: Goal,
    slo: Slo | None,
    say: Say,
    scenario: str | None,
) -> Contest:
    cells = [cell for cell in summary.cells if cell.model == model]
    # A cell has more runs than the suite's blocks where their number depends on what they show.
    blocks = max([summary.blocks, *(run.block for cell in cells for run in cell.runs)])
    if goal == "p99":
        return by_latency.contest_of(cells, deployments, blocks, slo, scenario)
    if goal == "cold-start":
        studies = [study for study in summary.cold_starts if study.model == model]
        keeping = deployments
        beyond: Sequence[PassedOver] = ()
        if slo is not None:
            latencies = by_latency.contest_of(cells, deployments, blocks, slo, scenario)
            keeping = [each.deployment for each in latencies.contenders]
            beyond = latencies.passed_over
        contest = by_cold_start.contest_of(cells, studies, keeping, blocks)
        return Contest(contest.load, contest.figure, contest.unit, contest.contenders, [*contest.passed_over, *beyond])

    capacities = [each for each in summary.capacities if each.model == model]
    return by_throughput.contest_of(cells, capacities, deployments, blocks, slo, scenario, say)


def _saying(goal: Goal, price_per_h: float | None, currency: str | None) -> Say:
    """How a throughput is told: as itself, or as what answers cost at it."""

    def say(per_s: float) -> str:
        if goal == "throughput":
            return rate(per_s)
        if price_per_h is None:
            return f"{_MILLION / per_s:.3g} s of one server for a million answers"
        return f"{money(price_per_h * _MILLION / per_s / _HOUR_S, currency)} for a million answers"

    return say


def _models(summary: Summary) -> list[str]:
    named = [each.model for each in summary.deployments] + [cell.model for cell in summary.cells]
    return list(dict.fromkeys(named))


def _deployments(summary: Summary, model: str) -> list[Identity]:
    """All that were to be measured, and all that were."""
    asked = map(Identity.of_deployment, summary.deployments)
    measured = map(Identity.of, summary.cells)
    return [each for each in dict.fromkeys([*asked, *measured]) if each.model == model]


def _precision(best: Identity, artifacts: Sequence[ArtifactFacts]) -> str:
    """What the best one's precision does to its answers, where it is not the full one."""
    if best.precision in (None, DEFAULT_PRECISION):
        return ""
    facts = {each.precision: each for each in artifacts if (each.model, each.format) == (best.model, best.format)}
    own, full = facts.get(best.precision or ""), facts.get(DEFAULT_PRECISION)
    if own is None:
        return ""
    if own.accuracy is not None and full is not None and full.accuracy is not None:
        points = 100 * (own.accuracy - full.accuracy)
        return f" ({own.precision} changes accuracy by {points:+.1f} points, to {own.accuracy:.1%})"
    if own.label_agreement is not None:
        return f" ({own.precision} labels {own.label_agreement:.1%} as its source does)"
    return f" ({own.precision}: what it does to the answers is not known)"
