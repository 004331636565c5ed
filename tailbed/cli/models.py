"""``tailbed models`` and ``tailbed artifacts``: what there is."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models import Model


@click.command(short_help="List the models.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known of them as JSON.")
def models(as_json: bool) -> None:
    """List the reference models and those that were imported."""
    from rich.console import Console
    from rich.table import Table

    from exporters import ArtifactStore, exporters_of
    from models import MODELS

    found = [MODELS.get(name) for name in MODELS.names()]
    kept = [artifact.manifest.model for artifact in ArtifactStore().list()]
    if as_json:
        click.echo(json.dumps([_facts(model) for model in found], indent=2))
        return
    table = Table("model", "written in", "formats", box=None, pad_edge=False)
    table.add_column("artifacts", justify="right")
    table.add_column("what it is", overflow="fold")
    for model in found:
        formats = str(len(exporters_of(model)))
        table.add_row(
            model.name, ", ".join(model.frameworks) or "-", formats, str(kept.count(model.name)), model.summary
        )
    Console().print(table)


def _facts(model: Model) -> dict[str, object]:
    from exporters import exporters_of

    exports = {name: list(exporter.precisions) for name, exporter in exporters_of(model).items()}
    return {
        "name": model.name,
        "summary": model.summary,
        "frameworks": list(model.frameworks),
        "inputs": [asdict(spec) for spec in model.inputs],
        "outputs": [asdict(spec) for spec in model.outputs],
        "exports": exports,
    }


@click.command(short_help="List the artifacts.")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print their manifests as JSON.")
def artifacts(model: str | None, as_json: bool) -> None:
    """List the artifacts that were exported or imported, of MODEL or of all models."""
    from exporters import ArtifactStore
    from models import MODELS
    from tailbed.cli.artifact_table import print_artifacts

    if model is not None:
        MODELS.get(model)
    store = ArtifactStore()
    found = [artifact for artifact in store.list() if model in (None, artifact.manifest.model)]
    if as_json:
        click.echo(json.dumps([artifact.manifest.model_dump(mode="json") for artifact in found], indent=2))
    elif found:
        print_artifacts(found)
    else:
        click.echo(f"no artifact in {store.root}: make one with 'tailbed export {model or 'digits'} --to onnx'")
