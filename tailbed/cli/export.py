"""``tailbed export``: a model into artifacts."""

from __future__ import annotations

import json

import click


def _split(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    if not words:
        raise click.BadParameter("names no format: give some, such as onnx,torchscript")
    return words


@click.command(short_help="Export a model into artifacts, checked against their source.")
@click.argument("model")
@click.option("--to", "formats", required=True, callback=_split, help="Formats, separated by commas: onnx,torchscript.")
@click.option("--precision", default="fp32", show_default=True, help="Number format of the artifact.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifests as JSON and nothing else.")
def export(model: str, formats: tuple[str, ...], precision: str, as_json: bool) -> None:
    """Export MODEL into one or more formats.

    Every artifact is run on the model's evaluation set and compared with its source; one that differs beyond its
    precision's tolerance is not kept. Weights and artifacts lie under $TAILBED_HOME, by default the user's cache
    folder. Unchanged artifacts are not exported again.
    """
    from rich.console import Console
    from rich.table import Table

    from exporters import ArtifactStore, exporter_for
    from models import MODELS
    from tailbed.experiment.exporting import export_artifact

    for format in formats:
        exporter_for(MODELS.get(model), format)
    store, artifacts = ArtifactStore(), []
    with Console(stderr=True).status("") as status:
        for format in formats:
            status.update(f"exporting {model}/{format}/{precision}")
            artifacts.append(export_artifact(model, format, precision, store))
    if as_json:
        click.echo(json.dumps([artifact.manifest.model_dump(mode="json") for artifact in artifacts], indent=2))
        return
    table = Table("artifact", box=None, pad_edge=False)
    for column in ("size", "export", "max difference", "agreement", "accuracy"):
        table.add_column(column, justify="right")
    for artifact in artifacts:
        manifest = artifact.manifest
        table.add_row(
            artifact.ref,
            f"{manifest.size_bytes / 1e6:.2f} MB",
            f"{manifest.export_seconds:.1f} s",
            "-" if manifest.parity is None else f"{manifest.parity.max_abs_diff:.1e}",
            "-" if manifest.parity is None else f"{manifest.parity.label_agreement:.1%}",
            "-" if manifest.accuracy is None else f"{manifest.accuracy:.1%}",
        )
    Console().print(table)
    click.echo(f"in {store.root}", err=True)
