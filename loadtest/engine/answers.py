"""Whether the server answers right under load: a sample of the answers, compared with known ones after the run."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np

from loadtest.protocols.untyped import Untyped
from loadtest.transport.transport import Request
from models import TailbedError, Tensors
from servers.oip import strings

_MOST_BYTES = 256 * 2**20
"""Kept answers beyond this are thinned out: checking must not eat the memory of the machine that is measured."""


class AnswerSample:
    """One answer of every so many, drawn at random within each stretch of requests.

    A fixed stride would meet the same few items again and again when it divides the size of the pool.
    """

    def __init__(self, every: int, seed: int, *, most_bytes: int = _MOST_BYTES) -> None:
        self._every = every
        self._most_bytes = most_bytes
        self._random = random.Random(seed)  # noqa: S311
        self._stretch_start = 0
        self._bytes = 0
        self._kept: list[tuple[int, int, bytes]] = []

    def draw(self) -> int:
        """The ordinal of the next request to keep the answer of; greater than the last."""
        ordinal = self._stretch_start + self._random.randrange(self._every)
        self._stretch_start += self._every
        return ordinal

    def keep(self, row: int, request: Request) -> None:
        """Keep the answer of the request that is recorded as ``row``."""
        self._kept.append((row, request.item, request.answer))
        self._bytes += len(request.answer)
        if self._bytes > self._most_bytes:
            self._every *= 2
            del self._kept[1::2]
            self._bytes = sum(len(answer) for _, _, answer in self._kept)

    def check(
        self,
        decode: Callable[[bytes], Tensors],
        expected: Callable[[int], Tensors],
        tolerance: Mapping[str, float],
        rows: int,
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Compare what was kept.

        Args:
            decode: reads the outputs in an answer.
            expected: the right outputs of an item of the pool.
            tolerance: by output, the largest absolute difference that counts as right; 0 for one that it does not name.
            rows: how many requests were recorded.

        Returns:
            int8 ``[rows]``: 1 right, 0 wrong, -1 not compared; and what is wrong, by row.
        """
        correct = np.full(rows, -1, dtype=np.int8)
        faults: dict[int, str] = {}
        for row, item, answer in self._kept:
            try:
                outputs, right = decode(answer), expected(item)
                if isinstance(outputs, Untyped):
                    outputs = outputs.like(right)
                fault = first_fault(outputs, right, tolerance)
            except TailbedError as error:
                fault = f"not an answer: {error}"
            correct[row] = fault is None
            if fault is not None:
                faults[row] = f"item {item}: {fault}"
        return correct, faults


def first_fault(outputs: Tensors, expected: Tensors, tolerance: Mapping[str, float]) -> str | None:
    """What is wrong with the first wrong output of an answer; None where all that are known are right.

    Args:
        tolerance: by output, the largest absolute difference that counts as right; 0 for one that it does not name.
    """
    for name, right in expected.items():
        if name not in outputs:
            return f"output {name!r} is missing"
        if fault := _compare(outputs[name], right, tolerance.get(name, 0)):
            return f"output {name!r} {fault}"
    return None


def _compare(output: np.ndarray, right: np.ndarray, tolerance: float) -> str | None:
    if output.shape != right.shape:
        return f"has shape {list(output.shape)}, expected {list(right.shape)}"
    if (output.dtype.kind in "biuf") != (right.dtype.kind in "biuf"):
        return f"has dtype {output.dtype}, expected {right.dtype}"
    if right.dtype.kind not in "biuf":
        return None if strings.elements(output) == strings.elements(right) else "differs"
    if np.isnan(output).any():
        return "holds NaN"
    with np.errstate(invalid="ignore"):  # equal infinities have no difference
        apart = np.abs(output.astype(np.float64) - right.astype(np.float64))
    equal = output == right
    difference = float(np.where(equal, 0, apart).max(initial=0))
    # Large integers may differ and be the same float64. And so put that a NaN, which only the known output can bring in
    # here, is not right either.
    if equal.all() or (tolerance > 0 and difference <= tolerance):
        return None
    return f"differs by {difference:g}, tolerance {tolerance:g}"
