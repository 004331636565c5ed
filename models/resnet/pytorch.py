"""Residual networks in PyTorch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import relu

from models.frameworks.pytorch import PyTorchSource
from models.model import Model, Source
from models.resnet.architecture import ARCHITECTURES, CLASSES, STEM, Architecture, Block, Convolution
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _ResNet(ARCHITECTURES[model.name])
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.tensors.items()})
    return PyTorchSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


class _ResNet(nn.Module):  # type: ignore[misc]  # no types of torch are read
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        block = _Bottleneck if architecture.bottleneck else _BasicBlock
        stages: dict[str, list[nn.Module]] = {}
        for plan in architecture.blocks():
            stages.setdefault(plan.name.partition(".")[0], []).append(block(plan))
        self.conv1 = _convolution(STEM)
        self.bn1 = nn.BatchNorm2d(STEM.outputs)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(*stages["layer1"])
        self.layer2 = nn.Sequential(*stages["layer2"])
        self.layer3 = nn.Sequential(*stages["layer3"])
        self.layer4 = nn.Sequential(*stages["layer4"])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(architecture.features, CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class _BasicBlock(nn.Module):  # type: ignore[misc]  # no types of torch are read
    def __init__(self, plan: Block) -> None:
        super().__init__()
        first, second = plan.convolutions
        self.conv1 = _convolution(first)
        self.bn1 = nn.BatchNorm2d(first.outputs)
        self.conv2 = _convolution(second)
        self.bn2 = nn.BatchNorm2d(second.outputs)
        self.downsample = _shortcut(plan)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return relu(y + self.downsample(x))


class _Bottleneck(nn.Module):  # type: ignore[misc]  # no types of torch are read
    def __init__(self, plan: Block) -> None:
        super().__init__()
        first, second, third = plan.convolutions
        self.conv1 = _convolution(first)
        self.bn1 = nn.BatchNorm2d(first.outputs)
        self.conv2 = _convolution(second)
        self.bn2 = nn.BatchNorm2d(second.outputs)
        self.conv3 = _convolution(third)
        self.bn3 = nn.BatchNorm2d(third.outputs)
        self.downsample = _shortcut(plan)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return relu(y + self.downsample(x))


def _convolution(plan: Convolution) -> nn.Conv2d:
    return nn.Conv2d(plan.inputs, plan.outputs, plan.kernel, plan.stride, padding=plan.kernel // 2, bias=False)


def _shortcut(plan: Block) -> nn.Module:
    if plan.projection is None:
        return nn.Identity()
    return nn.Sequential(_convolution(plan.projection), nn.BatchNorm2d(plan.projection.outputs))
