"""The Locust user: it stands for load that the engine offers, and so for Locust's start, ramp-up and stop."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from locust import User, constant, events, task
from locust.env import Environment
from locust.runners import MasterRunner

from loadtest.driver import page
from loadtest.driver.conductor import Conductor
from loadtest.driver.driver import Driver
from loadtest.driver.options import add_arguments
from loadtest.errors import LoadError

if TYPE_CHECKING:
    from loadtest.driver.metrics import LoadMetrics

_LOG: Final = logging.getLogger(__name__)


class InferenceUser(User):  # type: ignore[misc]  # Locust has no types
    """Sends nothing itself. In a closed loop, the engine has as many clients as there are of these."""

    driver: Driver
    wait_time = constant(3600)

    @task  # type: ignore[untyped-decorator]
    def stand_by(self) -> None:
        """Leave it to the engine."""

    def on_start(self) -> None:
        """One client more."""
        self.driver.user_count_changed(1)

    def on_stop(self) -> None:
        """One client less."""
        self.driver.user_count_changed(-1)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _on_parser(parser: Any, **_: Any) -> None:
    add_arguments(parser)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _on_init(environment: Environment, **_: Any) -> None:
    driver: Conductor | Driver
    if environment.web_ui:
        page.adapt(environment)
    try:
        metrics = _serve_metrics(environment)
    except LoadError as error:
        _LOG.error(error)
        sys.exit(1)
    if isinstance(environment.runner, MasterRunner):
        driver = Conductor(environment)
    else:
        driver = InferenceUser.driver = Driver(environment, metrics)
        environment.events.quitting.add_listener(lambda **_: driver.stop())
    environment.events.test_start.add_listener(lambda **_: driver.start())
    environment.events.test_stopping.add_listener(lambda **_: driver.on_test_stopping())


def _serve_metrics(environment: Environment) -> LoadMetrics | None:
    options, runner = environment.parsed_options, environment.runner
    port, is_master = options.metrics_port, isinstance(runner, MasterRunner)
    if not port or (options.processes and is_master):
        return None
    from loadtest.driver.metrics import LoadMetrics, serve  # only where they are asked for

    metrics = LoadMetrics(None if is_master else lambda: runner.user_count)
    serve(metrics, options.metrics_host, port + runner.worker_index if options.processes else port)
    return metrics
