"""``tailbed install``: environments beside our own."""

from __future__ import annotations

import click


@click.command(short_help="Install what an exporter or a serving stack needs beside our own packages.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def install(names: tuple[str, ...]) -> None:
    """Install environments by NAME: triton, torchserve, or litert-torch, with which PyTorch models become TFLite files.

    They lie under $TAILBED_HOME, by default the user's cache folder.
    """
    from rich.console import Console

    from exporters.environments import ENVIRONMENTS
    from models import UnknownName
    from servers import STACKS

    known = {**ENVIRONMENTS, **STACKS.environments()}
    if unknown := [name for name in names if name not in known]:
        raise UnknownName(f"unknown environment {unknown[0]!r}: choose from {', '.join(known)}")
    for chosen in (known[name] for name in dict.fromkeys(names)):
        if chosen.installed:
            click.echo(f"{chosen.name} is installed in {chosen.folder}")
            continue
        with Console(stderr=True).status("") as status:
            chosen.install(lambda step, name=chosen.name: status.update(f"{name}: {step}"))  # type: ignore[misc]
        click.echo(f"{chosen.name} installed in {chosen.folder}")
