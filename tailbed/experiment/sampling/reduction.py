"""Samples to figures: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from tailbed.experiment.sampling.samples import Samples
from tailbed.results.schema import Resources


def resources(samples: Samples) -> Resources:
    """What the server took from the first sample to the last; what was not read, or only once, is None."""
    cpu_s = cpu_cores = None
    time_ns, cpu_ns = samples.series("cpu_ns", "server")
    if len(cpu_ns) > 1:
        cpu_s = float(cpu_ns[-1] - cpu_ns[0]) / 1e9
        cpu_cores = cpu_s / (float(time_ns[-1] - time_ns[0]) / 1e9)
    _, work_ns = mean_work(samples)
    fastest, usual, slowest = (_quantile(work_ns / 1e3, share) for share in (0.1, 0.5, 0.9))
    gpus = [subject for subject in np.unique(samples.subject).tolist() if subject.startswith("gpu")]
    return Resources(
        cpu_s=cpu_s,
        cpu_cores=cpu_cores,
        peak_memory_bytes=_most(samples.series("memory_bytes", "server")[1]),
        threads=_most(samples.series("threads", "server")[1]),
        gpu_utilization=_mean_utilization(samples, gpus),
        gpu_memory_bytes=_most(_sum_over(samples, "memory_bytes", gpus)[1]),
        gpu_energy_j=_sum([_gpu_energy_j(samples, gpu) for gpu in gpus]),
        cpu_energy_j=_sum([_energy_j(samples, "energy_uj", 1e-6, each) for each in samples.subjects("energy_uj")]),
        work_us=usual,
        fastest_work_us=fastest,
        slowest_work_us=slowest,
    )


def steal(samples: Samples, cores: Iterable[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Time that the hypervisor took from any of ``cores`` between samples, in nanoseconds, in steps of 10 ms.

    Returns:
        int64 ``[samples]``, the samples' times, which are the intervals' edges; and int64 ``[samples - 1]``, the sum
        over the cores in each interval. None where it was not read of all of them, or only once.
    """
    return _increases(samples, "steal_ns", cores)


def throttles(samples: Samples, cores: Iterable[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """How often the clock of a core was throttled between samples, for itself or with its package; as ``steal``."""
    cores = tuple(cores)
    of_cores, of_packages = (_increases(samples, f"{what}_throttles", cores) for what in ("core", "package"))
    if of_cores is None or of_packages is None:
        return of_cores or of_packages
    return of_cores[0], of_cores[1] + of_packages[1]


def mean_work(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """CPU time of the fixed piece of work, in nanoseconds, the mean over the cores that it is done on.

    Returns:
        int64 and float64 ``[samples]``, the times of the samples that have it of all of them, and the means.
    """
    cores = samples.subjects("work_ns")
    time_ns, total_ns = _sum_over(samples, "work_ns", cores)
    return time_ns, total_ns / max(len(cores), 1)


def _increases(samples: Samples, name: str, cores: Iterable[int]) -> tuple[np.ndarray, np.ndarray] | None:
    time_ns, total = _sum_over(samples, name, [f"cpu{core}" for core in cores])
    return (time_ns, np.diff(total)) if len(time_ns) > 1 else None


def _sum_over(samples: Samples, name: str, subjects: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Times and sums of one quantity over its subjects, of the samples that have it of all of them."""
    found = [samples.series(name, subject) for subject in subjects]
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    time_ns = reduce(np.intersect1d, [times for times, _ in found])
    return time_ns, sum((values[np.isin(times, time_ns)] for times, values in found), np.zeros_like(time_ns))


def _mean_utilization(samples: Samples, gpus: Sequence[str]) -> float | None:
    """Mean over samples and GPUs: NVML's figure is itself one over the last moments, so that no weights are needed."""
    _, percent = _sum_over(samples, "utilization_percent", gpus)
    return float(percent.mean()) / len(gpus) / 100 if len(percent) else None


def _gpu_energy_j(samples: Samples, gpu: str) -> float | None:
    """By the GPU's own counter; by the trapezoids under its power where it has none."""
    counted_j = _energy_j(samples, "energy_mj", 1e-3, gpu)
    if counted_j is not None:
        return counted_j
    time_ns, power_mw = samples.series("power_mw", gpu)
    if len(time_ns) < 2:
        return None
    return float(np.trapezoid(power_mw / 1e3, (time_ns - time_ns[0]) / 1e9))


def _energy_j(samples: Samples, name: str, unit_j: float, subject: str) -> float | None:
    _, energy = samples.series(name, subject)
    return float(energy[-1] - energy[0]) * unit_j if len(energy) > 1 else None


def _sum(values: Sequence[float | None]) -> float | None:
    """None unless there are some and all are known."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _quantile(values: np.ndarray, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _most(values: np.ndarray) -> int | None:
    return int(values.max()) if len(values) else None
