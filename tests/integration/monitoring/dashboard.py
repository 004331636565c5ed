"""The dashboard as its queries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "tailbed.json").read_text())

VARIABLES = {variable["name"]: variable["query"]["query"] for variable in DASHBOARD["templating"]["list"]}
"""Their queries, by name."""


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel, with the title of its row."""
    row = ""
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            yield row, panel


def queries() -> dict[str, str]:
    """Every query by its panel's title and its place in it."""
    return {f"{panel['title']} {each['refId']}": each["expr"] for _, panel in panels() for each in panel["targets"]}


def filled(query: str, variables: dict[str, str]) -> str:
    """A query as Grafana sends it: with values for its variables."""
    for name, value in variables.items():
        query = query.replace(f"${name}", value)
    return query
