"""Verdicts on measured experiments: which deployment is faster, and by how much at least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models import TailbedError
from tailbed.analysis.comparison import THROUGHPUT, Comparison, Pair, block_ratios, compare
from tailbed.analysis.intervals import Interval
from tailbed.analysis.noise_floor import noise_floor
from tailbed.results.identity import Identity, short_names
from tailbed.results.schema import Cell, Summary

FIGURES = {"P50": "p50_ms", "P99": "p99_ms", THROUGHPUT: "throughput"}
Floors = Mapping[tuple[str, str], float]
"""A/A noise floors by scenario and figure."""


class CompareError(TailbedError):
    """Experiments or cells that cannot be compared."""


@dataclass(frozen=True)
class Verdict:
    """What one comparison says, and where."""

    scenario: str
    comparison: Comparison

    def regressed(self, tolerance: float) -> bool:
        """Whether A is shown to be worse than B by more than ``tolerance``, a share such as 0.05."""
        ratio = self.comparison.ratio
        if not self.comparison.claimed or not isinstance(ratio, Interval):
            return False
        if self.comparison.figure == THROUGHPUT:
            return ratio.high < 1 - tolerance
        return ratio.low > 1 + tolerance


def measure_floors(summary: Summary) -> dict[tuple[str, str], float]:
    """The noise floor of every scenario and figure, from an experiment of deployments against themselves.

    The ratios of all deployments in a scenario are taken together: the floor is the machine's, not a deployment's.

    Raises:
        CompareError: no deployment was measured against itself.
    """
    pooled: dict[tuple[str, str], list[np.ndarray]] = {}
    for first, second in _arms(summary):
        for figure in _figures(first):
            ratios = block_ratios(
                block_values(second, figure, summary.blocks), block_values(first, figure, summary.blocks)
            )
            pooled.setdefault((first.scenario, figure), []).append(ratios)
    if not pooled:
        raise CompareError(f"experiment {summary.suite!r} has no A/A cells: make some with 'tailbed bench SUITE --aa'")
    floors = {key: noise_floor(np.concatenate(ratios)) for key, ratios in pooled.items()}
    return {key: floor for key, floor in floors.items() if floor is not None}


def within(summary: Summary, baseline: str | None, floors: Floors) -> list[Verdict]:
    """Compare every deployment with one of them, scenario by scenario; or the two arms of each, where there are arms.

    Args:
        baseline: words that only one deployment's name has all of, such as ``"onnx grpc"``; the first by default.

    Raises:
        CompareError: there is nothing to compare, or no such baseline.
    """
    arms = list(_arms(summary))
    if arms:
        return _judge(((second, first) for first, second in arms), summary.blocks, floors)
    identities = list(dict.fromkeys(map(Identity.of, summary.cells)))
    if len(identities) < 2:
        raise CompareError(f"experiment {summary.suite!r} has no two deployments to compare")
    chosen = identities[0] if baseline is None else _find(identities, baseline)
    references = {cell.scenario: cell for cell in summary.cells if Identity.of(cell) == chosen}
    others = [cell for cell in summary.cells if Identity.of(cell) != chosen and cell.scenario in references]
    return _judge(((cell, references[cell.scenario]) for cell in others), summary.blocks, floors)


def between(old: Summary, new: Summary, floors: Floors) -> list[Verdict]:
    """Compare every cell of ``new`` with the same cell of ``old``, block by block.

    Raises:
        CompareError: they have no cell in common.
    """
    before = {(Identity.of(cell), cell.scenario): cell for cell in old.cells}
    pairs = [(cell, found) for cell in new.cells if (found := before.get((Identity.of(cell), cell.scenario)))]
    if not pairs:
        raise CompareError(f"experiments {old.suite!r} and {new.suite!r} have no cell in common")
    return _judge(iter(pairs), max(old.blocks, new.blocks), floors, ("new", "old"))


def judge_pairs(pairs: Sequence[tuple[Cell, Cell]], blocks: int, figure: str) -> list[Comparison]:
    """Compare the first of each pair with the second in one figure, block by block; all of them are one family."""
    names = _names([cell for pair in pairs for cell in pair])
    return compare([_question(a, b, figure, blocks, names) for a, b in pairs])


def _judge(
    cells: Iterator[tuple[Cell, Cell]], blocks: int, floors: Floors, sides: tuple[str, str] | None = None
) -> list[Verdict]:
    """Compare pairs of cells in all figures. One figure is one family for Holm's correction."""
    pairs = list(cells)
    names = _names([cell for pair in pairs for cell in pair])
    verdicts = []
    for figure in FIGURES:
        asked = [
            (
                a.scenario,
                _question(a, b, figure, blocks, names, floors.get((a.scenario, figure)), sides),
            )
            for a, b in pairs
            if figure in _figures(a)
        ]
        answers = compare([pair for _, pair in asked])
        verdicts += [Verdict(scenario, answer) for (scenario, _), answer in zip(asked, answers, strict=True)]
    return verdicts


def _question(
    a: Cell,
    b: Cell,
    figure: str,
    blocks: int,
    names: Mapping[Identity, str],
    floor: float | None = None,
    sides: tuple[str, str] | None = None,
) -> Pair:
    return Pair(
        a=f"{sides[0]} {names[Identity.of(a)]}" if sides else names[Identity.of(a)],
        b=f"{sides[1]} {names[Identity.of(b)]}" if sides else names[Identity.of(b)],
        figure=figure,
        a_values=block_values(a, figure, blocks),
        b_values=block_values(b, figure, blocks),
        floor=floor,
    )


def _arms(summary: Summary) -> Iterator[tuple[Cell, Cell]]:
    """The cells of deployments that were measured against themselves: first arm, second arm."""
    second = {
        (Identity.of(cell)._replace(arm="first"), cell.scenario): cell for cell in summary.cells if cell.arm == "second"
    }
    for cell in summary.cells:
        if cell.arm == "first" and (found := second.get((Identity.of(cell), cell.scenario))):
            yield cell, found


def _figures(cell: Cell) -> list[str]:
    """Throughput is a result in a closed loop only: an open loop's is what was offered."""
    return [figure for figure in FIGURES if figure != THROUGHPUT or cell.offered_rate is None]


def block_values(cell: Cell, figure: str, blocks: int) -> np.ndarray:
    """A figure of each block's VALID run; NaN where there is none."""
    values = np.full(blocks, np.nan)
    for run in cell.runs:
        value = getattr(run, FIGURES[figure])
        if run.validity == "VALID" and value is not None:
            values[run.block - 1] = value
    return values


def _names(cells: Sequence[Cell]) -> dict[Identity, str]:
    identities = list(dict.fromkeys(map(Identity.of, cells)))
    return {
        identity: name.replace(" · ", " ") for identity, name in zip(identities, short_names(identities), strict=True)
    }


def _find(identities: Sequence[Identity], words: str) -> Identity:
    wanted = set(words.replace("/", " ").split())
    found = [identity for identity in identities if wanted <= {part for part in identity if part}]
    if len(found) != 1:
        names = ", ".join(name.replace(" · ", " ") for name in short_names(identities))
        raise CompareError(f"baseline {words!r} names {len(found)} deployments: choose one of {names}")
    return found[0]
