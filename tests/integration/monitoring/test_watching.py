"""A real Prometheus watches real servers under a real load: what the dashboard asks it for is there, and is right."""

import re
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
import yaml

from servers.torchserve.environment import ENVIRONMENT as TORCHSERVE
from servers.triton.environment import ENVIRONMENT as TRITON
from tests.conftest import Exported
from tests.environments import provide
from tests.integration.monitoring.dashboard import VARIABLES, filled, panels, queries
from tests.integration.monitoring.prometheus import FOLDER
from tests.integration.monitoring.watching import RATE, SCRAPE_S, SERVICES, Watched, watch

ON_A_GPU = {
    f"{panel['title']} {each['refId']}" for row, panel in panels() if row.startswith("GPU") for each in panel["targets"]
}
"""Queries that find nothing without the exporters of GPUs, which are not here."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def watched(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    for environment in (TRITON, TORCHSERVE):
        provide(environment)
    with watch(digits, tmp_path_factory.mktemp("watched")) as found:
        yield found


@pytest.fixture(scope="module")
def values(watched: Watched) -> dict[str, str]:
    """What Grafana puts in for its variables where all is chosen: what Prometheus finds for their queries."""
    chosen = {"__rate_interval": f"{4 * SCRAPE_S}s"}  # the shortest that it takes
    for name, query in VARIABLES.items():
        metric, label = query.removeprefix("label_values(").removesuffix(")").split(", ")
        window = {"start": watched.start_s, "end": watched.under_load_s}
        found = watched.prometheus.ask(f"label/{label}/values", **{"match[]": metric}, **window)
        chosen[name] = "|".join(re.escape(each).replace("\\", "\\\\") for each in found)
    return chosen


def test_nothing_is_down(watched: Watched) -> None:
    up = watched.prometheus.query("up", watched.under_load_s)
    assert {each["metric"]["service"] for each in up} == {*SERVICES.values(), "locust-worker", "node-exporter"}
    assert [each["metric"] for each in up if each["value"] != 1] == []


def test_servers_name_their_format(watched: Watched) -> None:
    """From version 3 on Prometheus takes no metrics that do not say what they are in."""
    for service, found in watched.content_types.items():
        assert found.partition(";")[0] in ("text/plain", "application/openmetrics-text"), service


def test_every_rule_is_healthy_and_records_something(watched: Watched) -> None:
    groups = watched.prometheus.ask("rules", type="record")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    configured = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    assert len(rules) == sum(len(group["rules"]) for group in configured)
    assert [rule for rule in rules if rule["health"] != "ok"] == []
    for name in {rule["name"] for rule in rules}:
        assert watched.prometheus.query(name, watched.under_load_s), name


@pytest.mark.parametrize("name", queries())
def test_every_query_of_the_dashboard_finds_something(watched: Watched, values: dict[str, str], name: str) -> None:
    found = watched.prometheus.query(filled(queries()[name], values), watched.under_load_s)
    assert bool(found) == (name not in ON_A_GPU), found
    assert all(np.isfinite(each["value"]) for each in found)


def test_the_variables_offer_what_there_is(watched: Watched, values: dict[str, str]) -> None:
    assert values["service"].split("|") == sorted(SERVICES.values())
    targets = [re.compile(each.replace("\\\\", "\\")) for each in values["target"].split("|")]
    assert len(targets) == len(SERVICES) + 1
    for url in (*watched.urls.values(), watched.gone):
        assert any(target.fullmatch(url) for target in targets), url


@pytest.mark.parametrize("service", SERVICES.values())
def test_queue_and_compute_are_what_the_server_says(watched: Watched, service: str) -> None:
    before, after = watched.before[service], watched.after[service]
    requests = after.requests - before.requests
    assert requests > 10 * RATE
    assert before.queue_s is not None
    assert after.queue_s is not None
    told = {"queue_seconds": after.queue_s - before.queue_s, "compute_seconds": after.compute_s - before.compute_s}

    def total(name: str) -> float:
        """What was added in all: each rate that was evaluated, for as long as until the next one."""
        length_s = round(watched.end_s - watched.start_s)
        query = f'sum_over_time(service:{name}:rate15s{{service="{service}"}}[{length_s}s]) * {SCRAPE_S}'
        return watched.prometheus.values(query, "service", watched.end_s)[service]

    assert total("timed_requests") == pytest.approx(requests, rel=0.2)
    for name, seconds in told.items():
        assert total(name) == pytest.approx(seconds, rel=0.2), name
        shares = f"service:{name}:rate15s / service:timed_requests:rate15s"
        found, wanted = (
            watched.prometheus.values(query, "service", watched.under_load_s)[service]
            for query in (f"service:{name}:mean15s", shares)
        )
        assert found == pytest.approx(wanted), name


def test_rates_and_failures(watched: Watched) -> None:
    at_s = watched.under_load_s
    served = watched.prometheus.values("service:requests:rate15s", "service", at_s)
    failed = watched.prometheus.values("service:failures:rate15s", "service", at_s)
    ended = watched.prometheus.values("target:requests:rate15s", "target", at_s)
    offered = watched.prometheus.values("tailbed_offered_rate", "target", at_s)
    shares = watched.prometheus.values("target:failures:share15s", "target", at_s)
    for service, url in watched.urls.items():
        assert served[service] == pytest.approx(RATE, rel=0.4)
        assert ended[url] == pytest.approx(RATE, rel=0.4)
        assert offered[url] == RATE
        assert shares[url] == failed[service] == 0
    assert shares[watched.gone] == 1
    assert set(watched.prometheus.values("target:failures:rate15s > 0", "target", at_s)) == {watched.gone}


def test_percentiles_are_those_of_the_records(watched: Watched) -> None:
    """As exact as the buckets are, which are 25% apart; the recorded ones within what was seen."""
    at_s = watched.under_load_s
    for service, response_s in watched.response_s.items():
        chosen = f'{{target="{watched.urls[service]}"}}'
        ((_, count),) = watched.prometheus.values(f"tailbed_response_seconds_count{chosen}", "target", at_s).items()
        assert 10 * RATE < count < len(response_s)
        for quantile in (0.5, 0.9):
            whole = f"histogram_quantile({quantile}, tailbed_response_seconds_bucket{chosen})"
            ((_, found_s),) = watched.prometheus.values(whole, "target", at_s).items()
            assert found_s == pytest.approx(np.quantile(response_s[: int(count)], quantile), rel=0.3)
        found = watched.prometheus.values(f"target:response_seconds:quantile15s{chosen}", "quantile", at_s)
        assert sorted(found) == ["0.5", "0.9", "0.99"]
        assert response_s.min() / 1.3 < found["0.5"] <= found["0.9"] <= found["0.99"] < response_s.max() * 1.3


def test_the_machine_is_this_one(watched: Watched, values: dict[str, str]) -> None:
    asked = {panel["title"]: [each["expr"] for each in panel["targets"]] for _, panel in panels()}
    (busy,) = asked["Busy CPU by core"]
    cores = watched.prometheus.values(filled(busy, values), "cpu", watched.under_load_s)
    assert len(cores) == psutil.cpu_count()
    assert all(0 < share < 1.1 for share in cores.values())
    used, whole, _ = asked["Memory"]
    ((total,), (now,)) = (watched.prometheus.query(query, watched.under_load_s) for query in (whole, used))
    assert total["value"] == psutil.virtual_memory().total
    assert 0 < now["value"] < total["value"]
