"""A test that several Locust processes share, from the master's side: one start, one end, one file of records."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import gevent
import gevent.event
import zmq
from locust import runners
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_INIT, STATE_MISSING, STATE_STOPPED

from loadtest import joining, records, spool
from loadtest.driver import messages
from loadtest.driver.ending import end_test
from loadtest.driver.machines import Place, seats
from loadtest.driver.options import give_way, records_folder
from loadtest.driver.start import Moment
from loadtest.driver.wrong_answers import WrongAnswers
from loadtest.errors import LoadError
from loadtest.plan import NAME as PLAN

_LEAD_S: Final = 2.0
"""From telling the start to it: for the message to arrive, and for connecting to the server."""
_SLACK_S: Final = 1.0
_ANSWER_S: Final = 3.0
"""For a worker to say where it is."""
_END_MARGIN_S: Final = 60.0
"""How long engines may take to write and send their records."""
_GONE_S: Final = 3
"""For which a worker must be unreachable to be taken for dead: it may be about to connect again."""
_ORPHAN_S: Final = 5.0
"""How long to wait for the engine of a dead worker, which then stops by itself."""

# Locust takes a worker for dead after 3 s of silence. Ours may be silent for longer, because they give way to engines
# on the same core; the master notices in another way when one is gone.
runners.HEARTBEAT_LIVENESS = 30

_logger = logging.getLogger(__name__)


class Conductor:
    """The master's part. It has no engine."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._options = environment.parsed_options
        self._shares: dict[str, int] = {}
        self._unready: set[str] = set()
        self._out: set[str] = set()
        self._unkept: dict[str, str] = {}
        self._over = gevent.event.Event()
        self._over.set()
        self._stopping = False
        self._places: dict[str, Place] = {}
        self._strangers: set[str] = set()
        environment.events.worker_report.add_listener(self._on_report)
        for name, listener in (
            (messages.PLACE, self._on_place),
            (messages.READY, self._on_ready),
            (messages.RECORDS, self._on_records),
            (messages.ENDED, self._on_ended),
        ):
            self._runner.register_message(name, listener)

    def start(self) -> None:
        """Tell the workers, who get all options that are not Locust's own, what they must know of the whole test."""
        options, clients = self._options, self._runner.clients
        workers = [client.id for client in clients.ready + clients.running + clients.spawning]
        self._shares = {worker: index for index, worker in enumerate(workers)}
        self._unready, self._out = set(workers), set(workers)
        self._began_s, self._delay_s, self._window_end_s = time.monotonic(), 0.0, float("inf")
        self._stopping = self._joined = False
        self._unkept = {}
        self._environment.process_exit_code = None
        self._folder = Path(options.plan) if options.plan else records_folder(options)
        options.load_shared = {
            "users": self._runner.target_user_count,
            "run_time_s": options.run_time or None,
            "shares": self._shares,
            "seats": self._seats(workers),
            "folder": str(self._folder),
            "headless": options.headless,
        }
        self._over.clear()
        gevent.spawn(self._watch)

    def on_test_stopping(self) -> None:
        """Have the engines stop, unless they are about to end by themselves, and put their records together."""
        self._stopping = True
        left_s = max(0.0, self._window_end_s - time.monotonic())
        # Locust's clock has run since before the engines were prepared, and so they end later than it says.
        if left_s > self._delay_s + _SLACK_S:
            self._runner.send_message(messages.STOP)
            left_s = 0.0
        self._over.wait(left_s + self._options.timeout + _END_MARGIN_S)
        if not self._joined:
            self._joined = True
            self._join()

    def _seats(self, workers: list[str]) -> dict[str, dict[str, int | None]]:
        """Ask all where they are. One that does not say shares the cores that it has."""
        self._places.clear()
        with gevent.Timeout(_ANSWER_S, False):
            while silent := [worker for worker in workers if worker not in self._places]:
                for worker in silent:
                    self._runner.send_message(messages.WHERE, None, worker)
                gevent.sleep(0.1)
        places = [self._places.get(worker, Place(boot=worker, cores=())) for worker in workers]
        return {worker: asdict(seat) for worker, seat in zip(workers, seats(places), strict=True)}

    def _on_place(self, msg: Message, **_: Any) -> None:
        self._places[msg.node_id] = Place.of(msg.data)

    def _on_report(self, client_id: str, **_: Any) -> None:
        """Take in workers of a master that this one has come after: to Locust, they are strangers for ever."""
        if client_id in self._runner.clients or self._runner.state not in (STATE_INIT, STATE_STOPPED):
            self._strangers.discard(client_id)
        elif client_id in self._strangers:
            self._strangers.discard(client_id)
            self._runner.send_message("stop", None, client_id)  # after which it says that it is ready
        else:  # a worker is one for a moment at the end of each test
            self._strangers.add(client_id)

    def _on_ready(self, msg: Message, **_: Any) -> None:
        if msg.node_id not in self._unready or self._stopping:
            return
        self._unready.discard(msg.node_id)
        if self._unready:
            return
        moment = Moment.after(_LEAD_S)
        start_s = moment.monotonic_ns / 1e9
        self._delay_s = start_s - self._began_s
        if self._options.run_time:
            self._window_end_s = start_s + self._options.run_time
        for worker in self._shares:
            self._runner.send_message(messages.START, moment.message(), worker)
        if self._options.headless:
            give_way()

    def _on_records(self, msg: Message, **_: Any) -> None:
        if msg.node_id in self._out and msg.node_id not in self._unkept:
            folder = self._engine_folder(msg.node_id)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / messages.INCOMING).open("ab") as file:
                    file.write(msg.data)
            except OSError as error:
                self._unkept[msg.node_id] = f"{folder}: its records cannot be written ({error.strerror or error})"

    def _on_ended(self, msg: Message, **_: Any) -> None:
        worker, ended = msg.node_id, msg.data
        if worker in self._out:
            error = ended["error"] or self._unkept.get(worker)
            try:
                self._keep(worker, ended["shift_ns"], ended["plan"])
            except (OSError, LoadError) as reason:
                error = error or str(reason)
            self._leave(worker, error)
        self._runner.send_message(messages.RECEIVED, None, worker)

    def _keep(self, worker: str, shift_ns: int, plan: str | None) -> None:
        """All of a worker's records have come."""
        incoming = self._engine_folder(worker) / messages.INCOMING
        if worker in self._unkept or not incoming.exists():
            return
        path = incoming.with_name(records.NAME)
        incoming.rename(path)
        if shift_ns:
            records.write(path, joining.shifted(records.read(path), shift_ns))
        if plan:
            (self._folder / PLAN).write_text(plan)

    def _leave(self, worker: str, error: str | None) -> None:
        """A worker's part is over. The first error ends the test: the load is no longer what was asked for."""
        self._out.discard(worker)
        if error:
            self._fail(f"{joining.engine_name(self._shares[worker])}: {error}")
        if not self._out:
            self._over.set()
        if (error or not self._out) and not self._stopping:
            self._stopping = True
            # By a greenlet of its own, since this one must go on receiving.
            gevent.spawn(end_test, self._environment)

    def _fail(self, error: str) -> None:
        # What comes after the first one tends to be the same, or to follow from it.
        _logger.log(logging.INFO if self._environment.process_exit_code else logging.ERROR, error)
        self._environment.process_exit_code = 1

    def _watch(self) -> None:
        """Notice when a worker is gone."""
        silent = dict.fromkeys(self._shares, 0)
        while not self._over.wait(1.0):
            for worker in tuple(self._out):
                silent[worker] = 0 if self._reachable(worker) else silent[worker] + 1
                if silent[worker] >= _GONE_S:
                    if worker in self._runner.clients:
                        self._runner.clients[worker].heartbeat = -1  # Locust then takes it for missing
                    self._leave(worker, "its worker is gone")

    def _reachable(self, worker: str) -> bool:
        client = self._runner.clients.get(worker)
        if client is not None and client.state == STATE_MISSING:
            return False
        # ZeroMQ drops what is for someone gone, unless it is asked to say so.
        socket = self._runner.server.socket
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            socket.send_multipart([worker.encode(), Message("heartbeat", None, worker).serialize()], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            return error.errno != zmq.EHOSTUNREACH
        finally:
            socket.setsockopt(zmq.ROUTER_MANDATORY, 0)
        return True

    def _join(self) -> None:
        if self._options.plan:
            return  # whoever made the plan does it: the folder is there
        spools = [self._engine_folder(worker) / spool.NAME for worker in self._shares]
        with gevent.Timeout(_ORPHAN_S, False):
            while any(path.exists() for path in spools):
                gevent.sleep(0.1)
        try:
            found = joining.gather(self._folder, len(self._shares))
        except LoadError as error:
            self._fail(str(error))
        else:
            _logger.info(f"Raw records of {len(self._shares)} engines: {self._folder / records.NAME}")
            if wrong := WrongAnswers.among(found.facts):
                self._fail(str(wrong))

    def _engine_folder(self, worker: str) -> Path:
        return self._folder / joining.engine_name(self._shares[worker])
