"""The answer: what was concluded, in one sentence, how sure it is, and which file says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tailbed.report.section import Section
from tailbed.report.source import Link, Source
from tailbed.results.decisions import CapacityPlan, QuantizationStudy, Recommendation, Recommendations

Sureness = Literal["shown", "not shown", "by a model"]


@dataclass(frozen=True)
class Answer:
    """One conclusion.

    Attributes:
        sentence: the conclusion itself.
        sureness: whether the runs show it; ``by a model`` where it is computed from what they show.
        under: the load and the objective that it is about; empty where the sentence says it.
        evidence: what it rests on, and what speaks against it, each in a sentence.
        passed_over: deployments that took no part, and why.
        raw: the file that it stands in, or that it was concluded from.
        records: of the runs that it rests on.
    """

    sentence: str
    sureness: Sureness
    under: str
    evidence: list[str]
    passed_over: list[str]
    raw: Link | None
    records: list[Link]


def prepare(source: Source) -> Section | None:
    """The answers, the most decided one first; None where nothing was concluded."""
    answers = list(_answers(source))
    return Section("The answer", {"first": answers[0], "others": answers[1:]}) if answers else None


def _answers(source: Source) -> Iterator[Answer]:
    if source.plan:
        yield _of_plan(source, source.plan)
    if source.study and source.study.recommendation:
        yield _of_recommendation(source, source.study.recommendation, source.link(source.file(QuantizationStudy)))
    elif not source.plan and source.recommended:
        raw = source.link(source.file(Recommendations)) or source.link("summary.json")
        for each in source.recommended.recommendations:
            yield _of_recommendation(source, each, raw)


def _of_plan(source: Source, plan: CapacityPlan) -> Answer:
    evidence = []
    if plan.deployments:
        best = plan.deployments[0]
        evidence.append(f"{source.name(best)}, one replica: {best.highest.reason}")
    errors = [abs(prediction.error) for each in plan.deployments for prediction in each.predictions]
    if errors:
        evidence.append(
            f"The model behind it missed {len(errors)} held-out percentile{'s' if len(errors) > 1 else ''} by"
            f" {max(errors):.0%} at most"
        )
    behind = [abs(prediction.error) for each in plan.validations for prediction in each.predictions]
    if behind:
        programs = ", ".join(dict.fromkeys(each.program for each in plan.validations))
        evidence.append(f"Replicas behind {programs} came within {max(behind):.0%} of what it says")
    others = [f"{source.name(each)}: {each.needs}" for each in plan.deployments if each.replicas is None]
    sentence = plan.answer[:1].upper() + plan.answer[1:]
    return Answer(sentence, "by a model", "", evidence, others, source.link(source.file(CapacityPlan)), [])


def _of_recommendation(source: Source, found: Recommendation, raw: Link | None) -> Answer:
    evidence = [found.comparison] if found.comparison else []
    if found.as_good and found.deployment:
        evidence.append(f"The runs do not show these to be worse: {', '.join(found.as_good)}")
    about = [f"under {found.scenario}" if found.scenario else None, str(found.slo) if found.slo else None]
    return Answer(
        _as_sentence(found.sentence, found.deployment),
        "shown" if found.shown else "not shown",
        ", ".join(filter(None, about)),
        evidence,
        found.passed_over,
        raw,
        source.records(found.runs),
    )


def _as_sentence(words: str, deployment: str | None) -> str:
    """With a capital, but for a deployment's own name, and a full stop."""
    opens = words if deployment and words.startswith(deployment) else words[:1].upper() + words[1:]
    return opens if opens.endswith((".", "!", "?")) else f"{opens}."
