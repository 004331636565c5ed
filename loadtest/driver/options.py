"""What a user can ask of the load, on Locust's command line and its page."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Final

from locust.argument_parser import LocustArgumentParser

from loadtest.driver.suggestions import Suggestions
from loadtest.driver.targets import HOST, target_names
from loadtest.protocols import PROTOCOLS

_SCENARIOS: Final = ("closed", "poisson", "constant", "SingleStream", "MultiStream", "Server", "Offline")
"""Those that need no more said than --rate."""


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the load's own options to Locust's, on its command line and its page."""
    parser.add_argument(
        "--target",
        default="",
        choices=Suggestions((*target_names(), HOST)),
        metavar="NAME",
        help="a service that was prepared for docker compose: its host, protocol, model and requests, and a sample of "
        "the answers is checked. Its name, as triton, means its usual stack; triton-grpc, triton-gpu-grpc another one; "
        f"{HOST} what --host and --model say",
    )
    parser.add_argument("--model", default="", help="the model's name on the server at --host")
    parser.add_argument(
        "--protocol",
        default="",
        help=f"what the server is asked in: {', '.join(PROTOCOLS.names())}; by default the Open Inference Protocol, in "
        "JSON where the server does not say that it takes binary tensors",
    )
    parser.add_argument(
        "--scenario",
        default="closed",
        choices=Suggestions(_SCENARIOS),
        metavar="SCENARIO",
        help="closed: each Locust user is a client that waits for its answer before it asks again; "
        "poisson, constant: open loop, requests arrive at --rate whatever the server does and however many users; "
        "SingleStream, MultiStream, Server (at --rate), Offline: MLPerf's; on the command line, any scenario as in a "
        "suite, such as '{kind: ramp, from_rate: 100, to_rate: 500}'",
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
        "--metrics-port",
        type=int,
        default=0,
        include_in_web_ui=False,
        help="serve metrics for Prometheus at this port, of this process's own load: a master has none; "
        "with --processes, one port each from this one on",
    )
    parser.add_argument(
        "--metrics-host", default="127.0.0.1", include_in_web_ui=False, help="address that --metrics-port is bound to"
    )
    parser.add_argument(
        "--plan",
        default="",
        include_in_web_ui=False,
        help="folder with a plan.json; then all of the above is taken from it, and the records go there",
    )


def records_folder(options: argparse.Namespace) -> Path:
    """A folder of its own for a test's raw records."""
    return Path(options.records) / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{os.getpid()}"


def give_way() -> None:
    """Leave the core to the engine and the server, from now until the end of this process.

    Niceness would not do: a nice process still keeps a core for some 3 ms from one that has just woken, as the engine
    does before it sends; an idle one gives it up at once.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
