"""How right a precision is beside fp32, item by item on the same evaluation set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporters import Evaluation
from tailbed.analysis.comparison import LEVEL
from tailbed.analysis.holm import holm
from tailbed.quantization.shares import mcnemar_p, paired_interval, share_interval
from tailbed.results.decisions import Change

_METHOD = "Tango's score interval of the paired difference, exact McNemar test with Holm's correction"


@dataclass(frozen=True)
class Quality:
    """What became of the labels.

    Attributes:
        accuracy: share that is labelled right; None without true labels.
        change: against fp32 of the same format; None for fp32 itself and where one of the two has no true labels.
        agreement: share that is labelled as fp32 does it, with its exact 95% interval; None as above, and for outputs
            that are no labels.
        items: how many both were judged on; those of this one alone where there is no fp32.
    """

    accuracy: float | None
    change: Change | None
    agreement: tuple[float, float, float] | None
    items: int


def judge_qualities(pairs: Sequence[tuple[Evaluation, Evaluation | None]]) -> list[Quality]:
    """Judge each artifact beside its fp32, None for what has none; all of them are one family for Holm's correction."""
    counts = [_counts(this, full) for this, full in pairs]
    tested = [index for index, found in enumerate(counts) if found is not None]
    raw = {index: mcnemar_p(*found) for index, found in enumerate(counts) if found is not None}
    # Those that differ in no item are of the family too: that they do is seen only by looking.
    adjusted = holm(np.array([1.0 if (p := raw[index]) is None else p for index in tested]))
    corrected = dict(zip(tested, adjusted.tolist(), strict=True))
    return [
        Quality(
            accuracy=None if (right := this.right) is None else float(right.mean()),
            change=None if found is None else _change(found, this.items, raw[index], corrected[index]),
            agreement=_agreement(this, full),
            items=this.items,
        )
        for index, ((this, full), found) in enumerate(zip(pairs, counts, strict=True))
    ]


def _counts(this: Evaluation, full: Evaluation | None) -> tuple[int, int] | None:
    """Items that only this one has right, and that only fp32 has."""
    if full is None or full.digest != this.digest or this.right is None or full.right is None:
        return None
    return int((this.right & ~full.right).sum()), int((full.right & ~this.right).sum())


def _change(counts: tuple[int, int], items: int, p_value: float | None, adjusted_p: float) -> Change:
    low, high = paired_interval(*counts, items)
    return Change(
        estimate=(counts[0] - counts[1]) / items,
        low=low,
        high=high,
        p_value=p_value,
        claimed=adjusted_p < LEVEL and not low <= 0 <= high,
        method=_METHOD,
        items=items,
    )


def _agreement(this: Evaluation, full: Evaluation | None) -> tuple[float, float, float] | None:
    if full is None or full.digest != this.digest or this.predicted is None or full.predicted is None:
        return None
    equal = int((this.predicted == full.predicted).sum())
    return equal / this.items, *share_interval(equal, this.items)
