"""``tailbed stacks``: what artifacts can be served by."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command(short_help="List the serving stacks and the formats that each serves.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--markdown", is_flag=True, help="Print the tables of docs/STACKS.md.")
def stacks(as_json: bool, markdown: bool) -> None:
    """List every serving stack with its protocol and what computes each format behind it."""
    from rich.console import Console
    from rich.table import Table

    from tailbed import stacks

    if markdown:
        click.echo(stacks.markdown(), nl=False)
        return
    rows = stacks.stack_rows()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = Table("stack", "protocol", "here", "serves", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.name, row.protocol, "no" if row.missing else "yes", ", ".join(row.serves))
    Console().print(table)
    for row in rows:
        if row.missing:
            click.echo(f"not here: {row.name}: {row.missing}", err=True)
