"""Experiments of deployments that differ by known factors, or not at all."""

from __future__ import annotations

import numpy as np

from tailbed.recommending.contest import Contender, Contest, Outcome, decide
from tailbed.results.identity import Identity


def contest(values: np.ndarray, figure: str = "P99") -> tuple[Contest, dict[Identity, str]]:
    """Deployments numbered from 0, each a column of ``[blocks, deployments]``."""
    names = {
        Identity("m", "onnx", "fp32", f"s{column}", "http", None, None, None): f"s{column}"
        for column in range(values.shape[1])
    }
    contenders = [
        Contender(identity, float(np.exp(np.nanmean(np.log(column)))), "", column, ())
        for identity, column in zip(names, values.T, strict=True)
    ]
    return Contest("load", figure, "run", contenders, ()), names


def decided(values: np.ndarray, figure: str = "P99") -> Outcome:
    return decide(*contest(values, figure))


def number(contender: Contender) -> int:
    return int((contender.deployment.server or "").removeprefix("s"))


def scatter(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Block effects that all share, and scatter of a run's own."""
    own = rng.normal(0, 0.2, shape) if kind == "normal" else rng.exponential(0.2, shape)
    found: np.ndarray = np.exp(own + rng.normal(0, 0.5, (shape[0], 1)))
    return found
