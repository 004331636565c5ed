"""``tailbed serve``: an artifact on a stack, until stopped."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from tailbed.cli.numbers import FiniteRange

_POLL_S = 0.05


def _cores(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    from tailbed.experiment.placement import place

    if value is None:
        return place().server
    if value == "all":
        return None
    try:
        return tuple(int(core) for core in value.split(","))
    except ValueError as error:
        raise click.BadParameter("is core numbers separated by commas, or all") from error


def _ports(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for value in values:
        use, equals, number = value.partition("=")
        if not equals or not number.isdecimal() or not 0 < int(number) < 65536:
            raise click.BadParameter(f"{value!r} is not USE=PORT, such as metrics=8002")
        found[use] = int(number)
    return found


class _StackOption(click.Option):
    """Names the stacks in its help, which are looked up only then."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from servers import STACKS

        self.help = f"The serving stack: {', '.join(STACKS.names())}."
        return super().get_help_record(ctx)


@click.command(short_help="Serve an artifact until Ctrl-C.")
@click.argument("artifact")
@click.option("--with", "stack", cls=_StackOption, metavar="STACK", required=True)
@click.option("--port", type=click.IntRange(1, 65535), help="The port to answer on.  [default: a free one]")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Port of the metrics, where they have their own.")
@click.option(
    "--port-of",
    "other_ports",
    multiple=True,
    metavar="USE=PORT",
    callback=_ports,
    help="Any other port of the stack, by what it is for; may be given several times.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind; 0.0.0.0 for all.")
@click.option("--instances", type=click.IntRange(1, 256), default=1, show_default=True, help="Model instances.")
@click.option(
    "--cores",
    callback=_cores,
    help="CPU cores of the server, such as 0,2, or all.  [default: all but the last, which is the load's]",
)
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads an instance.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="What computes.")
@click.option("--max-batch", type=click.IntRange(1, 4096), default=1, show_default=True, help="1: no dynamic batching.")
@click.option("--max-delay-us", type=click.IntRange(0, 1_000_000), default=0, help="Longest wait for a batch to fill.")
@click.option(
    "--timeout",
    type=FiniteRange(min=0, min_open=True, max=86_400),
    default=120.0,
    show_default=True,
    help="Seconds that the server may take to get ready.",
)
def serve(
    artifact: str,
    stack: str,
    port: int | None,
    metrics_port: int | None,
    other_ports: dict[str, int],
    host: str,
    instances: int,
    cores: tuple[int, ...] | None,
    threads: int,
    device: str,
    max_batch: int,
    max_delay_us: int,
    timeout: float,
) -> None:
    """Serve ARTIFACT, such as digits/onnx or an artifact's folder.

    Prints where it answers once it is ready, and its log when it fails.
    """
    from exporters import ArtifactStore
    from servers import STACKS, Deployment, Settings, start
    from servers.address import authority, reachable

    needed = STACKS.get(stack).ports
    if metrics_port is not None and "metrics" not in needed:
        raise click.UsageError(f"{stack} shows its metrics on its own port: leave out --metrics-port")
    ports = dict(other_ports)
    if port is not None:
        ports[needed[0]] = port
    if metrics_port is not None:
        ports["metrics"] = metrics_port
    settings = Settings(instances, threads, device, max_batch, max_delay_us)
    deployment = Deployment(ArtifactStore().find(artifact), stack, settings, cores)
    with tempfile.TemporaryDirectory(prefix="tailbed-serve-") as scratch:
        with start(
            deployment, folder=Path(scratch), host=host, ports=ports, timeout_s=timeout, temporary=True
        ) as server:
            assert server.started_ns is not None
            ready_ms = (server.ready_ns - server.started_ns) / 1e6
            click.echo(f"{deployment.artifact.ref} is ready at {server.endpoint.url} after {ready_ms:.0f} ms")
            click.echo(f"  model name  {server.endpoint.model}")
            click.echo(f"  protocol    {server.endpoint.protocol}")
            click.echo(f"  metrics     {server.endpoint.metrics_url or 'none'}")
            for use in needed[1:]:
                if use != "metrics":
                    click.echo(f"  {use:11} {authority(reachable(host), server.ports[use])}")
            click.echo("  stop with Ctrl-C")
            while (code := server.process.poll()) is None:
                time.sleep(_POLL_S)
            tail = server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        raise click.ClickException("\n".join([f"the server ended by itself (exit code {code}); its log:", *tail]))
