"""What is concluded from measurements, as it is stored beside them: recommendations, quantization, capacity plans."""

from __future__ import annotations

from tailbed.results.decisions.plan import (
    CapacityPlan,
    DeploymentPlan,
    FleetOption,
    HighestRate,
    LoadPoint,
    Prediction,
    Role,
    Scalability,
    Validation,
)
from tailbed.results.decisions.quantization import Change, PrecisionResult, QuantizationStudy, Ratio
from tailbed.results.decisions.recommendation import Goal, Recommendation, Recommendations

__all__ = [
    "CapacityPlan",
    "Change",
    "DeploymentPlan",
    "FleetOption",
    "Goal",
    "HighestRate",
    "LoadPoint",
    "PrecisionResult",
    "Prediction",
    "QuantizationStudy",
    "Ratio",
    "Recommendation",
    "Recommendations",
    "Role",
    "Scalability",
    "Validation",
]
