"""What an experiment consists of, written by people in YAML."""

from tailbed.suite.load_points import ShareOfCapacity, SuiteScenario, resolve
from tailbed.suite.read import SuiteError, check_traces, named_suites, read_suite
from tailbed.suite.schema import ColdStartSettings, Suite

__all__ = [
    "ColdStartSettings",
    "ShareOfCapacity",
    "Suite",
    "SuiteError",
    "SuiteScenario",
    "check_traces",
    "named_suites",
    "read_suite",
    "resolve",
]
