"""``tailbed load``: one run of load against an endpoint that is there already."""

from __future__ import annotations

import contextlib
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailbed.cli.numbers import FiniteRange

if TYPE_CHECKING:
    from loadtest.scenario import AnyScenario

_SECONDS = FiniteRange(min=0, min_open=True, max=86_400)
_RATE = FiniteRange(min=0, min_open=True, max=1_000_000)


@click.command(short_help="Load an endpoint and report its latency.")
@click.argument("url")
@click.option("--model", required=True, help="The model's name on that server.")
@click.option(
    "--protocol",
    help="What the server is asked in, such as torchserve-rest.  [default: the Open Inference Protocol]",
)
@click.option("--arrivals", type=click.Choice(["poisson", "constant"]), help="Open loop: how requests arrive.")
@click.option("--rate", type=_RATE, help="Open loop: requests a second.")
@click.option("--concurrency", type=click.IntRange(1, 4096), help="Closed loop: clients.  [default: 1]")
@click.option(
    "--scenario",
    "scenario_text",
    metavar="SCENARIO",
    help="Any scenario, as in a suite: '{kind: ramp, from_rate: 100, to_rate: 500}', SingleStream and others.",
)
@click.option("--duration", type=_SECONDS, default=30.0, show_default=True, help="Seconds that are measured.")
@click.option(
    "--warmup", type=FiniteRange(min=0, max=86_400), default=5.0, show_default=True, help="Seconds before them."
)
@click.option("--timeout", type=_SECONDS, default=10.0, show_default=True, help="Seconds until a request has failed.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the arrivals.")
@click.option(
    "--engines",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Load engines that share the load, each on a core of its own if there are enough.",
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="An .npz with an array [items, ...] for each input; one item is one request.",
)
@click.option(
    "--header",
    "header_texts",
    multiple=True,
    metavar="NAME:VALUE",
    help="Header to send with every request, may be repeated; ${VARIABLE} stands for a variable of the environment.",
)
@click.option("--bearer-env", metavar="VARIABLE", help="Environment variable that holds a bearer token to send.")
@click.option(
    "--ca",
    "ca_file",
    type=click.Path(path_type=Path, resolve_path=True),
    help="Certificates (PEM) to trust instead of the system's, for https and grpcs.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Keep records, plan and logs in this new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object and nothing else.")
def load(
    url: str,
    model: str,
    protocol: str | None,
    arrivals: str | None,
    rate: float | None,
    concurrency: int | None,
    scenario_text: str | None,
    duration: float,
    warmup: float,
    timeout: float,
    seed: int,
    engines: int,
    inputs: Path | None,
    header_texts: tuple[str, ...],
    bearer_env: str | None,
    ca_file: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Load the endpoint at URL, any server of the Open Inference Protocol v2 or of another --protocol.

    URL is http://HOST:PORT or grpc://HOST:PORT, with TLS https://HOST:PORT or grpcs://HOST:PORT.

    Requests carry the items of --inputs, else a reference model's own inputs where --model names one and the server
    takes them, else inputs made up from the metadata that the server answers; of a server that has none --inputs is
    needed. Answers to a reference model's own inputs
    are checked where an artifact of it has been exported here.
    """
    from rich.console import Console
    from rich.progress import Progress

    from loadtest.access import parse_headers
    from servers.protocols import JSON_ALONE
    from tailbed.analysis.cell import combine
    from tailbed.cli.table import print_cells
    from tailbed.experiment.endpoint import load_endpoint
    from tailbed.experiment.interruption import Interrupted
    from tailbed.results.folder import ExperimentFolder
    from tailbed.results.schema import Summary

    scenario = _scenario(arrivals, rate, concurrency, scenario_text)
    stopped = False
    with contextlib.ExitStack() as stack:
        if out is None:
            folder = ExperimentFolder(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tailbed-load-"))))
        else:
            folder = ExperimentFolder.create(out)
        started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        progress = stack.enter_context(Progress(console=Console(stderr=True), refresh_per_second=2, transient=True))
        task = progress.add_task(scenario.label, total=1.0)
        try:
            result = load_endpoint(
                url,
                model,
                scenario,
                folder.path,
                protocol=protocol,
                inputs=inputs,
                headers=parse_headers(header_texts, bearer_env=bearer_env),
                ca_file=ca_file,
                warmup_s=warmup,
                duration_s=duration,
                timeout_s=timeout,
                seed=seed,
                engines=engines,
                progress=lambda share: progress.update(task, completed=share),
            )
        except Interrupted as interrupted:
            if interrupted.result is None:
                raise
            result, stopped = interrupted.result, True
        cell = combine([result], blocks=1)
        folder.write_summary(
            Summary(
                suite="load",
                started=started,
                elapsed_s=time.monotonic() - began,
                complete=not stopped,
                planned_cells=1,
                cells=[cell],
                failures=[],
            )
        )
    if as_json:
        click.echo(cell.model_dump_json(indent=2))
    else:
        print_cells([cell], Console())
        checked = f"{cell.answers_checked} answers checked" if cell.answers_checked else "answers not checked"
        if protocol is None and cell.protocol == JSON_ALONE:
            click.echo(f"the server does not say that it takes binary tensors: asked in JSON ({JSON_ALONE})")
        click.echo(f"{cell.requests} requests in {cell.duration_s:g} s, {checked}")
        if out is not None:
            click.echo(f"records: {out / 'records.parquet'}")
    if stopped:
        raise KeyboardInterrupt


def _scenario(
    arrivals: str | None, rate: float | None, concurrency: int | None, scenario_text: str | None
) -> AnyScenario:
    from loadtest.scenario import ClosedLoop, OpenLoop
    from loadtest.scenario.text import parse

    if scenario_text is not None:
        if (arrivals, rate, concurrency) != (None, None, None):
            raise click.UsageError("--scenario says all of it: --arrivals, --rate and --concurrency do not go with it")
        return parse(scenario_text)
    if arrivals is None and rate is None:
        return ClosedLoop(concurrency=concurrency or 1)
    if concurrency is not None:
        raise click.UsageError("--concurrency is a closed loop's, --arrivals and --rate an open loop's: give one kind")
    if rate is None:
        raise click.UsageError("--arrivals needs --rate")
    return OpenLoop.model_validate({"arrivals": arrivals or "poisson", "rate": rate})
