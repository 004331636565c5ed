"""The names of tensors in a file that a user brings: torchvision's, timm's and Hugging Face transformers'."""

from __future__ import annotations

import re
from collections.abc import Mapping

HUB: Mapping[str, str] = {"resnet18": "timm/resnet18.a1_in1k", "resnet50": "timm/resnet50.a1_in1k"}
"""Repositories of the Hugging Face hub by model."""

_KIND = {"convolution": "conv", "normalization": "bn"}
_STEM = re.compile(r"resnet\.embedder\.embedder\.(convolution|normalization)\.(\w+)")
_SHORTCUT = re.compile(r"resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.(convolution|normalization)\.(\w+)")
_LAYER = re.compile(r"resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.(convolution|normalization)\.(\w+)")
_HEAD = re.compile(r"classifier\.1\.(\w+)")


def canonical(name: str) -> str | None:
    """The model's own name of a tensor, or None for one that is to be ignored.

    Its own are torchvision's, which timm shares; transformers' count stages and layers from 0. A name that is neither
    is returned as it is.
    """
    name = name.removeprefix("module.")  # of a network in nn.DataParallel
    if name.endswith(".num_batches_tracked"):
        return None  # counts training steps; no output depends on it
    if found := _STEM.fullmatch(name):
        return f"{_KIND[found[1]]}1.{found[2]}"
    if found := _SHORTCUT.fullmatch(name):
        return f"layer{int(found[1]) + 1}.{found[2]}.downsample.{list(_KIND).index(found[3])}.{found[4]}"
    if found := _LAYER.fullmatch(name):
        return f"layer{int(found[1]) + 1}.{found[2]}.{_KIND[found[4]]}{int(found[3]) + 1}.{found[5]}"
    if found := _HEAD.fullmatch(name):
        return f"fc.{found[1]}"
    return name
