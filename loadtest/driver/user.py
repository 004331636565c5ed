"""The Locust user: it stands for load that the engine offers, and so for Locust's start, ramp-up and stop."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

import gevent
from locust import User, constant, events, task
from locust import stats as locust_stats
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtest.driver.engine_process import EngineProcess
from loadtest.driver.options import Share, add_arguments, make_plan
from loadtest.driver.statistics import StatisticsFeed
from loadtest.plan import LoadPlan, read_plan, write_plan
from loadtest.protocols import protocol_named
from loadtest.scenario import ClosedLoop
from models import TailbedError

_PATIENCE_S: Final = 5.0
"""Locust's clock starts before the engine's: at the end of --run-time the engine still has a second or so to go."""
_NICEST: Final = 19

_logger = logging.getLogger(__name__)


class Driver:
    """The engine of one Locust process, from one test to the next."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._options = environment.parsed_options
        self._engine: EngineProcess | None = None
        self._users_are_clients = False
        self._users = 0

    def start(self) -> None:
        """Start the engine for a test, or log in one line why not, and end the test."""
        try:
            if self._options.plan:
                folder = Path(self._options.plan)
                plan = read_plan(folder)
            else:
                plan, folder = make_plan(self._options, self._environment.host, self._share())
                write_plan(folder, plan)
        except (TailbedError, OSError) as error:
            self._fail(str(error))
            self._end_test()
            return
        self._users_are_clients = not self._options.plan and isinstance(plan.scenario, ClosedLoop)
        self._users = 0
        self._engine = EngineProcess(
            folder,
            clients=0 if self._users_are_clients else None,
            timeout_s=plan.timeout_s,
            feed=self._feed(plan).add,
        )
        gevent.spawn(self._await_end, self._engine)
        _logger.info("Raw records go to %s", folder)
        if self._options.headless:
            # The engine is started and no other will be: from here on this process only keeps the books, and must
            # not take time from a server. (Where tests follow on one another, later engines would inherit this.)
            os.setpriority(os.PRIO_PROCESS, 0, _NICEST)

    def stop(self, *, patience_s: float = 0.0) -> None:
        """Stop the engine, if it runs, and wait until all that it measured is in the statistics."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        engine.stop(patience_s=patience_s)
        if self._options.csv_prefix:
            # Locust does not write its CSV files a last time when it quits, only once a second.
            gevent.sleep(locust_stats.CSV_STATS_INTERVAL_SEC + 0.2)

    def user_count_changed(self, by: int) -> None:
        """Locust has started or stopped users."""
        self._users += by
        if self._engine and self._users_are_clients:
            self._engine.change_clients(self._users)

    def on_test_stopping(self) -> None:
        """The run time is over, or someone stops the test."""
        self.stop(patience_s=_PATIENCE_S if self._share().run_time_s else 0.0)

    def _await_end(self, engine: EngineProcess) -> None:
        error = engine.wait()
        if error:
            self._fail(error)
        if engine is not self._engine:
            return  # it was told to end, by a test that ends anyway
        self._engine = None
        if error or not isinstance(self._environment.runner, WorkerRunner):
            self._end_test()

    def _fail(self, error: str) -> None:
        self._environment.process_exit_code = 1
        _logger.error(error)

    def _end_test(self) -> None:
        runner = self._environment.runner
        # By a greenlet of its own, since these end the one that calls them.
        if self._options.headless or isinstance(runner, WorkerRunner):
            gevent.spawn(runner.quit)
        else:
            gevent.spawn(runner.stop)

    def _feed(self, plan: LoadPlan) -> StatisticsFeed:
        verb = protocol_named(plan.protocol).verb
        return StatisticsFeed(self._environment.stats, method=verb, name=f"{plan.model}/infer")

    def _share(self) -> Share:
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            users, run_time_s, workers = self._options.load_shared
            return Share(users, run_time_s, max(runner.worker_index, 0), workers)
        return Share(runner.target_user_count if runner else 1, self._options.run_time)


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
    if isinstance(environment.runner, MasterRunner):
        environment.events.test_start.add_listener(_share_out)
        return
    driver = InferenceUser.driver = Driver(environment)
    environment.events.test_start.add_listener(lambda **_: driver.start())
    environment.events.test_stopping.add_listener(lambda **_: driver.on_test_stopping())
    environment.events.quitting.add_listener(lambda **_: driver.stop())


def _share_out(environment: Environment, **_: Any) -> None:
    """Tell the workers, who get all options that are not Locust's own, what they need to know of the whole test."""
    options, runner = environment.parsed_options, environment.runner
    options.load_shared = (runner.target_user_count, options.run_time, runner.worker_count)
