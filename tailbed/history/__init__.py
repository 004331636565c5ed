"""The history: what was ever measured here, a row a run, and how the figures of a cell went over time."""

from tailbed.history.columns import COLUMNS
from tailbed.history.errors import HistoryError
from tailbed.history.experiments import Experiment, called, experiments, find
from tailbed.history.store import add, forget, record, store

__all__ = ["COLUMNS", "Experiment", "HistoryError", "add", "called", "experiments", "find", "forget", "record", "store"]
