"""Several engines under Locust's workers: one load, one file of records, whatever happens on the way."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import urllib3

import loadtest
from loadtest import LoadError, joining, records
from loadtest.arrivals import schedule
from loadtest.plan import LoadPlan, read_plan
from loadtest.records import Outcome, Records
from loadtest.scenario import (
    AnyScenario,
    Bursts,
    ClosedLoop,
    MultiStream,
    Offline,
    OpenLoop,
    Scheduled,
    Server,
    SingleStream,
)
from servers.address import free_ports
from tailbed.analysis.run import Subject, summarize
from tests.integration.loadtest.engines import ITEMS, command_of, make_plan, most_at_once
from tests.integration.loadtest.test_locust import LOCUSTFILE, csv_totals, headless, locust, only_run
from tests.integration.loadtest.test_null_server import null_server
from tests.integration.loadtest.test_run import drivers

RATE = OpenLoop(rate=300)
COLUMNS = ("intended_ns", "sent_ns", "done_ns", "outcome", "input_index")
DIGITS = ("--model", "digits", "--core", "none")


def assert_one_schedule(found: Records, scenario: Scheduled, length_s: float, seed: int = 0):
    """Exactly one row for each arrival of the whole schedule, at its time, with the input that one engine sends."""
    expected = schedule(scenario, length_s=length_s, seed=seed)
    assert np.array_equal(found.intended_ns - found.facts.load_start_ns, expected)
    assert found.facts.finished
    assert found.facts.incomplete is None


def assert_union(found: Records, folder: Path, engines: int):
    """Nothing but the engines' own records, each of which has a part."""
    parts = [records.read(folder / joining.engine_name(index) / records.NAME) for index in range(engines)]
    assert all(len(part.intended_ns) for part in parts)
    ours, theirs = (
        np.sort(np.rec.fromarrays([np.concatenate([getattr(part, name) for part in each]) for name in COLUMNS]))
        for each in ([found], parts)
    )
    assert np.array_equal(ours, theirs)


def workers() -> list[psutil.Process]:
    """Locust's workers among our descendants: those that another Locust process has started."""
    found = drivers()
    pids = {process.pid for process in found}
    return [process for process in found if process.ppid() in pids]


def judged(found: Records, plan: LoadPlan) -> list[str]:
    return summarize(found, plan, Subject(model=plan.model)).reasons


@pytest.mark.parametrize(
    ("scenario", "engines"),
    [(RATE, 3), (Bursts(on_rate=500, off_rate=20, on_s=0.2, off_s=0.3), 2), (Server(rate=300), 2)],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_engines_offer_one_schedule_together(tmp_path: Path, scenario: Scheduled, engines: int):
    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=scenario, warmup_s=0.5)
        found = loadtest.run(plan, tmp_path, engines=engines)
    assert_one_schedule(found, scenario, 1.5)
    assert np.array_equal(found.input_index, np.arange(len(found.intended_ns)) % ITEMS)
    assert (found.outcome == Outcome.OK).all()
    assert_union(found, tmp_path, engines)
    assert read_plan(tmp_path) == plan
    # The same table as from one process: nothing in it tells how many there were, but for how busy and how late.
    alone = summarize(found, plan, Subject(model="double"))
    assert alone.offered_rate == np.count_nonzero(~found.warmup) / plan.duration_s


def test_engines_divide_clients_and_what_is_outstanding(tmp_path: Path):
    with null_server("--delay-us", "2000") as (url, _):
        closed = make_plan(tmp_path, url, scenario=ClosedLoop(concurrency=5))
        found = loadtest.run(closed, tmp_path / "closed", engines=2)
        assert found.facts.finished
        assert most_at_once(found) == 5
        assert_union(found, tmp_path / "closed", 2)
        offline = make_plan(tmp_path, url, scenario=Offline(samples=301, outstanding=7), duration_s=30)
        found = loadtest.run(offline, tmp_path / "offline", engines=2)
    assert found.facts.finished
    assert len(found.intended_ns) == 301
    assert most_at_once(found) == 7
    assert found.facts.window_end_ns == found.done_ns.max() + 1


