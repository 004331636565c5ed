"""``tailbed import``: a user's own model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models import TensorSpec


def _specs(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[TensorSpec, ...]:
    from models import TensorSpec

    try:
        return tuple(map(TensorSpec.parse, texts))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_TENSOR = "NAME:DTYPE:SHAPE"


@click.command("import", short_help="Import a model file of your own.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What the model is called.  [default: the file's name]")
@click.option(
    "--inputs",
    "pool",
    type=click.Path(path_type=Path),
    help="An .npz with an array [items, ...] for each input.  [default: generated from the specification]",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=_specs,
    metavar=_TENSOR,
    help="An input that the file does not tell in full, such as image:float32:batch,3,224,224; may be repeated.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    callback=_specs,
    metavar=_TENSOR,
    help="The same of an output; may be repeated.",
)
@click.option("--force", is_flag=True, help="Replace the model of that name that was imported before.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON and nothing else.")
def import_model(
    file: Path,
    name: str | None,
    pool: Path | None,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Import FILE: ONNX, TorchScript, torch.export, a SavedModel folder, TFLite or OpenVINO (.xml).

    It is recognised by its content, loaded by the runtime that will serve it, and run. From then on it is a model like
    any other, and its file one of its artifacts; an ONNX file can be exported further. Pickles are never loaded.
    """
    from rich.console import Console

    from exporters import ArtifactStore, Given
    from models.imported.record import imported
    from tailbed.experiment.importing import import_model as run

    with Console(stderr=True).status(f"importing {file}"):
        artifact = run(Given(file, name, inputs, outputs, pool, force), ArtifactStore())
    manifest = artifact.manifest
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json"), indent=2))
        return
    click.echo(f"{artifact.ref}  {manifest.size_bytes / 1e6:.2f} MB")
    for kind, specs in (("input", manifest.inputs), ("output", manifest.outputs)):
        for spec in specs:
            click.echo(f"  {kind:7} {spec.name}  {spec.dtype} [{', '.join(map(str, spec.shape))}]")
    for note in imported()[manifest.model].notes:
        click.echo(f"  note    {note}")
