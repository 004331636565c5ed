"""``tailbed prepare``: what servers in containers serve."""

from __future__ import annotations

import click


def _wanted(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, ref = value.partition("=")
        if not equals or not name or not ref:
            raise click.BadParameter(f"{value!r} is not SERVICE=MODEL/FORMAT, such as triton=digits/onnx")
        if name in found:
            raise click.BadParameter(f"{name} is there twice")
        found[name] = ref
    return found


@click.command(short_help="Write what servers in containers serve.")
@click.argument("wanted", nargs=-1, required=True, metavar="SERVICE=MODEL/FORMAT...", callback=_wanted)
@click.option("--instances", type=click.IntRange(1, 256), default=1, show_default=True, help="Model instances.")
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads an instance.")
@click.option("--max-batch", type=click.IntRange(1, 4096), default=1, show_default=True, help="1: no dynamic batching.")
@click.option("--max-delay-us", type=click.IntRange(0, 1_000_000), default=0, help="Longest wait for a batch to fill.")
def prepare(wanted: dict[str, str], instances: int, threads: int, max_batch: int, max_delay_us: int) -> None:
    """Export what each SERVICE of compose.yaml is to serve, and write what its server reads.

    A service has the name of its stacks' folder, such as triton=digits/onnx, with -gpu at its end where it computes on
    a GPU. All of it goes below $TAILBED_HOME, which the servers are to find at the same path.
    """
    from rich.console import Console

    from exporters import ArtifactStore
    from servers import Settings
    from servers.containers import services_folder
    from tailbed.services import prepare_services

    settings = Settings(instances, threads, max_batch=max_batch, max_delay_us=max_delay_us)
    with Console(stderr=True).status("") as status:
        services = prepare_services(
            wanted, settings, ArtifactStore(), lambda ref: status.update(f"{ref}: exporting and checking")
        )
    for service in services:
        click.echo(f"{service.name:18} {wanted[service.name]:28} {service.runtime}")
    click.echo(f"in {services_folder()}", err=True)
