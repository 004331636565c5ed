"""XLA's client, which is one for the whole process, as the runtimes on JAX start it and tell of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from exporters.checker import Compute
from servers.runtimes.runtime import DeviceError

_POOL_SIZE: Final = "PJRT_NPROC"
"""The only thing that sets the size of the pool that XLA computes with on a CPU, other than the processors that the
process may run on. ``--xla_cpu_multi_thread_eigen=false`` and OMP_NUM_THREADS change nothing in jaxlib 0.10."""
_POOL_THREAD: Final = "tf_XLAEigen"


def start(runtime: str, compute: Compute) -> Any:
    """JAX's device for ``compute``; the CPU is asked for by name, so that no GPU is taken instead.

    XLA starts its client once: the first model that is loaded in a process decides on the devices and the threads,
    which all models share.

    Raises:
        DeviceError: JAX does not have the device, or has been started without it.
    """
    import jax

    if compute.device not in ("cpu", "cuda"):
        raise DeviceError(runtime, compute.device, "it knows cpu and cuda")
    # The CPU comes first, so that it stays the default for whatever else the process computes.
    jax.config.update("jax_platforms", "cpu" if compute.device == "cpu" else "cpu,cuda")
    try:
        with _pool_of(compute.threads):
            return jax.devices(compute.device)[0]
    except RuntimeError as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DeviceError(runtime, compute.device, first) from error


def facts(device: Any) -> dict[str, str]:
    """Where a model is computed, and with how many threads: those that there are, not those asked for."""
    where = device.platform if device.platform == "cpu" else f"{device.platform} ({device.device_kind})"
    return {"device": where, "intra_op_threads": _pool_size(), "thread_pool": "the process's"}


@contextmanager
def _pool_of(threads: int) -> Iterator[None]:
    before = os.environ.get(_POOL_SIZE)
    os.environ[_POOL_SIZE] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_POOL_SIZE]
        else:
            os.environ[_POOL_SIZE] = before


def _pool_size(tasks: Path = Path("/proc/self/task")) -> str:
    """The number of XLA's threads, which no interface tells, by their names."""
    names = []
    for comm in tasks.glob("*/comm"):
        try:
            names.append(comm.read_text().strip())
        except OSError:  # it has ended
            continue
    return str(names.count(_POOL_THREAD)) if names else "unknown"
