"""The command line. Commands import what they need when they run, so that ``--help`` is instant."""

from __future__ import annotations

import click

from tailbed.cli.bench import bench
from tailbed.cli.compare import compare
from tailbed.cli.doctor import doctor
from tailbed.cli.export import export
from tailbed.cli.formats import formats
from tailbed.cli.history import history
from tailbed.cli.import_model import import_model
from tailbed.cli.install import install
from tailbed.cli.load import load
from tailbed.cli.models import artifacts, models
from tailbed.cli.plan import plan
from tailbed.cli.prepare import prepare
from tailbed.cli.quantize import quantize
from tailbed.cli.report import report
from tailbed.cli.serve import serve
from tailbed.cli.stacks import stacks
from tailbed.cli.weights import weights


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tailbed")
def cli() -> None:
    """Measure what inference serving costs in time: P50 and P99 latency, throughput and cold start.

    \b
    Start with:   tailbed doctor           what this machine can run
                  tailbed bench            compare the stacks on the digits model
    """


_MACHINE = (doctor, install)
_MODELS = (models, formats, weights, export, import_model, artifacts)
_MEASURING = (stacks, serve, prepare, load, bench, quantize, plan, compare, history, report)

for command in (*_MACHINE, *_MODELS, *_MEASURING):
    cli.add_command(command)
