"""Imported models as the registry knows them."""

from __future__ import annotations

from functools import partial

from models.imported.record import ImportedModel, imported
from models.model import EvaluationSet, Model
from models.tensor import Tensors

FEWEST_TO_CALIBRATE = 16
"""Items, of which static quantization gets one half and the other is what its result is judged on."""


def imported_models() -> dict[str, Model]:
    """All of them, by name."""
    return {name: _model(record) for name, record in imported().items()}


def _model(record: ImportedModel) -> Model:
    goes_on = record.format == "onnx" and record.batched and record.precision == "fp32"
    return Model(
        name=record.name,
        summary=f"imported from {record.file}",
        inputs=record.inputs,
        outputs=record.outputs,
        evaluation=partial(_evaluation, record),
        requests=record.requests,
        frameworks=("onnx",) if goes_on else (),
        package="models.imported",
        calibration=partial(_calibration, record) if record.items >= FEWEST_TO_CALIBRATE else None,
        batch_sizes=record.batch_sizes,
    )


def held_out(items: int) -> slice:
    """Which of so many items artifacts are judged on; the others are for calibration where there are enough."""
    return slice(None, None, 2 if items >= FEWEST_TO_CALIBRATE else 1)


def _evaluation(record: ImportedModel) -> EvaluationSet:
    return EvaluationSet({name: array[held_out(record.items)] for name, array in record.requests().items()}, None)


def _calibration(record: ImportedModel) -> Tensors:
    return {name: array[1::2] for name, array in record.requests().items()}
