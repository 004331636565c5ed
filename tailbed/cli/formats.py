"""``tailbed formats``: what a model can be made into."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command(short_help="List the formats, their sources and precisions.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--markdown", is_flag=True, help="Print the tables of docs/FORMATS.md.")
def formats(as_json: bool, markdown: bool) -> None:
    """List every format with the framework that it is written from, the runtime that serves it and its precisions."""
    from rich.console import Console
    from rich.table import Table

    from tailbed import formats

    rows = formats.format_rows()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    if markdown:
        click.echo(formats.markdown(), nl=False)
        return
    table = Table("format", "source", "runtime", "precisions", "devices", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.format, row.framework, row.runtime, ", ".join(row.precisions), ", ".join(row.devices))
    Console().print(table)
    for row in rows:
        for precision, reason in row.unsupported.items():
            click.echo(f"not supported: {row.format} from {row.framework} in {precision}: {reason}", err=True)
