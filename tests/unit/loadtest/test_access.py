"""Headers of a plan: secrets are named in it, never written."""

from pathlib import Path

import pytest

from loadtest import LoadError
from loadtest.access import parse_headers, resolve_target
from loadtest.plan import LoadPlan, read_plan, write_plan
from loadtest.scenario import ClosedLoop


def plan(**fields) -> LoadPlan:
    return LoadPlan(
        protocol="oip-http",
        url="https://127.0.0.1:1",
        model="m",
        pool=Path("pool.npz"),
        scenario=ClosedLoop(concurrency=1),
        duration_s=1,
        **fields,
    )


def test_a_token_comes_from_the_environment_and_is_not_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_TOKEN", "abc123")
    headers = parse_headers(["X-Tenant: a", "x-api-key:${MY_TOKEN}"], bearer_env="MY_TOKEN")
    write_plan(tmp_path, plan(headers=headers))
    assert "abc123" not in (tmp_path / "plan.json").read_text()
    assert read_plan(tmp_path).target().headers == {
        "x-tenant": "a",
        "x-api-key": "abc123",
        "authorization": "Bearer abc123",
    }


@pytest.mark.parametrize("name", ["Authorization", "cookie", "x-api-key", "X-Auth-Token"])
def test_a_secret_is_refused_in_plain_text(name: str):
    with pytest.raises(LoadError, match=r"looks secret.*\$\{VARIABLE\}") as caught:
        plan(headers={name: "abc123"})
    assert "abc123" not in str(caught.value)
    with pytest.raises(LoadError, match="looks secret"):
        parse_headers([f"{name}: abc123"])


def test_a_variable_that_is_not_set_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    with pytest.raises(LoadError, match="'authorization': the environment variable MY_TOKEN is not set"):
        resolve_target("http://a:1", parse_headers([], bearer_env="MY_TOKEN"), None)


def test_a_header_without_a_colon_is_one_line():
    with pytest.raises(LoadError, match="'x-tenant a': expected NAME:VALUE"):
        parse_headers(["x-tenant a"])
