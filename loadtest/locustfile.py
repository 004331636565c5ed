"""Load for any Open Inference Protocol endpoint: ``locust -f loadtest/locustfile.py --host http://HOST:PORT``."""

from loadtest.driver.user import InferenceUser

__all__ = ["InferenceUser"]
