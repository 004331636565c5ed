"""The Universal Scalability Law, fitted to closed-loop throughput.

``X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))`` of n clients (Gunther, "Guerrilla Capacity Planning", 2007).
lambda is what one client gets. sigma is contention: the share of the work that is done one request after the other, by
which the throughput levels off at ``lambda / sigma``. kappa is coherency: what each pair of clients costs, by which it
falls again, beyond ``sqrt((1 - sigma) / kappa)`` clients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import TailbedError

FEWEST_POINTS: Final = 4
"""Three parameters go through any three points."""
NEGLIGIBLE: Final = 0.01
"""Of the throughput: a bend that takes less than this from the most clients that were measured is none."""


class FitError(TailbedError):
    """Too little was measured for a fit."""


@dataclass(frozen=True)
class Law:
    """The fitted law.

    Attributes:
        lambda_per_s: answers a second of one client.
        sigma: contention, 0 or more.
        kappa: coherency, 0 or more.
        r_squared: share of the variance of the measured throughput that the law explains; at most 1.
        most_clients: of those that were measured.
    """

    lambda_per_s: float
    sigma: float
    kappa: float
    r_squared: float
    most_clients: int

    def throughput(self, clients: float) -> float:
        """Answers a second of so many clients."""
        return float(_law(np.array([self.lambda_per_s, self.sigma, self.kappa]), np.array([float(clients)]))[0])

    @property
    def contention(self) -> float:
        """What contention adds to a request's time at the most clients that were measured, in requests of one client:
        ``sigma (n - 1)``."""
        return self.sigma * (self.most_clients - 1)

    @property
    def coherency(self) -> float:
        """What coherency adds, likewise: ``kappa n (n - 1)``."""
        return self.kappa * self.most_clients * (self.most_clients - 1)

    @property
    def peak_clients(self) -> float | None:
        """Where the throughput is highest; None where coherency is none, or too little to be told from none."""
        if self.coherency < NEGLIGIBLE * (1 + self.contention + self.coherency):
            return None
        return max(1.0, math.sqrt(max(1 - self.sigma, 0.0) / self.kappa))

    @property
    def peak_per_s(self) -> float:
        """Throughput at the peak; else what it levels off at; of a straight line, at the most clients measured."""
        if (peak := self.peak_clients) is not None:
            return self.throughput(peak)
        if self.contention < NEGLIGIBLE * (1 + self.contention):
            return self.throughput(self.most_clients)
        return self.lambda_per_s / self.sigma


def fit_law(measured: Mapping[int, float]) -> Law:
    """Fit the law by least squares of relative errors, since a run's throughput varies in proportion to itself.

    Args:
        measured: answers a second, above 0, by number of clients.

    Raises:
        FitError: fewer than four points.
    """
    from scipy.optimize import least_squares, nnls

    if len(measured) < FEWEST_POINTS:
        raise FitError(f"throughput at {len(measured)} numbers of clients, a fit needs {FEWEST_POINTS}")
    clients = np.array(sorted(measured), dtype=float)
    per_s = np.array([measured[int(count)] for count in clients])
    # n / X is linear in 1 / lambda, sigma / lambda and kappa / lambda: where to begin.
    terms = np.stack([np.ones_like(clients), clients - 1, clients * (clients - 1)], axis=1)
    linear, _ = nnls(terms * (per_s / clients)[:, None], np.ones_like(clients))
    start = np.array([1 / linear[0], *(linear[1:] / linear[0])]) if linear[0] > 0 else np.array([per_s[0], 0.5, 0.0])
    fitted = least_squares(
        lambda parameters: _law(parameters, clients) / per_s - 1,
        start,
        bounds=([1e-12, 0.0, 0.0], np.inf),
        x_scale=[start[0], 0.1, 0.01],
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
    ).x
    around = float(((per_s - per_s.mean()) ** 2).sum())
    left = float(((per_s - _law(fitted, clients)) ** 2).sum())
    return Law(
        lambda_per_s=float(fitted[0]),
        sigma=float(fitted[1]),
        kappa=float(fitted[2]),
        r_squared=1 - left / around if around else 1.0,
        most_clients=int(clients[-1]),
    )


def _law(parameters: np.ndarray, clients: np.ndarray) -> np.ndarray:
    one, sigma, kappa = parameters
    throughput: np.ndarray = one * clients / (1 + sigma * (clients - 1) + kappa * clients * (clients - 1))
    return throughput
