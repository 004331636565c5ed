"""``tailbed export``: a model into artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from exporters import Artifact, ArtifactStore
    from models import Model


def _split(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (value or "").split(",") if word.strip()))


@dataclass
class _Outcome:
    """What became of the exports.

    Attributes:
        artifacts: those that are there now.
        absent: reference and reason of those that this machine lacks something for.
        failed: reference and reason of those that failed.
    """

    artifacts: list[Artifact] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@click.command(short_help="Export a model into artifacts, checked against their source.")
@click.argument("model")
@click.option("--to", "formats", callback=_split, help="Formats, separated by commas, such as onnx,tflite; or all.")
@click.option(
    "--precision", "precisions", callback=_split, default="fp32", show_default=True, help="Precisions, or all."
)
@click.option("--all", "everything", is_flag=True, help="Every format in every precision: --to all --precision all.")
@click.option("--weights", help="A .safetensors file, hub or default: the model's weights from now on.")
@click.option("--force", is_flag=True, help="Export even what has not changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifests as JSON and nothing else.")
def export(
    model: str,
    formats: tuple[str, ...],
    precisions: tuple[str, ...],
    everything: bool,
    weights: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Export MODEL into one or more formats.

    Every artifact is run on the model's evaluation set and compared with its source; one that differs beyond its
    precision's tolerance is not kept. Weights and artifacts lie under $TAILBED_HOME, by default the user's cache
    folder. Unchanged artifacts are not exported again.
    """
    from exporters import ArtifactStore
    from models import MODELS
    from tailbed.cli.artifact_table import print_artifacts
    from tailbed.suite.artifacts import ALL, crossed

    if everything:
        formats = precisions = (ALL,)
    if not formats or not precisions:
        raise click.UsageError("names no format: give some, such as --to onnx,torchscript, or --all")
    chosen = MODELS.get(model)
    wanted = [(format, precision) for _, format, precision in crossed((model,), formats, precisions)]
    # After the names are known to be right: the choice stays.
    if weights is not None:
        from models.weights.choice import choose_weights

        choose_weights(chosen, weights)
    outcome = _export(chosen, wanted, ArtifactStore(), force=force)
    if as_json:
        click.echo(json.dumps([artifact.manifest.model_dump(mode="json") for artifact in outcome.artifacts], indent=2))
    elif outcome.artifacts:
        print_artifacts(outcome.artifacts)
        click.echo(f"in {ArtifactStore().root}", err=True)
    for ref, reason in outcome.absent:
        click.echo(f"not here: {ref}: {reason}", err=True)
    if ALL in precisions:
        for ref, reason in _unsupported(chosen, {format for format, _ in wanted}):
            click.echo(f"not supported: {ref}: {reason}", err=True)
    for _, reason in outcome.failed:
        click.echo(f"failed: {reason}", err=True)
    if outcome.failed or (outcome.absent and not everything):
        raise SystemExit(1)


def _unsupported(model: Model, formats: set[str]) -> Iterator[tuple[str, str]]:
    from exporters import exporter_for

    for format in sorted(formats):
        for precision, reason in exporter_for(model, format).unsupported.items():
            yield f"{model.name}/{format}/{precision}", reason


def _export(model: Model, wanted: list[tuple[str, str]], store: ArtifactStore, *, force: bool) -> _Outcome:
    """One after another; what fails is told at the end, and the others are made all the same."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from models import TailbedError
    from tailbed.experiment.exporting import NotInstalled, export_artifact

    outcome = _Outcome()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(wanted))
        for format, precision in wanted:
            ref = f"{model.name}/{format}/{precision}"
            progress.update(task, description=f"exporting {ref}")
            try:
                outcome.artifacts.append(export_artifact(model.name, format, precision, store, force=force))
            except NotInstalled as error:
                outcome.absent.append((ref, str(error)))
            except TailbedError as error:
                outcome.failed.append((ref, str(error)))
            progress.advance(task)
    return outcome
