"""Probes, on trees of files like the kernel's and on real processes."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tailbed.experiment.sampling import Probe, Reading, probes_of
from tailbed.experiment.sampling.cores import Cores
from tailbed.experiment.sampling.gpus import Gpus
from tailbed.experiment.sampling.packages import Packages
from tailbed.experiment.sampling.process_tree import ProcessTree
from tailbed.experiment.sampling.speed import Speed

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
CHILD = """
import subprocess, sys, threading, time
burnt = bytearray(50_000_000)
while time.process_time() < 0.3:
    pass
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
if len(sys.argv) > 1:
    subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=0, stdout=1)
else:
    print("there", flush=True)
sys.stdin.read()
"""


def _write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def _read(probe: Probe) -> dict[tuple[str, str], int]:
    return {(name, subject): value for name, subject, value in probe.read()}


def test_a_core_tells_its_steal_time_frequency_and_throttling(tmp_path: Path) -> None:
    _write(
        tmp_path / "proc/stat",
        "cpu 9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0 0 0 0 0 0 0 50 0 0\nintr 1 2",
    )
    cpu0 = tmp_path / "sys/devices/system/cpu/cpu0"
    _write(cpu0 / "cpufreq/scaling_cur_freq", 2_400_000)
    _write(cpu0 / "thermal_throttle/core_throttle_count", 3)
    probe = Cores([0], tmp_path)
    expected = {
        ("steal_ns", "cpu0"): 8 * TICK_NS,
        ("frequency_khz", "cpu0"): 2_400_000,
        ("core_throttles", "cpu0"): 3,
    }
    assert _read(probe) == expected
    (cpu0 / "cpufreq/scaling_cur_freq").unlink()  # such as a core that goes offline
    assert _read(probe) == {key: value for key, value in expected.items() if key[0] != "frequency_khz"}


def test_a_machine_that_shows_nothing_gives_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "proc/stat", "cpu 1 2 3\ncpu0 1 2 3")  # a kernel without steal time
    for probe in (Cores([0], tmp_path), ProcessTree(1, tmp_path), Packages(tmp_path)):
        assert _read(probe) == {}
    (tmp_path / "proc/stat").unlink()
    assert _read(Cores([0], tmp_path)) == {}


def test_a_packages_energy_goes_on_where_its_counter_starts_over(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/powercap"
    for place, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"), ("intel-rapl:1", "psys")):
        _write(folder / place / "name", name)
        _write(folder / place / "energy_uj", 900)
        _write(folder / place / "max_energy_range_uj", 1000)
    probe = Packages(tmp_path)
    seen = []
    for now in (950, 20, 20, 120):
        _write(folder / "intel-rapl:0/energy_uj", now)
        seen.append(_read(probe))
    assert seen == [{("energy_uj", "package-0"): energy} for energy in (50, 120, 120, 220)]


def test_a_counter_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/powercap/intel-rapl:0"
    _write(folder / "name", "package-0")
    _write(folder / "max_energy_range_uj", 1000)
    (folder / "energy_uj").mkdir()  # unreadable, for root too
    assert _read(Packages(tmp_path)) == {}


class _NvmlError(Exception):
    pass


class _Nvml:
    """pynvml with two GPUs, of which the second cannot tell its energy."""

    NVMLError = _NvmlError

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> Any:
        return SimpleNamespace(gpu=40 + gpu, memory=7)

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> Any:
        return SimpleNamespace(total=100, free=60, used=40 + gpu)

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:
        return 70_000 + gpu

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: int) -> int:
        if gpu:
            raise _NvmlError
        return 123_456


def test_a_gpu_tells_what_it_can() -> None:
    assert set(Gpus(_Nvml()).read()) == {
        Reading("utilization_percent", "gpu0", 40),
        Reading("memory_bytes", "gpu0", 40),
        Reading("power_mw", "gpu0", 70_000),
        Reading("energy_mj", "gpu0", 123_456),
        Reading("utilization_percent", "gpu1", 41),
        Reading("memory_bytes", "gpu1", 41),
        Reading("power_mw", "gpu1", 70_001),
    }


def test_a_process_tells_its_time_memory_and_threads() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = _read(ProcessTree(process.pid))
        process.communicate()
    assert found["cpu_ns", "server"] >= 0.28e9  # of 0.3 s, in whole ticks for each of user and system time
    assert found["memory_bytes", "server"] >= 50_000_000
    assert found["threads", "server"] == 2


def test_its_children_count_while_they_live_and_their_time_after() -> None:
    command = [sys.executable, "-c", CHILD, CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = _read(ProcessTree(process.pid))
        process.communicate()
        ended = _read(ProcessTree(process.pid))
    assert found["cpu_ns", "server"] >= 2 * 0.28e9
    assert found["memory_bytes", "server"] >= 100_000_000
    assert found["threads", "server"] == 4
    assert ended == {}


def test_a_name_with_brackets_and_spaces_shifts_no_field(tmp_path: Path) -> None:
    stat = Path("/proc/self/stat").read_text()
    head, _, tail = stat.rpartition(")")
    for pid, name in ((7, "a"), (8, ") S 1 (b")):
        _write(tmp_path / f"proc/{pid}/stat", f"{pid} ({name}){tail}")
        _write(tmp_path / f"proc/{pid}/task/{pid}/children", "8 9" if pid == 7 else "")  # 9 has ended meanwhile
    assert head.startswith(str(os.getpid()))
    fields = tail.split()
    found = _read(ProcessTree(7, tmp_path))
    assert found["cpu_ns", "server"] == 2 * TICK_NS * sum(map(int, fields[11:15]))
    assert found["threads", "server"] == 2 * int(fields[17])


def test_a_kernel_that_tells_no_children_gives_no_sum_without_them(tmp_path: Path) -> None:
    _write(tmp_path / "proc/7/stat", Path("/proc/self/stat").read_text())
    (tmp_path / "proc/7/task/7").mkdir(parents=True)
    assert _read(ProcessTree(7, tmp_path)) == {}


@pytest.mark.parametrize("core", [min(os.sched_getaffinity(0))])
def test_this_machine_has_probes(core: int) -> None:
    found = {key for probe in probes_of(os.getpid(), [core], [core]) for key in _read(probe)}
    assert ("cpu_ns", "server") in found
    assert ("steal_ns", f"cpu{core}") in found
    assert ("work_ns", f"cpu{core}") in found


def test_speed_is_read_on_each_core_and_the_thread_comes_back() -> None:
    usable = os.sched_getaffinity(0)
    cores = sorted(usable)[:2]
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(_read, Speed([*cores, 4095])).result()
        assert pool.submit(os.sched_getaffinity, 0).result() == usable
    assert set(found) == {("work_ns", f"cpu{core}") for core in cores}, "and a core that there is not is left out"
    assert all(value > 0 for value in found.values())


def test_speed_of_no_core_is_nothing() -> None:
    assert _read(Speed([])) == {}


def test_speed_is_not_known_where_the_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> bytes:
        raise ValueError("[digital envelope routines] invalid iteration count")

    monkeypatch.setattr("hashlib.pbkdf2_hmac", refuse)
    assert _read(Speed(os.sched_getaffinity(0))) == {}
