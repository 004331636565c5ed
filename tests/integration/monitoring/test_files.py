"""The files of Prometheus and Grafana by themselves: what the one's own tool says, and what the other expects."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from servers import STACKS
from servers.containers import CONTAINERS
from tests.integration.monitoring.dashboard import DASHBOARD, GRAFANA, VARIABLES, panels, queries
from tests.integration.monitoring.prometheus import FOLDER, needed

CONFIGURATION = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
JOBS = {job["job_name"]: job for job in CONFIGURATION["scrape_configs"]}
SERVERS = JOBS.keys() - {"locust", "machine", "gpu"}
DATA_SOURCES = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yaml").read_text())["datasources"]


def _promtool(words: str, folder: Path) -> None:
    done = subprocess.run([needed("promtool"), *words.split()], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.parametrize(
    "words", ["check config prometheus.yaml", "check rules rules.yaml", "test rules rules_test.yaml"]
)
def test_promtool_finds_nothing_wrong(words: str) -> None:
    _promtool(words, FOLDER)


def test_every_target_is_optional() -> None:
    """What is found by its name in the DNS is no target where nothing has the name."""
    for job in JOBS.values():
        assert job["dns_sd_configs"]
        assert not job.keys() & {"static_configs", "file_sd_configs"}


@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_every_server_is_asked_where_it_tells_its_metrics(kind: str) -> None:
    (found,) = JOBS[kind]["dns_sd_configs"]
    container = CONTAINERS.get(kind)
    asked = STACKS.get(container.stacks[0]).endpoints("digits", host=kind, ports=container.ports).answers
    assert found["names"] == [kind, f"{kind}-gpu"]
    assert f"http://{kind}:{found['port']}{JOBS[kind].get('metrics_path', '/metrics')}" == asked.metrics_url


def test_no_two_panels_are_the_same_one() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert len({panel["title"] for _, panel in panels()}) == len(list(panels()))


@pytest.mark.parametrize("panel", [panel for _, panel in panels()], ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows(panel: dict) -> None:
    (source,) = DATA_SOURCES
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert panel["datasource"] == wanted
    assert [each["datasource"] for each in panel["targets"]] == [wanted] * len(panel["targets"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"].endswith(".")
    assert panel["targets"], "no query"


def test_grafana_knows_every_word_of_the_dashboard() -> None:
    """By its own schema, which forgets what it does not know."""
    plugins.register_default_plugins()
    known = json.loads(json.dumps(Dashboard.from_json(DASHBOARD), cls=JSONEncoder))
    assert list(_unknown(DASHBOARD, known, "")) == []


def _unknown(ours: Any, known: Any, place: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(known, dict):
        for name, value in ours.items():
            yield from _unknown(value, known.get(name), f"{place}/{name}")
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for index, value in enumerate(ours):
            yield from _unknown(value, known[index], f"{place}/{index}")
    elif ours != known:
        yield f"{place}: {ours!r} is {known!r}"


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        # A repeated panel is as wide as all of its copies.
        width = 24 if panel.get("repeat") else place["w"]
        assert place["x"] + width <= 24
        for x in range(place["x"], place["x"] + width):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_every_variable_exists_and_is_used() -> None:
    used = {name for query in queries().values() for name in re.findall(r"\$(\w+)", query)} - {"__rate_interval"}
    assert used == VARIABLES.keys()
    assert {panel["repeat"] for _, panel in panels() if "repeat" in panel} <= VARIABLES.keys()


def test_panels_show_what_the_rules_record() -> None:
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"]}
    asked = {name for query in [*queries().values(), *VARIABLES.values()] for name in re.findall(r"\w+:\w+:\w+", query)}
    assert asked <= recorded


def test_gpu_panels_are_in_their_units(tmp_path: Path) -> None:
    """What DCGM tells in percent and MiB, and Triton in shares and bytes."""
    told = {
        'DCGM_FI_DEV_GPU_UTIL{gpu="0"}': 50,
        'DCGM_FI_DEV_FB_USED{gpu="0"}': 3,
        'DCGM_FI_DEV_POWER_USAGE{gpu="0"}': 70,
        'nv_gpu_utilization{service="triton-gpu", gpu_uuid="a"}': 0.5,
        'nv_gpu_memory_used_bytes{service="triton-gpu", gpu_uuid="a"}': 3 * 2**20,
        'nv_gpu_power_usage{service="triton-gpu", gpu_uuid="a"}': 70,
    }
    shown = {"percentunit": 0.5, "bytes": 3 * 2**20, "watt": 70}
    wanted = [
        {
            "expr": f"sum({each['expr']})",
            "eval_time": "1m",
            "exp_samples": [{"labels": "{}", "value": shown[panel["fieldConfig"]["defaults"]["unit"]]}],
        }
        for row, panel in panels()
        for each in panel["targets"]
        if row.startswith("GPU")
    ]
    assert len(wanted) == len(told)
    series = [{"series": name, "values": f"{value}x20"} for name, value in told.items()]
    test = {"interval": "5s", "input_series": series, "promql_expr_test": wanted}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"evaluation_interval": "5s", "tests": [test]}))
    _promtool("test rules test.yaml", tmp_path)


def test_the_rate_interval_follows_the_scrapes() -> None:
    assert DATA_SOURCES[0]["jsonData"]["timeInterval"] == CONFIGURATION["global"]["scrape_interval"]
