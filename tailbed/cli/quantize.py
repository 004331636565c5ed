"""``tailbed quantize``: what each precision of a model buys and costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tailbed.cli.live import LiveView
    from tailbed.experiment.setting_up import Chosen
    from tailbed.quantization.choice import Asked
    from tailbed.quantization.study import Looked, Name
    from tailbed.results.decisions import QuantizationStudy
    from tailbed.results.folder import ExperimentFolder

EXIT_FAILED = 1
"""Some runs could not be measured at all, as for ``tailbed bench``."""
_LOSS = 0.005
"""Half a point."""


def _words(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(word.strip() for word in (value or "").split(",") if word.strip()))
    return () if named == ("all",) else named


def _share(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,2}(?:\.\d+)?|100)\s*%?", value.strip())
    if not found:
        raise click.BadParameter(f"{value!r} is no number of points of accuracy: write one as {_LOSS:.1%}")
    return float(found[1]) / 100


@click.command(short_help="Compare a model's precisions: speed, size, memory, accuracy.")
@click.argument("model", required=False)
@click.option("--with", "stack", default="grpc", show_default=True, help="The server, one for all.")
@click.option("--formats", callback=_words, help="Such as onnx,openvino.  [default: all that the model has]")
@click.option("--precisions", callback=_words, help="Such as fp16,int8-static; fp32 is always there.  [default: all]")
@click.option(
    "--artifact", "artifacts", multiple=True, help="Only this one, such as digits/onnx/int8-static; repeat it."
)
@click.option("--blocks", type=click.IntRange(1, 1000), help="Runs of every cell.  [default: what a verdict takes]")
@click.option("--quick", is_flag=True, help="One run of every cell: a first look and no verdict.")
@click.option("--duration", type=click.FloatRange(0.5, 3600), help="Seconds of each run.  [default: what P99 takes]")
@click.option(
    "--accuracy-loss",
    callback=_share,
    help=f"Points of accuracy that the recommended one may be shown to lose.  [default: {_LOSS:.1%}]",
)
@click.option("--keep-awake", is_flag=True, help="Keep the cores from sleeping meanwhile.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: results/NAME-TIME]")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with the study in this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print quantization.json and nothing else on standard output.")
def quantize(
    model: str | None,
    stack: str,
    formats: tuple[str, ...],
    precisions: tuple[str, ...],
    artifacts: tuple[str, ...],
    blocks: int | None,
    quick: bool,
    duration: float | None,
    accuracy_loss: float | None,
    keep_awake: bool,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
) -> None:
    """Measure MODEL in every precision of every format that it has here, against fp32 on one server.

    A model imported from an ONNX file is quantized to ONNX and OpenVINO. Each block has every precision once under
    one client, for latency, and under four, for throughput; what cannot be made is left out and told.
    """
    from tailbed.cli.live import LiveView
    from tailbed.cli.measuring import measuring
    from tailbed.cli.quantization_table import print_study
    from tailbed.quantization import Asked

    if resume is not None:
        if model or formats or precisions or artifacts or blocks or quick or duration or keep_awake or out:
            raise click.UsageError("--resume goes on with what the folder holds: give nothing else")
        chosen, folder, looked, accuracy_loss = _again(resume, accuracy_loss)
    else:
        if model is None:
            raise click.UsageError("names no model: give one, such as digits, or --resume DIR")
        if artifacts and (formats or precisions):
            raise click.UsageError("--artifact stands in the place of --formats and --precisions")
        if quick and blocks:
            raise click.UsageError("--quick is --blocks 1: give one of the two")
        asked = Asked(model, stack, formats, precisions, artifacts, 1 if quick else blocks, duration, keep_awake)
        with LiveView() as progress:
            chosen, folder, looked = _prepared(asked, out, progress)
    loss = _LOSS if accuracy_loss is None else accuracy_loss
    with measuring(chosen, folder) as (experiment, progress):
        if resume is not None:
            experiment.resume()
        try:
            experiment.measure(progress)
        finally:
            study = _conclude(folder, chosen, looked, loss)
    summary = folder.read_summary()
    if as_json:
        click.echo(study.model_dump_json(indent=2))
    else:
        print_study(study, summary)
        click.echo(f"report: {folder.report}")
    if summary.failures:
        raise SystemExit(EXIT_FAILED)


def _prepared(
    asked: Asked, out: Path | None, progress: LiveView
) -> tuple[Chosen, ExperimentFolder, Mapping[Name, Looked]]:
    """Make and look at what is to be compared, and say how long the study will take."""
    from dataclasses import replace

    from tailbed.experiment.setting_up import Chosen
    from tailbed.quantization import expected_s, look, make, suite_of, wanted
    from tailbed.results.folder import ExperimentFolder

    refs, unserved = wanted(asked)
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = ExperimentFolder.create(out or Path("results") / f"quantize-{asked.model}-{time}")
    made, not_made = make(refs, progress.exporting)
    looked = look(made, asked.stack, folder, progress.preparing)
    slowest_ms = max(each.kernels.request_ms for each in looked.values())
    suite = suite_of(asked, [artifact.ref for artifact in made], slowest_ms)
    chosen = Chosen.of(suite)
    left_out = (*chosen.selection.left_out, *unserved, *not_made)
    minutes = expected_s(suite, [each.kernels.load_s for each in looked.values()]) / 60
    runs = len(made) * len(suite.scenarios) * suite.blocks
    blocks = f"{suite.blocks} block{'s' * (suite.blocks > 1)}"
    progress.say(f"{len(made)} artifacts, {blocks}, {runs} runs: about {max(1, round(minutes))} min")
    return replace(chosen, selection=replace(chosen.selection, left_out=left_out)), folder, looked


def _again(
    path: Path, accuracy_loss: float | None
) -> tuple[Chosen, ExperimentFolder, Mapping[Name, Looked], float | None]:
    """A study that goes on, with what it accepted before where nothing else is said."""
    from dataclasses import replace

    from tailbed.experiment.setting_up import Chosen
    from tailbed.quantization import looked_at, scenarios_of
    from tailbed.results.decisions import QuantizationStudy
    from tailbed.results.folder import ExperimentFolder
    from tailbed.suite import read_suite

    folder = ExperimentFolder(path)
    before = folder.read_summary()
    looked = looked_at(folder)
    chosen = Chosen.of(read_suite(str(folder.suite)))
    scenarios_of(chosen.suite)
    study = folder.read_decision(QuantizationStudy)
    if accuracy_loss is None and study is not None:
        accuracy_loss = study.accuracy_loss
    return (
        replace(chosen, selection=replace(chosen.selection, left_out=tuple(before.left_out))),
        folder,
        looked,
        accuracy_loss,
    )


def _conclude(
    folder: ExperimentFolder, chosen: Chosen, looked: Mapping[Name, Looked], accuracy_loss: float
) -> QuantizationStudy:
    """What is shown by what is measured so far, stored beside it."""
    from tailbed.quantization import conclude, scenarios_of

    study = conclude(
        folder.read_summary(),
        looked,
        scenarios=scenarios_of(chosen.suite),
        accuracy_loss=accuracy_loss,
        processor=str(folder.read_environment().get("machine", {}).get("cpu") or "unknown"),
    )
    folder.write_decision(study)
    return study
