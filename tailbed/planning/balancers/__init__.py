"""Real load balancers before real replicas, to see whether the simulation tells the truth."""

from tailbed.planning.balancers.program import BalancerError
from tailbed.planning.balancers.validation import PROGRAMS, compare, installed, validate

__all__ = ["PROGRAMS", "BalancerError", "compare", "installed", "validate"]
