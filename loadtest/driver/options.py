"""What a user can ask of the load, on Locust's command line and its page, and the plan that this makes."""

from __future__ import annotations

import argparse
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from locust.argument_parser import LocustArgumentParser
from pydantic import ValidationError

from loadtest.access import check_protocol, parse_headers, resolve_target
from loadtest.errors import LoadError
from loadtest.inputs import described, requests, write_pool
from loadtest.plan import LoadPlan, Share
from loadtest.protocols import PROTOCOLS
from loadtest.scenario import MOST_CLIENTS, AnyScenario, ClosedLoop, OpenLoop
from loadtest.scenario.text import parse
from models.inputs import is_batched
from servers import connect
from servers.protocols import JSON_ALONE, protocol_of

_LOG: Final = logging.getLogger(__name__)
_ITEMS: Final = 64
"""Distinct requests that are made up where the user brings none."""
_LONGEST_S: Final = 3600.0
"""Of a test without a run time: its schedule is computed before it begins."""


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the load's own options to Locust's, on its command line and its page."""
    parser.add_argument("--model", default="", help="the model's name on the server")
    parser.add_argument(
        "--protocol",
        default="",
        help=f"what the server is asked in: {', '.join(PROTOCOLS.names())}; by default the Open Inference Protocol, in "
        "JSON where the server does not say that it takes binary tensors",
    )
    parser.add_argument(
        "--scenario",
        default="closed",
        help="closed: each Locust user is a client that waits for its answer before it asks again; "
        "poisson, constant: open loop, requests arrive at --rate whatever the server does and however many users; "
        "or any scenario as in a suite, such as '{kind: ramp, from_rate: 100, to_rate: 500}' or SingleStream",
    )
    parser.add_argument(
        "--rate", type=float, default=100.0, help="open loop: requests a second in all, whatever --users is"
    )
    parser.add_argument(
        "--warmup", type=float, default=2.0, help="seconds at the start of --run-time that the records mark as warm-up"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the arrivals and of inputs that are made up")
    parser.add_argument("--inputs", default="", help="an .npz with an array [items, ...] for each input of the model")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        include_in_web_ui=False,
        help="NAME:VALUE to send with every request, may be repeated; ${VARIABLE} in the value stands for a variable "
        "of the environment, which keeps secrets out of the records",
    )
    parser.add_argument("--bearer-env", default="", help="environment variable that holds a bearer token to send")
    parser.add_argument("--ca", default="", help="file of certificates (PEM) to trust instead of the system's")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds after which a request has failed")
    parser.add_argument("--max-in-flight", type=int, default=1024, help="open loop: most requests outstanding at once")
    parser.add_argument(
        "--core",
        default="auto",
        help="CPU core for the load engine, which then spins on it while it waits; "
        "auto: the last one if there are several; none: share all, with less exact times",
    )
    parser.add_argument(
        "--records", default="locust-records", help="folder for the raw records; each test gets a folder in it"
    )
    parser.add_argument(
        "--plan",
        default="",
        include_in_web_ui=False,
        help="folder with a plan.json; then all of the above is taken from it, and the records go there",
    )


@dataclass(frozen=True)
class Part:
    """A Locust process's part of a test.

    Attributes:
        users: in all processes together.
        run_time_s: of the test, None if it has no limit.
        folder: where the raw records go.
        share: this process's share of the load.
        place: which one this is of those on its machine, from 0.
    """

    users: int
    run_time_s: float | None
    folder: Path
    share: Share = field(default_factory=Share)
    place: int = 0


def records_folder(options: argparse.Namespace) -> Path:
    """A folder of its own for a test's raw records."""
    return Path(options.records) / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{os.getpid()}"


def give_way() -> None:
    """Leave the core to the engine and the server, from now until the end of this process.

    Niceness would not do: a nice process still keeps a core for some 3 ms from one that has just woken, as the engine
    does before it sends; an idle one gives it up at once.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def make_plan(options: argparse.Namespace, host: str | None, part: Part) -> LoadPlan:
    """Ask the server what the model takes, and write the part's folder with a pool of requests for it.

    Raises:
        TailbedError: the options do not fit together, or the server does not know the model or does not answer.
    """
    if not host:
        raise LoadError("no target: give --host http://HOST:PORT or --host grpc://HOST:PORT")
    if not options.model:
        raise LoadError("no model: give --model NAME, its name on the server")
    length_s = part.run_time_s or _LONGEST_S
    if options.warmup >= length_s:
        raise LoadError(f"--warmup {options.warmup:g} leaves nothing of a run time of {length_s:g} s")
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
    pool = requests(options.model, metadata, file, items=_ITEMS, seed=options.seed, batched=batched)
    try:
        plan = LoadPlan(
            protocol=protocol,
            url=url,
            headers=headers,
            ca_file=ca_file,
            model=options.model,
            pool=part.folder / "pool.npz",
            batched=batched,
            scenario=_scenario(options, part.users),
            warmup_s=options.warmup,
            duration_s=length_s - options.warmup,
            seed=options.seed,
            max_in_flight=options.max_in_flight,
            timeout_s=options.timeout,
            core=_core(options.core, part.place),
            share=part.share,
        )
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("share",):
            raise LoadError(f"{part.share.of} processes: {first['msg'].removeprefix('Value error, ')}") from error
        raise LoadError(f"--{str(first['loc'][-1]).removesuffix('_s').replace('_', '-')}: {first['msg']}") from error
    part.folder.mkdir(parents=True)
    write_pool(plan.pool, pool)
    return plan


def _scenario(options: argparse.Namespace, users: int) -> AnyScenario:
    if options.scenario in ("poisson", "constant"):
        return OpenLoop(arrivals=options.scenario, rate=options.rate)
    whole = parse(options.scenario)
    if isinstance(whole, ClosedLoop):
        # The users are the clients, however many the scenario has.
        return whole.model_copy(update={"concurrency": min(max(1, users), MOST_CLIENTS)})
    return whole


def _core(text: str, place: int) -> int | None:
    """The core for the engine of the Locust process that has this place among those of the machine."""
    if text == "none":
        return None
    if text == "auto":
        cores = sorted(os.sched_getaffinity(0))
        return cores[-1 - place] if place < len(cores) - 1 else None
    try:
        core = int(text)
    except ValueError as error:
        raise LoadError(f"--core {text}: expected auto, none or the number of a core") from error
    if place > 0:
        raise LoadError(f"--core {text}: one core of its own cannot be that of several engines: give auto or none")
    return core
