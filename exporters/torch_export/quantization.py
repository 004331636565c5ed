"""Post-training quantization in PyTorch: pt2e, with torchao's quantizer for x86 processors."""

from __future__ import annotations

import torch

from exporters.quiet import quiet
from models import Model

QUANTIZER = "X86InductorQuantizer"
_BATCH = 32


def quantize(module: torch.fx.GraphModule, model: Model, *, dynamic: bool) -> torch.fx.GraphModule:
    """``module``, an exported graph, with rounding to int8 around what Inductor computes in int8 on x86.

    Weights are int8, symmetric, one scale a channel; activations are uint8, one scale a tensor. Their ranges come from
    the calibration set, or, with ``dynamic``, from the tensor itself at each call: then from the whole batch, so that
    an item's answer depends on those beside it.
    """
    # Of its own libraries for GPUs, which a build for CPUs cannot load, and of torch's deprecations, which are its own.
    with quiet("torchao", "torch.utils._pytree", ignored=[r"`torch\.jit\.\w+` is deprecated"]):
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config(is_dynamic=dynamic))
    prepared = prepare_pt2e(module, quantizer)
    # Dynamic ranges take no calibration, but the weights' are observed by a call, whatever it computes.
    inputs = model.requests() if dynamic or model.calibration is None else model.calibration()
    items = 1 if dynamic else len(inputs[model.inputs[0].name])
    for start in range(0, items, _BATCH):
        prepared(*(torch.tensor(inputs[spec.name][start : start + _BATCH]) for spec in model.inputs))
    converted = convert_pt2e(prepared)
    _drop_unused(converted)
    return converted


def settings(model: Model, precision: str) -> dict[str, str]:
    """What a reader of the manifest must know of it; nothing where ``precision`` is a floating-point type."""
    if not precision.startswith("int8"):
        return {}
    facts = {"quantizer": QUANTIZER, "weights": "int8, one scale a channel"}
    if precision == "int8-dynamic":
        return facts | {"activations": "uint8, one scale a tensor, from the whole batch at each call"}
    assert model.calibration is not None
    items = len(model.calibration()[model.inputs[0].name])
    return facts | {"activations": "uint8, one scale a tensor, calibrated", "calibration_items": str(items)}


def _drop_unused(module: torch.fx.GraphModule) -> None:
    """Remove the float32 weights, which the int8 ones have replaced and which an archive would keep beside them."""
    used = {str(node.target) for node in module.graph.nodes if node.op == "get_attr"}
    for name, _ in [*module.named_parameters(), *module.named_buffers()]:
        if name not in used:
            owner, _, attribute = name.rpartition(".")
            delattr(module.get_submodule(owner), attribute)
