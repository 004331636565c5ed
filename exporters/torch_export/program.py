"""PyTorch module -> torch.export's program, in any precision. Other formats are compiled from it."""

from __future__ import annotations

import torch
from torch.export import Dim, ExportedProgram, ShapesCollection

from exporters.torch_export.casting import in_precision
from exporters.torch_export.quantization import quantize
from models import Model, Source


def program(model: Model, source: Source, precision: str, *, batch: int | None = None) -> ExportedProgram:
    """The model as a graph of ATen operators, with float32 inputs and outputs in every precision.

    Args:
        model: whose specifications name the axes of any length; an axis of one name has one length in all inputs.
        source: the model in PyTorch.
        precision: of ``PRECISIONS``.
        batch: the one batch size that it computes; None for any.
    """
    # Two items, since a length of 1 is taken for a constant.
    examples = example_inputs(model, 2)
    shapes = _dynamic_shapes(model, examples)
    with torch.no_grad():
        module = in_precision(source.module, precision)
        if precision.startswith("int8"):
            exported = torch.export.export(module, examples, dynamic_shapes=shapes)
            module = quantize(exported.module(), model, dynamic=precision == "int8-dynamic")
        if batch is None:
            return torch.export.export(module, examples, dynamic_shapes=shapes)
        return torch.export.export(module, example_inputs(model, batch))


def example_inputs(model: Model, batch: int) -> tuple[torch.Tensor, ...]:
    """The first of the model's requests as one batch, in the order of its inputs.

    Copies: a saved program keeps its examples, and of a view it would keep the whole pool.
    """
    pool = model.requests()
    return tuple(torch.tensor(pool[spec.name][:batch]) for spec in model.inputs)


def _dynamic_shapes(model: Model, examples: tuple[torch.Tensor, ...]) -> ShapesCollection:
    names = dict.fromkeys(axis for spec in model.inputs for axis in spec.shape if isinstance(axis, str))
    axes = {name: Dim(name) for name in names}
    shapes = ShapesCollection()
    for spec, example in zip(model.inputs, examples, strict=True):
        shapes[example] = {index: axes[axis] for index, axis in enumerate(spec.shape) if isinstance(axis, str)}
    return shapes
