"""``tailbed install``: an environment beside our own."""

from __future__ import annotations

import click


@click.command(short_help="Install an environment that an exporter needs beside our own.")
@click.argument("name")
def install(name: str) -> None:
    """Install the environment NAME: litert-torch, which PyTorch models are exported to TFLite with.

    It lies under $TAILBED_HOME, by default the user's cache folder, and takes 2 GB or more.
    """
    from rich.console import Console

    from exporters.environments import environment

    chosen = environment(name)
    if chosen.installed:
        click.echo(f"{name} is installed in {chosen.folder}")
        return
    with Console(stderr=True).status("") as status:
        chosen.install(lambda step: status.update(f"{name}: {step}"))
    click.echo(f"{name} installed in {chosen.folder}")