@pytest.mark.parametrize("scenario", [SingleStream(), MultiStream()])
def test_what_cannot_be_shared_is_one_line_and_starts_nothing(tmp_path: Path, scenario: AnyScenario):
    plan = make_plan(tmp_path, "http://127.0.0.1:1", scenario=scenario)
    with pytest.raises(LoadError, match=f"^2 engines: {scenario.kind} .* several engines cannot"):
        loadtest.run(plan, tmp_path / "run", engines=2)
    assert not (tmp_path / "run").exists()


def test_an_engine_that_cannot_be_prepared_ends_the_test_in_one_line(tmp_path: Path):
    plan = make_plan(tmp_path, "http://127.0.0.1:1", scenario=RATE, duration_s=600)
    with pytest.raises(LoadError, match=r"nothing was measured: engine-\d: core 4000: not one") as caught:
        loadtest.run(plan, tmp_path, engines=2, cores=(0, 4000))
    assert "\n" not in str(caught.value)


def test_engines_that_overload_their_core_make_the_run_invalid_not_slow(tmp_path: Path):
    with null_server() as (url, _):
        # More than any one core sends, over two engines that have to share one.
        fields = {"scenario": OpenLoop(rate=600_000), "duration_s": 0.5, "timeout_s": 2, "max_in_flight": 64}
        plan = make_plan(tmp_path, url, **fields)
        found = loadtest.run(plan, tmp_path, engines=2, cores=(max(os.sched_getaffinity(0)),))
    assert not found.facts.spinning
    assert len(found.intended_ns) == len(schedule(plan.scenario, length_s=0.5, seed=0))
    assert any(reason.startswith("client late: P99 of the schedule lag") for reason in judged(found, plan))


@pytest.mark.parametrize("part", ["loadtest.engine", "worker"])
def test_a_killed_engine_or_worker_ends_the_run_and_loses_nothing(tmp_path: Path, part: str):
    killed: list[int] = []

    def kill(share: float) -> None:
        if share > 0.05 and not killed:
            engines = [process for process in psutil.Process().children(recursive=True) if part in command_of(process)]
            killed.append((workers() if part == "worker" else engines)[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=40)
        found = loadtest.run(plan, tmp_path, engines=2, on_progress=kill)
    assert killed
    assert not found.facts.finished
    assert found.facts.incomplete.count("ended") == 2  # the other one was stopped: the load was not what was asked for
    assert_union(found, tmp_path, 2)
    assert any(reason.startswith("incomplete") for reason in judged(found, plan))
    assert np.array_equal(records.read(tmp_path / records.NAME).intended_ns, found.intended_ns)
    window_s = (found.facts.window_end_ns - found.facts.window_start_ns) / 1e9
    assert 1 < window_s < 39
    assert "is gone" in (tmp_path / "load.log").read_text() or part != "worker"


def test_an_interrupted_run_leaves_the_records_of_all_engines(tmp_path: Path):
    def interrupt(share: float) -> None:
        if share > 0.05:
            raise KeyboardInterrupt

    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=20)
        with pytest.raises(KeyboardInterrupt):
            loadtest.run(plan, tmp_path, engines=2, on_progress=interrupt)
    found = records.read(tmp_path / records.NAME)
    assert not found.facts.finished
    assert found.facts.client_busy is not None  # they were stopped in order, not killed
    assert len(found.intended_ns) > 200
    assert_union(found, tmp_path, 2)


def test_a_killed_master_leaves_the_records_of_all_engines(tmp_path: Path):
    def kill(share: float) -> None:
        if share > 0.05:
            for process in drivers():
                if process not in workers():
                    with suppress(ProcessLookupError):  # told more than once
                        os.kill(process.pid, signal.SIGKILL)

    with null_server() as (url, _):
        plan = make_plan(tmp_path, url, scenario=RATE, duration_s=20)
        found = loadtest.run(plan, tmp_path, engines=2, on_progress=kill)
    assert not found.facts.finished
    assert_union(found, tmp_path, 2)


