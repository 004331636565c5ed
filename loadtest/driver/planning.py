"""The plan of a Locust process's part of a test, from its options and what the server says."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from loadtest.access import check_protocol, parse_headers, resolve_target
from loadtest.driver.machines import Place, Seat, seats
from loadtest.driver.targets import HOST, Target, find_target, target_names
from loadtest.errors import LoadError
from loadtest.inputs import described, requests, write_pool
from loadtest.plan import LoadPlan, Share, write_plan
from loadtest.scenario import MOST_CLIENTS, AnyScenario, ClosedLoop, OpenLoop, Server
from loadtest.scenario.text import parse
from models.inputs import is_batched
from servers import connect
from servers.protocols import JSON_ALONE, protocol_of

_LOG: Final = logging.getLogger(__name__)
_ITEMS: Final = 64
"""Distinct requests that are made up where the user brings none."""
_POOL: Final = "pool.npz"
_LONGEST_S: Final = 3600.0
"""Of a test without a run time: its schedule is computed before it begins."""


@dataclass(frozen=True)
class Part:
    """A Locust process's part of a test.

    Attributes:
        users: in all processes together.
        run_time_s: of the test, None if it has no limit.
        folder: where the raw records go.
        share: this process's share of the load.
        seat: its engine's among those of its machine.
    """

    users: int
    run_time_s: float | None
    folder: Path
    share: Share = field(default_factory=Share)
    seat: Seat = field(default_factory=lambda: seats([Place.here()])[0])


def chosen_target(options: argparse.Namespace, host: str | None) -> Target | None:
    """The service that is asked; None where it is what --host says.

    Raises:
        LoadError: neither is given, or both are, or there is no such service.
    """
    if options.target in ("", HOST):
        if not host:
            names = ", ".join(target_names())
            raise LoadError(
                "no target: give --host http://HOST:PORT or --host grpc://HOST:PORT"
                + (f", or --target with one of {names}" if names else "")
            )
        return None
    given = {"host": host} | {name: getattr(options, name) for name in ("model", "protocol", "inputs", "ca")}
    if said := [f"--{name}" for name, value in given.items() if value]:
        raise LoadError(
            f"--target {options.target} says where and what to ask: leave out {', '.join(said)}, "
            f"or give --target {HOST}"
        )
    return find_target(options.target)


def make_plan(options: argparse.Namespace, host: str | None, part: Part) -> LoadPlan:
    """Ask the server what the model takes, and write the part's folder: the plan, and requests where it has none.

    Raises:
        TailbedError: the options do not fit together, the server does not know the model or does not answer, or the
            folder cannot be written.
    """
    target = chosen_target(options, host)
    length_s = part.run_time_s or _LONGEST_S
    if options.warmup >= length_s:
        raise LoadError(f"--warmup {options.warmup:g} leaves nothing of a run time of {length_s:g} s")
    made = None
    if target:
        asked = _of_service(target, options)
    else:
        asked, made = _of_host(str(host), options, part.folder / _POOL)
    try:
        plan = LoadPlan(
            **asked,
            scenario=_scenario(options, part.users),
            warmup_s=options.warmup,
            duration_s=length_s - options.warmup,
            seed=options.seed,
            max_in_flight=options.max_in_flight,
            timeout_s=options.timeout,
            core=_core(options.core, part.seat),
            share=part.share,
        )
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("share",):
            raise LoadError(f"{part.share.of} processes: {first['msg'].removeprefix('Value error, ')}") from error
        raise LoadError(f"--{str(first['loc'][-1]).removesuffix('_s').replace('_', '-')}: {first['msg']}") from error
    try:
        part.folder.mkdir(parents=True)
        if made:
            write_pool(plan.pool, made)
        write_plan(part.folder, plan)
    except OSError as error:
        raise LoadError(f"--records: {part.folder} cannot be written: {error.strerror or error}") from error
    return plan


def _of_service(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """The plan's fields that say what is asked."""
    pool, batched, check = target.load()
    target.check_ready(timeout_s=options.timeout)
    endpoint = target.endpoint
    return {
        "protocol": endpoint.protocol,
        "url": endpoint.url,
        "headers": parse_headers(options.header, bearer_env=options.bearer_env or None),
        "model": endpoint.model,
        "pool": pool,
        "batched": batched,
        "check": check,
    }


def _of_host(host: str, options: argparse.Namespace, pool: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The plan's fields that say what is asked, and the requests for its pool."""
    if not options.model:
        raise LoadError("no model: give --model NAME, its name on the server")
    url = host.rstrip("/")
    headers = parse_headers(options.header, bearer_env=options.bearer_env or None)
    ca_file = Path(options.ca).absolute() if options.ca else None
    target = resolve_target(url, headers, ca_file)
    if options.protocol:
        check_protocol(options.protocol, target)
    protocol = options.protocol or protocol_of(target, timeout_s=options.timeout)
    if not options.protocol and protocol == JSON_ALONE:
        _LOG.info("the server does not say that it takes binary tensors: it is asked in JSON (%s)", protocol)
    with connect(url, protocol=protocol, timeout_s=options.timeout, headers=target.headers, ca_file=ca_file) as client:
        file = Path(options.inputs) if options.inputs else None
        metadata = described(client, options.model, file)
    batched = is_batched(metadata.inputs + metadata.outputs)
    fields = {
        "protocol": protocol,
        "url": url,
        "headers": headers,
        "ca_file": ca_file,
        "model": options.model,
        "pool": pool,
        "batched": batched,
    }
    return fields, requests(options.model, metadata, file, items=_ITEMS, seed=options.seed, batched=batched)


def _scenario(options: argparse.Namespace, users: int) -> AnyScenario:
    match options.scenario:
        case "poisson" | "constant" as arrivals:
            return OpenLoop(arrivals=arrivals, rate=options.rate)
        case "Server":
            return Server(rate=options.rate)
    whole = parse(options.scenario)
    if isinstance(whole, ClosedLoop):
        # The users are the clients, however many the scenario has.
        return whole.model_copy(update={"concurrency": min(max(1, users), MOST_CLIENTS)})
    return whole


def _core(text: str, seat: Seat) -> int | None:
    """The core for an engine that has this seat."""
    if text == "none":
        return None
    if text == "auto":
        return seat.core
    try:
        core = int(text)
    except ValueError as error:
        raise LoadError(f"--core {text}: expected auto, none or the number of a core") from error
    if seat.index > 0:
        raise LoadError(f"--core {text}: one core of its own cannot be that of several engines: give auto or none")
    return core
