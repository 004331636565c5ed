"""``tailbed weights``: give a model other weights."""

from __future__ import annotations

import click


@click.command(short_help="Give a model your own weights, or its default ones again.")
@click.argument("model")
@click.argument("chosen", metavar="FILE.safetensors|hub|default")
def weights(model: str, chosen: str) -> None:
    """Give MODEL the weights of a safetensors file, of its repository on the Hugging Face hub, or its default ones.

    They are its weights in every framework and every export from now on. Names as torchvision and Hugging Face write
    them are understood. $HF_TOKEN and $HF_ENDPOINT are heeded. A file called hub or default is meant by ./hub.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from models import MODELS
    from models.weights.choice import choose_weights

    found = MODELS.get(model)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"weights of {model}", total=None)
        kept = choose_weights(found, chosen, lambda written, total: bar.update(task, completed=written, total=total))
    if kept is None:
        click.echo(f"{model} has its default weights")
    else:
        click.echo(f"{model} has the weights of {kept.origin}, SHA-256 {kept.sha256}")
