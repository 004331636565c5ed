"""Endpoint -> records: the load engine, its Locust user, and the protocols that it speaks."""

from loadtest.driver.run import run
from loadtest.errors import LoadError

__all__ = ["LoadError", "run"]
