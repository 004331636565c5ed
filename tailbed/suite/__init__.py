"""What an experiment consists of, written by people in YAML."""

from tailbed.suite.read import SuiteError, check_traces, named_suites, read_suite
from tailbed.suite.schema import Suite

__all__ = ["Suite", "SuiteError", "check_traces", "named_suites", "read_suite"]
