"""How much capacity a demand needs. Stored as ``capacity-plan.json`` beside the measurements that it rests on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tailbed.slo import Slo

Balancer = Literal["random", "round-robin", "least-outstanding"]
Role = Literal["search", "model", "held-out", "sweep"]
"""What a rate was measured for: to find the highest one, to make the model of the replica, to see how well that model
predicts a rate that it was not made with, or to see whether a fine sweep finds the same highest one."""


class LoadPoint(BaseModel):
    """One rate that one replica was measured at, over its runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float
    """Arrivals a second that were asked for."""
    throughput: float
    """Successful answers a second."""
    p50_ms: float | None
    p99_ms: float | None
    slo_ms: float | None
    """The objective's percentile; None where it may not be quoted."""
    held: bool
    """Whether the replica kept to the objective, by VALID runs."""
    why_not: str | None
    """None where it held."""
    valid: bool
    role: Role
    runs: list[str]
    """The runs' folders, relative to the experiment's."""


class HighestRate(BaseModel):
    """The highest rate that one replica holds within the objective."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_s: float | None
    """None where it held none."""
    low: float | None
    """The highest rate that held, which ``per_s`` is."""
    high: float | None
    """The lowest one above it that did not; None where none was tried that did not."""
    limited_by: Literal["objective", "saturation", "unclear", "client", "nothing"]
    """What ended it: ``unclear`` where runs were INVALID or disturbed and do not show that more holds, ``client`` where
    the load engine may offer no more, ``nothing`` where every rate held that was tried."""
    reason: str
    """The same in words, with figures."""


class Scalability(BaseModel):
    """The Universal Scalability Law, fitted to closed-loop throughput (Gunther, 2007).

    ``X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))``
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lambda_per_s: float
    """Answers a second of one client."""
    sigma: float
    """Contention: the share of the work that is done one after the other."""
    kappa: float
    """Coherency: what each pair of clients costs."""
    r_squared: float
    peak_clients: float | None
    """Where the throughput is highest; None where it has no peak."""
    peak_per_s: float
    """Throughput at the peak; where there is none the asymptote lambda / sigma, or, of a line that does not bend, what
    is fitted to the most clients measured."""
    measured: dict[int, float]
    """Answers a second by number of clients, of VALID runs."""
    fitted: dict[int, float]
    reason: str
    """Why the curve bends, in words."""
    runs: list[str]

    @property
    def misfit(self) -> tuple[float, int]:
        """By which share of the measured throughput the law is off at most, and at how many clients."""
        return max((abs(self.fitted[clients] / measured - 1), clients) for clients, measured in self.measured.items())


class Prediction(BaseModel):
    """What the simulation says of a load that was measured but not used for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float
    replicas: int
    balancer: Balancer | None
    """None for one replica without one."""
    figure: str
    """``P50``, ``P99``."""
    predicted_ms: float
    measured_ms: float
    error: float
    """Predicted over measured, less 1."""
    runs: list[str]


class FleetOption(BaseModel):
    """So many replicas behind one kind of load balancer, under the demanded rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    balancer: Balancer
    replicas: int
    utilization: float
    """Mean share of the time that a replica computes, 0 to 1."""
    predicted_ms: float
    """The objective's percentile, simulated."""
    predicted_low_ms: float
    """Of the 95% interval over simulated repetitions."""
    predicted_high_ms: float
    cost_per_h: float | None
    """In the price's own currency; None without a price."""
    cost_per_million: float | None
    """Of a million answers at the demanded rate."""


class DeploymentPlan(BaseModel):
    """What one deployment needs to meet the demand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    format: str
    precision: str
    server: str
    protocol: str
    runtime: str | None
    variant: str | None = None
    """Which of several settings its server had."""
    points: list[LoadPoint]
    highest: HighestRate
    swept: float | None = None
    """The highest rate of a fine sweep up to which all held; None where none was made, or none held."""
    scalability: Scalability | None
    predictions: list[Prediction]
    fleet: list[FleetOption]
    """One for each kind of balancer; empty where no number of replicas meets the demand."""
    replicas: int | None
    """Of the recommended option, headroom included."""
    needs: str
    """What it needs, or why it cannot, in one sentence."""


class Validation(BaseModel):
    """Replicas behind a real load balancer, measured and simulated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    balancer: Balancer
    program: str
    """Which balancer it was, with its version: ``HAProxy 2.6.12``."""
    deployment: str
    predictions: list[Prediction]
    note: str
    """What the comparison leaves out, such as cores that the replicas share."""


class CapacityPlan(BaseModel):
    """Deployments for a demand, the cheapest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    slo: Slo
    rate: float
    """Demanded requests a second, on average."""
    arrivals: Literal["poisson", "constant"]
    headroom: float
    """Share of each replica's highest rate that is kept free, 0 to 1."""
    price_per_h: float | None
    """Of one replica."""
    currency: str | None
    deployments: list[DeploymentPlan]
    """Ranked: those that meet the demand, by cost (replicas, without a price); then the others."""
    validations: list[Validation]
    answer: str
    """The recommendation in one sentence."""
    notes: list[str]
    """What a reader must know to use it: where the machine limits it, what was assumed."""
