"""``tailbed doctor``: what this machine can run, and how to get the rest."""

from __future__ import annotations

import json

import click


@click.command(short_help="Tell what this machine can run, what is missing and how to get it.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Look at the machine, the exporters, the runtimes and the serving stacks."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tailbed.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    table = Table("", "part", "found", box=None, pad_edge=False, show_header=False)
    style = {"ok": "green", "missing": "red", "warning": "yellow"}
    for finding in findings:
        detail = Text(finding.found)
        if finding.advice:
            detail.append(f"\n{finding.advice}", style="bold")
        table.add_row(Text(finding.state, style=style[finding.state]), finding.part, detail)
    Console().print(table)
