"""What an experiment consists of, written by people in YAML."""

from tailbed.suite.read import SuiteError, named_suites, read_suite
from tailbed.suite.schema import Suite

__all__ = ["Suite", "SuiteError", "named_suites", "read_suite"]
