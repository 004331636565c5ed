"""Replicas behind a load balancer: learned from raw records, simulated, and counted."""

from tailbed.planning.fleet.balancing import BALANCERS
from tailbed.planning.fleet.prediction import Predicted, predict
from tailbed.planning.fleet.replica_model import NothingToLearn, ReplicaModel
from tailbed.planning.fleet.sizing import size_fleet

__all__ = ["BALANCERS", "NothingToLearn", "Predicted", "ReplicaModel", "predict", "size_fleet"]
