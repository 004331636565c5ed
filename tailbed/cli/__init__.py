"""The command line. Commands import what they need when they run, so that ``--help`` is instant."""

from __future__ import annotations

import click

from tailbed.cli.bench import bench
from tailbed.cli.compare import compare
from tailbed.cli.doctor import doctor
from tailbed.cli.export import export
from tailbed.cli.load import load
from tailbed.cli.report import report
from tailbed.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tailbed")
def cli() -> None:
    """Measure what inference serving costs in time: P50 and P99 latency, throughput and cold start.

    \b
    Start with:   tailbed doctor           what this machine can run
                  tailbed bench            compare the stacks on the digits model
    """


for command in (doctor, export, serve, load, bench, compare, report):
    cli.add_command(command)
