"""The engine of a Locust process, in step with Locust's tests."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import gevent
from locust import stats as locust_stats
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtest.driver import distributed
from loadtest.driver.engine_process import EngineProcess
from loadtest.driver.options import Share, make_plan
from loadtest.driver.statistics import StatisticsFeed
from loadtest.plan import LoadPlan, read_plan, write_plan
from loadtest.protocols import protocol_named
from loadtest.scenario import ClosedLoop
from models import TailbedError

_logger = logging.getLogger(__name__)


class Driver:
    """The engine of one Locust process, from one test to the next."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._options = environment.parsed_options
        self._engine: EngineProcess | None = None
        self._has_run_time = False
        self._users_are_clients = False
        self._users = 0

    def start(self) -> None:
        """Start the engine for a test, or log in one line why not, and end the test."""
        self._environment.process_exit_code = None
        try:
            if self._options.plan:
                folder = Path(self._options.plan)
                plan = read_plan(folder)
            else:
                share = self._share()
                plan, folder = make_plan(self._options, self._environment.host, share)
                write_plan(folder, plan)
                self._has_run_time = share.run_time_s is not None
        except (TailbedError, OSError) as error:
            self._end_test(str(error))
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
            # Niceness would not do: a nice process still keeps a core for some 3 ms from one that has just woken, as
            # the engine does before it sends; an idle one gives it up at once.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    def stop(self, *, patience_s: float = 0.0) -> None:
        """Stop the engine, if it runs, and wait until all that it measured is in the statistics."""
        engine, self._engine = self._engine, None
        if engine:
            engine.stop(patience_s=patience_s)

    def user_count_changed(self, by: int) -> None:
        """Locust has started or stopped users."""
        self._users += by
        if self._engine and self._users_are_clients:
            self._engine.change_clients(self._users)

    def on_test_stopping(self) -> None:
        """The run time is over, or someone stops the test, or the engine has ended."""
        self.stop(patience_s=distributed.PATIENCE_S if self._has_run_time else 0.0)
        if self._options.csv_prefix:
            # Locust writes its CSV files once a second, but not a last time when it quits.
            gevent.sleep(locust_stats.CSV_STATS_INTERVAL_SEC + 0.2)

    def _await_end(self, engine: EngineProcess) -> None:
        error = engine.wait()
        if engine is self._engine:
            self._engine = None
            self._end_test(error)
        elif error:  # it was told to end, by a test that ends anyway
            self._log(error)

    def _log(self, error: str) -> None:
        self._environment.process_exit_code = 1
        _logger.error(error)

    def _end_test(self, error: str | None) -> None:
        if error:
            self._log(error)
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            distributed.report_end(runner, error)
        else:
            # By a greenlet of its own, since this ends the one that calls it.
            gevent.spawn(runner.quit if self._options.headless else runner.stop)

    def _feed(self, plan: LoadPlan) -> StatisticsFeed:
        verb = protocol_named(plan.protocol).verb
        return StatisticsFeed(self._environment.stats, method=verb, name=f"{plan.model}/infer")

    def _share(self) -> Share:
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            return distributed.share_of(runner, self._options)
        return Share(runner.target_user_count, self._options.run_time or None)
