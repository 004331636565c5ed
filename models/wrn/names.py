"""The names of tensors in a file that a user brings: those of two widely used PyTorch implementations."""

from __future__ import annotations

import re
from collections.abc import Mapping

HUB: Mapping[str, str] = {}
"""Repositories of the Hugging Face hub by model: none is known that has these weights as safetensors."""

_CLASSES = re.compile(r"block(\d+)\.layer\.(\d+)\.(\w+)\.(\w+)")
"""Of xternalz/WideResNet-pytorch, which many took over; outside of the blocks its names are ours."""
_CONVOLUTION = re.compile(r"group(\d+)\.block(\d+)\.(conv0|conv1|convdim)")
"""Of the authors' szagoruyko/wide-residual-networks, where a convolution's kernel has the convolution's name."""
_NORM = re.compile(r"group(\d+)\.block(\d+)\.bn([01])\.(\w+)")
_OWN = {"conv0": "conv1", "conv1": "conv2", "convdim": "shortcut"}


def canonical(name: str) -> str | None:
    """The model's own name of a tensor, or None for one that is to be ignored; an unknown name as it is."""
    name = name.removeprefix("module.")  # of a network in nn.DataParallel
    if name.endswith(".num_batches_tracked"):
        return None  # counts training steps; no output depends on it
    if found := _CLASSES.fullmatch(name):
        layer = "shortcut" if found[3] == "convShortcut" else found[3]
        return f"layer{found[1]}.{found[2]}.{layer}.{found[4]}"
    if found := _CONVOLUTION.fullmatch(name):
        return f"layer{int(found[1]) + 1}.{found[2]}.{_OWN[found[3]]}.weight"
    if found := _NORM.fullmatch(name):
        return f"layer{int(found[1]) + 1}.{found[2]}.bn{int(found[3]) + 1}.{found[4]}"
    if name == "conv0":
        return "conv1.weight"
    return f"bn1.{name.removeprefix('bn.')}" if name.startswith("bn.") else name
