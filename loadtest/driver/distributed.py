"""A test that several Locust processes share: what the master tells its workers, and they it."""

from __future__ import annotations

import argparse
import logging
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtest.driver.options import Share

PATIENCE_S: Final = 5.0
"""Locust's clock starts before the engine's: at the end of --run-time the engine still has a second or so to go."""

_LOAD_ENDED: Final = "load_ended"

_logger = logging.getLogger(__name__)


class Conductor:
    """The master's part. It has no engine."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._ended = 0
        environment.runner.register_message(_LOAD_ENDED, self._on_load_ended)

    def start(self) -> None:
        """Tell the workers, who get all options that are not Locust's own, what they must know of the whole test."""
        options, runner = self._environment.parsed_options, self._environment.runner
        options.load_shared = (runner.target_user_count, options.run_time or None, runner.worker_count)
        self._ended = 0

    def on_test_stopping(self) -> None:
        """At the end of the run time, let the engines come to theirs: Locust waits half a second for what is left."""
        if self._environment.parsed_options.run_time:
            with gevent.Timeout(PATIENCE_S, False):
                while self._ended < self._environment.runner.worker_count:
                    gevent.sleep(0.1)

    def _on_load_ended(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._ended += 1
        if msg.data:
            environment.process_exit_code = 1
            _logger.error(msg.data)
            if self._ended == environment.runner.worker_count:
                gevent.spawn(
                    environment.runner.quit if environment.parsed_options.headless else environment.runner.stop
                )


def share_of(worker: WorkerRunner, options: argparse.Namespace) -> Share:
    """The part of the test that is this worker's, by what its master told."""
    users, run_time_s, workers = options.load_shared
    return Share(users, run_time_s, max(worker.worker_index, 0), workers)


def report_end(worker: WorkerRunner, error: str | None) -> None:
    """Tell the master that this worker's engine has ended, or could not start."""
    worker.send_message(_LOAD_ENDED, error)