def local_master() -> tuple[str, ...]:
    port = str(free_ports("127.0.0.1", ("master",))["master"])
    return ("--master-bind-port", port, "--master-port", port, "--master-bind-host", "127.0.0.1")


def test_locusts_own_processes_share_any_scenario(tmp_path: Path):
    scenario = "{kind: bursts, on_rate: 300, off_rate: 10, on_s: 0.4, off_s: 0.2}"
    with null_server() as (url, _):
        options = ("--host", url, *DIGITS, "--scenario", scenario, "--seed", "3", "--run-time", "3s", "--warmup", "1")
        code, output = headless(tmp_path, *options, "--processes", "2", *local_master(), "--csv", "out")
    assert code == 0, output
    run = only_run(tmp_path)
    assert f"Raw records of 2 engines: {run / records.NAME}" in output
    found = records.read(run / records.NAME)
    plan = read_plan(run)
    assert plan.share.of == 1
    assert_one_schedule(found, plan.scenario, 3, seed=3)
    assert_union(found, run, 2)
    assert int(csv_totals(tmp_path)["Request Count"]) == len(found.intended_ns)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--scenario", "SingleStream"), "2 processes: SingleStream has one client"),
        (("--scenario", "poisson", "--core", "0"), "--core 0: one core of its own cannot be that of several engines"),
    ],
)
def test_what_locusts_processes_cannot_share_ends_with_one_line(tmp_path: Path, options: tuple[str, ...], reason: str):
    with null_server() as (url, _):
        asked = ("--host", url, "--model", "digits", "--run-time", "9s", "--processes", "2")
        code, output = headless(tmp_path, *asked, *options, *local_master())
    assert code == 1, output
    assert "Traceback" not in output
    (line,) = re.findall(r"/ERROR/.*", output)
    assert reason in line


@pytest.mark.parametrize("what", ["Ctrl-C", "a killed worker"])
def test_locusts_processes_leave_records_and_no_process(tmp_path: Path, what: str):
    with null_server() as (url, _):
        options = ("--headless", "--host", url, *DIGITS, "--scenario", "constant", "--rate", "200", "--processes", "2")
        with locust(tmp_path, *options, *local_master()) as process:
            master = psutil.Process(process.pid)
            while len(list(tmp_path.glob("records/*/engine-*/records.spool"))) < 2:
                time.sleep(0.1)
            time.sleep(4)
            everyone = [master, *master.children(recursive=True)]
            if what == "Ctrl-C":  # of which a terminal tells everyone
                for each in everyone:
                    os.kill(each.pid, signal.SIGINT)
            else:
                os.kill(workers()[0].pid, signal.SIGKILL)
            output, _ = process.communicate(timeout=60)
            assert not psutil.wait_procs(everyone, timeout=10)[1]
    assert process.returncode == (0 if what == "Ctrl-C" else 1), output
    assert ("its worker is gone" in output) == (what != "Ctrl-C")
    run = only_run(tmp_path)
    found = records.read(run / records.NAME)
    assert not found.facts.finished, output
    assert len(found.intended_ns) > 100
    assert_union(found, run, 2)


