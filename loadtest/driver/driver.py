"""The engine of a Locust process, in step with Locust's tests."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import gevent
import gevent.event
from locust import stats as locust_stats
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtest.driver.ending import end_test
from loadtest.driver.engine_process import EngineProcess
from loadtest.driver.feed import Feed
from loadtest.driver.options import give_way, records_folder
from loadtest.driver.planning import Part, make_plan
from loadtest.driver.targets import HOST
from loadtest.driver.worker import WorkerLink, end_with_parent
from loadtest.errors import LoadError
from loadtest.plan import LoadPlan, read_plan
from loadtest.scenario import ClosedLoop
from models import TailbedError

if TYPE_CHECKING:
    from loadtest.driver.metrics import LoadMetrics

_PATIENCE_S: Final = 5.0
"""Locust's clock starts before the engine's: at the end of --run-time the engine has yet to go for a second or so, and
for as long as its plan took to make."""
_DELIVERY_S: Final = 60.0

_logger = logging.getLogger(__name__)


class Driver:
    """The engine of one Locust process, from one test to the next."""

    def __init__(self, environment: Environment, metrics: LoadMetrics | None = None) -> None:
        self._environment = environment
        self._options = environment.parsed_options
        self._engine: EngineProcess | None = None
        self._awaiting: gevent.Greenlet | None = None
        self._has_run_time = False
        self._planned = gevent.event.Event()
        self._planned.set()
        self._planning_s = 0.0
        self._users_are_clients = False
        self._users = 0
        self._link: WorkerLink | None = None
        self._metrics = metrics
        if isinstance(environment.runner, WorkerRunner):
            if self._options.processes:
                end_with_parent()
            self._link = WorkerLink(environment.runner, begin=self._begin, stop=self._stop_told)

    def start(self) -> None:
        """Start the engine for a test, or log in one line why not, and end the test."""
        self._environment.process_exit_code = None
        self._planned.clear()
        began_s = time.monotonic()
        try:
            self._start()
        finally:
            self._planning_s = time.monotonic() - began_s
            self._planned.set()

    def _start(self) -> None:
        try:
            part = self._part()
            plan = self._plan(part)
        except (TailbedError, OSError) as error:
            # By a greenlet of its own, since a worker's waits for an answer that this one receives.
            self._awaiting = gevent.spawn(self._end_test, str(error), None, None)
            return
        self._has_run_time = not self._options.plan and part.run_time_s is not None
        self._users_are_clients = not self._options.plan and isinstance(plan.scenario, ClosedLoop)
        self._users = 0
        target = self._options.target if self._options.target not in ("", HOST) else plan.url
        feed = Feed(plan, self._environment.stats, self._metrics, target=target)
        self._engine = EngineProcess(
            part.folder,
            clients=0 if self._users_are_clients else None,
            timeout_s=plan.timeout_s,
            feed=feed.add,
            on_ready=self._link.tell_ready if self._link else None,
        )
        self._awaiting = gevent.spawn(self._await_end, self._engine, feed, part, plan)
        _logger.info("Raw records go to %s", part.folder)
        if not self._link:
            self._give_way()

    def stop(self, *, patience_s: float = 0.0) -> None:
        """Stop the engine, if it runs, and wait until all that it measured is where it belongs."""
        engine, self._engine = self._engine, None
        if engine:
            engine.stop(patience_s=patience_s)
        if self._awaiting:
            self._awaiting.join(_DELIVERY_S)

    def user_count_changed(self, by: int) -> None:
        """Locust has started or stopped users."""
        self._users += by
        if self._engine and self._users_are_clients:
            self._engine.change_clients(self._users)

    def on_test_stopping(self) -> None:
        """The run time is over, or someone stops the test, or the engine has ended."""
        if not self._link:  # a worker's plan waits for an answer that this greenlet receives
            self._planned.wait(_DELIVERY_S)
        patience_s = self._planning_s + _PATIENCE_S if self._has_run_time and not self._link else 0.0
        self.stop(patience_s=patience_s)
        if self._options.csv_prefix:
            # Locust writes its CSV files once a second, but not a last time when it quits.
            gevent.sleep(locust_stats.CSV_STATS_INTERVAL_SEC + 0.2)

    def _part(self) -> Part:
        if self._link:
            return self._link.part(self._options.load_shared)
        folder = Path(self._options.plan) if self._options.plan else records_folder(self._options)
        return Part(self._environment.runner.target_user_count, self._options.run_time or None, folder)

    def _plan(self, part: Part) -> LoadPlan:
        if self._options.plan:
            plan = read_plan(part.folder)
            if plan.share != part.share:
                raise LoadError(f"{part.folder}: its plan is not for engine {part.share.index} of {part.share.of}")
            return plan
        return make_plan(self._options, self._environment.host, part)

    def _begin(self, start_ns: int) -> None:
        """The master has told when."""
        if self._engine:
            self._engine.begin(start_ns)
        self._give_way()

    def _stop_told(self, error: str | None) -> None:
        """The master has told it, or could not be understood."""
        if error and self._engine:
            self._engine.fail(error)
        self.stop()

    def _give_way(self) -> None:
        # Where tests follow on one another, later engines would inherit it.
        if self._options.headless or (self._link and self._options.load_shared["headless"]):
            give_way()

    def _await_end(self, engine: EngineProcess, feed: Feed, part: Part, plan: LoadPlan) -> None:
        error = engine.wait()
        feed.end(engine.wrong)
        if engine.wrong and not self._link:  # of several engines, the master says it of all
            self._log(str(engine.wrong))
        own_end = engine is self._engine
        if own_end:
            self._engine = None
        if own_end or self._link:
            self._end_test(error, part, plan)
        elif error:  # it was told to end, by a test that ends anyway
            self._log(error)

    def _log(self, error: str) -> None:
        self._environment.process_exit_code = 1
        _logger.error(error)

    def _end_test(self, error: str | None, part: Part | None, plan: LoadPlan | None) -> None:
        """Of a worker: its part of it. The master does the rest, and logs the error."""
        if self._link:
            if error:
                _logger.info(error)
            # Where the plan was there before, whoever made it finds the records beside it.
            local = bool(self._options.plan)
            self._link.deliver(None if local or not part else part.folder, None if local else plan, error)
            return
        if error:
            self._log(error)
        # By a greenlet of its own, since this ends the one that calls it.
        gevent.spawn(end_test, self._environment)
