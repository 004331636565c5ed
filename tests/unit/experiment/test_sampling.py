"""Sampling while something else goes on, and what the samples come to."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.experiment.sampling import (
    NAME,
    Reading,
    Sampler,
    Samples,
    SamplesError,
    read,
    resources,
    steal,
    throttles,
    write,
)
from tailbed.results.schema import Resources


class _Count:
    """A probe that counts how often it is read."""

    def __init__(self, name: str = "reads") -> None:
        self.name = name
        self.reads = 0
        self.several = threading.Event()
        self.policy = -1

    def read(self) -> list[Reading]:
        self.reads += 1
        if self.reads > 1:
            self.policy = os.sched_getscheduler(0)
        if self.reads == 4:
            self.several.set()
        return [Reading(self.name, "test", self.reads)]


def _samples(rows: list[tuple[int, str, str, int]]) -> Samples:
    times, names, subjects, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Samples(
        np.array(times, np.int64), np.array(names, np.str_), np.array(subjects, np.str_), np.array(values, np.int64)
    )


def test_a_sampler_reads_at_once_then_in_steps_and_at_the_end() -> None:
    probe = _Count()
    before_ns = time.monotonic_ns()
    with Sampler([probe], interval_s=0.01) as sampler:
        assert probe.reads >= 1
        assert probe.several.wait(10)
        samples = sampler.finish()
    after_ns = time.monotonic_ns()
    reads = probe.reads
    assert len(sampler.finish().value) == len(samples.value)  # leaving the block reads no more
    time_ns, value = samples.series("reads", "test")
    assert value.tolist() == list(range(1, reads + 1))
    assert before_ns <= time_ns[0]
    assert time_ns[-1] <= after_ns
    # Never more often than the steps allow, counted from the start: one may be late and the next one not.
    assert (time_ns[:-1] - before_ns >= 0.01e9 * np.arange(reads - 1)).all()
    cost_ns = samples.series("cpu_ns", "sampler")[1]
    assert (np.diff(cost_ns) > 0).all()
    assert probe.policy == os.SCHED_IDLE
    assert os.sched_getscheduler(0) != os.SCHED_IDLE  # of this thread


def test_a_block_shorter_than_the_interval_has_its_two_ends() -> None:
    probe = _Count()
    with Sampler([probe], interval_s=60) as sampler:
        pass
    assert len(sampler.finish().series("reads", "test")[0]) == 2


def test_a_dear_probe_is_read_at_both_ends_and_at_every_tenth_sample() -> None:
    probe, dear = _Count(), _Count("dear")
    with Sampler([probe], interval_s=0.001, dear=[dear]) as sampler:
        assert dear.several.wait(10)
        samples = sampler.finish()
    every_ns, some_ns = samples.series("reads", "test")[0], samples.series("dear", "test")[0]
    between = list(range(0, len(every_ns) - 1, 10))
    assert np.array_equal(some_ns, every_ns[[*between, len(every_ns) - 1]])


def test_samples_are_kept_when_the_block_fails() -> None:
    sampler = Sampler([_Count()], interval_s=60)
    with pytest.raises(KeyboardInterrupt), sampler:
        raise KeyboardInterrupt
    assert sampler.finish().series("reads", "test")[1].tolist() == [1, 2]


def test_samples_come_back_from_their_file(tmp_path: Path) -> None:
    samples = _samples([(5, "steal_ns", "cpu0", 7), (5, "threads", "server", 2), (2**62, "steal_ns", "cpu0", 2**60)])
    write(tmp_path / NAME, samples)
    back = read(tmp_path / NAME)
    for field in ("time_ns", "name", "subject", "value"):
        assert np.array_equal(getattr(back, field), getattr(samples, field))
    assert back.series("steal_ns", "cpu0")[1].tolist() == [7, 2**60]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_no_samples_are_a_file_too(tmp_path: Path) -> None:
    write(tmp_path / NAME, _samples([]))
    assert resources(read(tmp_path / NAME)) == Resources()


def test_what_is_no_file_of_samples_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match="no samples"):
        read(tmp_path / NAME)
    (tmp_path / "text").write_text("text")
    pq.write_table(pa.table({"another": [1]}), tmp_path / "another")
    for name in ("text", "another"):
        with pytest.raises(SamplesError, match="not a file of samples"):
            read(tmp_path / name)
    with pytest.raises(SamplesError, match="cannot be written"):
        write(tmp_path / "missing" / NAME, _samples([]))


def test_resources_of_a_server() -> None:
    rows = []
    for second, cpu_ns, memory, threads in ((0, 500, 10, 3), (1, 900, 30, 9), (2, 1300, 20, 4)):
        rows += [
            (second * 10**9, "cpu_ns", "server", cpu_ns * 10**6),
            (second * 10**9, "memory_bytes", "server", memory),
            (second * 10**9, "threads", "server", threads),
            (second * 10**9, "cpu_ns", "sampler", second),
        ]
    found = resources(_samples(rows))
    assert found.cpu_s == pytest.approx(0.8)
    assert found.cpu_cores == pytest.approx(0.4)
    assert (found.peak_memory_bytes, found.threads) == (30, 9)
    assert found.gpu_utilization is found.gpu_memory_bytes is found.gpu_energy_j is found.cpu_energy_j is None


def test_one_sample_says_nothing_of_time() -> None:
    found = resources(_samples([(0, "cpu_ns", "server", 5), (0, "memory_bytes", "server", 7)]))
    assert found == Resources(peak_memory_bytes=7)


def test_speed_is_the_mean_over_the_cores_in_microseconds() -> None:
    rows = []
    for second in range(11):
        rows += [
            (second * 10**9, "work_ns", "cpu1", 7_000 + 100 * second),
            (second * 10**9, "work_ns", "cpu2", 9_000 + 100 * second),
        ]
    found = resources(_samples(rows))
    assert (found.fastest_work_us, found.work_us, found.slowest_work_us) == pytest.approx((8.1, 8.5, 8.9))


def test_resources_of_gpus_and_packages() -> None:
    rows = []
    for second in range(3):
        time_ns = second * 10**9
        rows += [
            (time_ns, "utilization_percent", "gpu0", (0, 50, 100)[second]),
            (time_ns, "utilization_percent", "gpu1", 100),
            (time_ns, "memory_bytes", "gpu0", (5, 9, 2)[second]),
            (time_ns, "memory_bytes", "gpu1", (1, 1, 9)[second]),
            (time_ns, "power_mw", "gpu0", 10**9),  # passed over: it counts its energy
            (time_ns, "energy_mj", "gpu0", 1000 + 2500 * second),
            (time_ns, "power_mw", "gpu1", (100_000, 300_000, 100_000)[second]),
            (time_ns, "energy_uj", "package-0", 7_000_000 * second),
            (time_ns, "energy_uj", "package-1", 1_000_000 * second),
        ]
    found = resources(_samples(rows))
    assert found.gpu_utilization == pytest.approx(0.75)
    assert found.gpu_memory_bytes == 11
    assert found.gpu_energy_j == pytest.approx(5 + 400)
    assert found.cpu_energy_j == pytest.approx(16)
    some = resources(_samples([row for row in rows if row[1:3] != ("power_mw", "gpu1")]))
    assert some.gpu_energy_j is None  # that of one GPU is not that of all


def test_steal_is_the_sum_over_the_cores_of_each_interval() -> None:
    rows = []
    for time_ns, cpu0, cpu1, cpu2 in ((10, 100, 5, 0), (20, 100, 5, 99), (30, 140, 8, 99)):
        rows += [(time_ns, "steal_ns", f"cpu{i}", value) for i, value in enumerate((cpu0, cpu1, cpu2))]
    found = steal(_samples(rows), [0, 1])
    assert found is not None
    assert found[0].tolist() == [10, 20, 30]
    assert found[1].tolist() == [0, 43]
    assert steal(_samples(rows), [0, 3]) is None
    assert steal(_samples(rows[:3]), [0]) is None  # once
    assert steal(_samples(rows), []) is None


def test_a_sample_that_lacks_a_core_widens_the_interval() -> None:
    rows = [(time_ns, "steal_ns", "cpu0", time_ns) for time_ns in (0, 10, 20)]
    rows += [(time_ns, "steal_ns", "cpu1", 1) for time_ns in (0, 20)]
    found = steal(_samples(sorted(rows)), [0, 1])
    assert found is not None
    assert (found[0].tolist(), found[1].tolist()) == ([0, 20], [20])


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), None), (("core",), [2]), (("package",), [2]), (("core", "package"), [4])],
)
def test_throttling_is_what_either_counter_shows(names: tuple[str, ...], expected: list[int] | None) -> None:
    rows = [(time_ns, f"{name}_throttles", "cpu0", 5 + time_ns) for time_ns in (0, 2) for name in names]
    found = throttles(_samples(rows), [0])
    assert (found and found[1].tolist()) == expected


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["cpu0", "cpu1"]), st.integers(0, 10**12)), max_size=40),
)
def test_steal_adds_up_to_what_the_counters_show(entries: list[tuple[int, str, int]]) -> None:
    ordered = {(time_ns, core): value for time_ns, core, value in entries}
    rows = [(time_ns, "steal_ns", core, value) for (time_ns, core), value in sorted(ordered.items())]
    found = steal(_samples(rows), [0, 1])
    both = sorted({t for t, core in ordered if core == "cpu0"} & {t for t, core in ordered if core == "cpu1"})
    if len(both) < 2:
        assert found is None
        return
    assert found is not None
    assert found[0].tolist() == both
    total = [sum(ordered[when, core] for core in ("cpu0", "cpu1")) for when in (both[0], both[-1])]
    assert found[1].sum() == total[1] - total[0]
