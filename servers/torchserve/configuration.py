"""TorchServe's own configuration files, and what it cannot do of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from servers.deployment import Settings
from servers.errors import ServerError
from servers.inference.served import MAX_REQUEST_BYTES

_TIMES: Final = ("ts_inference_latency_microseconds", "ts_queue_latency_microseconds")
_NO_DELAY_BATCH: Final = 2
_QUEUE: Final = 1_000_000

LOGGING: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Everything goes to the server's one log. No line is written for a request: neither to the access log, nor by
     the frontend, which has several at its usual level, nor for the worker's own. -->
<Configuration>
  <Appenders>
    <Console name="STDOUT" target="SYSTEM_OUT">
      <RegexFilter regex="Backend received inference at: .*" onMatch="DENY" onMismatch="NEUTRAL"/>
      <PatternLayout pattern="%d{ISO8601} [%-5p] %t %c - %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="ACCESS_LOG" level="off"/>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="TS_METRICS" level="off"/>
    <Logger name="org.apache" level="off"/>
    <Logger name="org.pytorch.serve.ModelServer" level="info"/>
    <Logger name="MODEL_LOG" level="info"/>
    <Root level="warn"><AppenderRef ref="STDOUT"/></Root>
  </Loggers>
</Configuration>
"""
"""For log4j."""


def check(settings: Settings, host: str, *, devices: Sequence[str] = ("cpu",)) -> None:
    """Check that TorchServe can do what the settings ask, at the address.

    Args:
        settings: what it is to do.
        host: the address.
        devices: what its workers may compute on.

    Raises:
        ServerError: it cannot.
    """
    if ":" in host:
        raise ServerError(f"cannot bind {host}: TorchServe's addresses are names or IPv4")
    if settings.device not in devices:
        raise ServerError(f"device is {settings.device!r}: TorchServe's workers are only run on {devices[0]} here")
    if settings.max_delay_us % 1000:
        raise ServerError(
            f"max_delay_us is {settings.max_delay_us}, but TorchServe waits for whole milliseconds: choose a multiple "
            "of 1000"
        )
    if settings.max_batch > _NO_DELAY_BATCH and not settings.max_delay_us:
        raise ServerError(
            f"max_batch is {settings.max_batch} with max_delay_us 0, but without a delay TorchServe joins "
            f"{_NO_DELAY_BATCH} requests at most: choose a max_delay_us of 1000 or more"
        )


def properties(*, host: str, ports: Mapping[str, int], archive: Path, metrics: Path, gpus: int = 0) -> str:
    """``config.properties``: addresses, and what differs from TorchServe's defaults.

    Args:
        host: to bind; every address is named, for the defaults of some are not those of the others.
        ports: for ``http``, ``metrics``, ``grpc`` and ``grpc-management``.
        archive: the one model that is loaded, in the folder that is its store.
        metrics: the configuration of metrics.
        gpus: how many the workers take turns on; each one is told its own.
    """
    address = f"http://{host}:{ports['http']}"
    found = {
        "inference_address": address,
        "management_address": address,
        # It takes inference and management at one address, but not these.
        "metrics_address": f"http://{host}:{ports['metrics']}",
        "grpc_inference_address": host,
        "grpc_inference_port": ports["grpc"],
        "grpc_management_address": host,
        "grpc_management_port": ports["grpc-management"],
        "model_store": archive.parent,
        "load_models": archive.name,
        # Else each call needs a key, new at each start, out of a file in the working folder.
        "disable_token_authorization": "true",
        "install_py_dep_per_model": "false",
        # By default the 101st request that waits is turned away, where other stacks let it wait.
        "job_queue_size": _QUEUE,
        "number_of_gpu": gpus,
        "metrics_mode": "prometheus",
        "metrics_config": metrics,
        # By default 6.5 MB, which is a batch of ten images.
        "max_request_size": MAX_REQUEST_BYTES,
        "max_response_size": MAX_REQUEST_BYTES,
    }
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in found.items())


def metrics(defaults: str) -> str:
    """TorchServe's own configuration of metrics, with its two latencies as histograms.

    They count what they have measured. As counters they are sums beside a count of all requests that arrived, those
    that were turned away too.
    """
    found = yaml.safe_load(defaults)
    frontend = found["ts_metrics"]
    frontend["histogram"] = [metric for metric in frontend["counter"] if metric["name"] in _TIMES]
    frontend["counter"] = [metric for metric in frontend["counter"] if metric["name"] not in _TIMES]
    return yaml.safe_dump(found, sort_keys=False)


def _escaped(value: str) -> str:
    """A value as Java's properties have it: Latin-1 with a backslash as the sign of what is special."""
    text = value.replace("\\", "\\\\")
    return "".join(each if each.isascii() else "".join(f"\\u{unit:04x}" for unit in _utf16(each)) for each in text)


def _utf16(character: str) -> tuple[int, ...]:
    encoded = character.encode("utf-16-be")
    return tuple(int.from_bytes(encoded[at : at + 2], "big") for at in range(0, len(encoded), 2))