def test_a_master_with_a_page_runs_one_test_after_the_other(tmp_path: Path):
    web = str(free_ports("127.0.0.1", ("web",))["web"])
    page = f"http://127.0.0.1:{web}"
    options = ("--web-host", "127.0.0.1", "--web-port", web, "--processes", "2", *local_master())
    with null_server() as (url, _), locust(tmp_path, *options) as process:
        retries = urllib3.Retry(20, backoff_factor=0.1)
        while urllib3.request("GET", f"{page}/stats/requests", retries=retries).json().get("worker_count") != 2:
            time.sleep(0.2)
        fields = {"user_count": "1", "spawn_rate": "1", "host": url, "model": "digits", "core": "none"}
        for count in (1, 2):
            load = {"scenario": "constant", "rate": "100"} if count == 1 else {"scenario": "closed", "user_count": "3"}
            answer = urllib3.request("POST", f"{page}/swarm", fields=fields | load).json()
            assert answer["success"], answer
            while len(list(tmp_path.glob("records/*/engine-*/records.spool"))) < 2:
                time.sleep(0.1)
            time.sleep(4)
            assert urllib3.request("POST", f"{page}/stop").json()["success"]
            runs = sorted((tmp_path / "records").iterdir())
            assert len(runs) == count
            found = records.read(runs[-1] / records.NAME)
            assert len(found.outcome) > 50
            assert not found.facts.finished
            assert count == 1 or most_at_once(found) == 3
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


@contextmanager
def network_namespaces(count: int) -> Iterator[list[str]]:
    """Namespaces that reach this one at 10.201.0.1 and nothing else; skips the test where they cannot be made."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and the program ip")
    names = [f"tailbed-{os.getpid()}-{index}" for index in range(count)]
    with ExitStack() as stack:
        for index, name in enumerate(names):
            here, there = f"tb{os.getpid() % 100_000}h{index}", f"tb{os.getpid() % 100_000}n{index}"
            try:
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
                _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
                stack.callback(_ip, "link", "del", here)
                _ip("addr", "add", f"10.201.{index}.1/30", "dev", here)
                _ip("link", "set", here, "up")
                _ip("-n", name, "addr", "add", f"10.201.{index}.2/30", "dev", there)
                _ip("-n", name, "link", "set", there, "up")
                _ip("-n", name, "route", "add", "default", "via", f"10.201.{index}.1")
            except subprocess.CalledProcessError as error:
                pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield names


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)


def test_workers_in_network_namespaces_of_their_own(tmp_path: Path):
    port = str(free_ports("127.0.0.1", ("master",))["master"])
    with network_namespaces(2) as names, null_server("--host", "0.0.0.0") as (url, _), ExitStack() as stack:
        argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--worker", "--core", "none"]
        argv += ["--master-host", "10.201.0.1", "--master-port", port]
        started = []
        for name in names:
            # A folder each: what the master has in the end came over the network.
            (tmp_path / name).mkdir()
            worker = stack.enter_context(
                subprocess.Popen(["ip", "netns", "exec", name, *argv], cwd=tmp_path / name, stdout=subprocess.DEVNULL)
            )
            stack.callback(worker.kill)
            started.append(worker)
        target = url.replace("127.0.0.1", "10.201.0.1")
        options = ("--master", "--master-bind-port", port, "--expect-workers", "2", "--host", target, *DIGITS)
        load = ("--scenario", "poisson", "--rate", "300", "--seed", "5", "--run-time", "3s", "--warmup", "1")
        (tmp_path / "master").mkdir()
        code, output = _master(tmp_path / "master", *options, *load)
        ended: list[Any] = [worker.wait(20) for worker in started]
    assert code == 0, output
    assert ended == [0, 0]
    run = only_run(tmp_path / "master")
    found = records.read(run / records.NAME)
    assert_one_schedule(found, OpenLoop(rate=300), 3, seed=5)
    assert (found.outcome == Outcome.OK).all()
    assert_union(found, run, 2)
    for index in range(2):
        (own,) = tmp_path.glob(f"tailbed-*/locust-records/*/engine-{index}/{records.NAME}")
        sent = (run / joining.engine_name(index) / records.NAME).read_bytes()
        assert own.read_bytes() == sent


def _master(folder: Path, *options: str) -> tuple[int, str]:
    """Locust's master in ``folder``, whose records go to a folder of a relative path, as the workers' do."""
    argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", *options]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    (folder / "locust-records").rename(folder / "records")
    return process.returncode, output
