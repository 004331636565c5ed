"""What an experiment consists of, written by people in YAML."""

from tailbed.suite.deployments import Candidate, Selection, candidates, select
from tailbed.suite.load_points import ShareOfCapacity, SuiteScenario, resolve
from tailbed.suite.read import SuiteError, check_traces, named_suites, read_suite
from tailbed.suite.schema import ColdStartSettings, Suite
from tailbed.suite.services import Pair, select_services, service_candidates

__all__ = [
    "Candidate",
    "ColdStartSettings",
    "Pair",
    "Selection",
    "ShareOfCapacity",
    "Suite",
    "SuiteError",
    "SuiteScenario",
    "candidates",
    "check_traces",
    "named_suites",
    "read_suite",
    "resolve",
    "select",
    "select_services",
    "service_candidates",
]
