"""Wide residual networks in PyTorch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import relu

from models.frameworks.pytorch import PyTorchSource
from models.model import Model, Source
from models.weights import Weights
from models.wrn.architecture import ARCHITECTURES, CLASSES, STEM, Architecture, Block


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    module = _WideResNet(ARCHITECTURES[model.name])
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.tensors.items()})
    return PyTorchSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


class _WideResNet(nn.Module):  # type: ignore[misc]  # no types of torch are read
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        stages: dict[str, list[nn.Module]] = {}
        for plan in architecture.blocks():
            stages.setdefault(plan.name.partition(".")[0], []).append(_Block(plan))
        self.conv1 = nn.Conv2d(3, STEM, 3, padding=1, bias=False)
        self.layer1 = nn.Sequential(*stages["layer1"])
        self.layer2 = nn.Sequential(*stages["layer2"])
        self.layer3 = nn.Sequential(*stages["layer3"])
        self.bn1 = nn.BatchNorm2d(architecture.features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(architecture.features, CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.layer3(self.layer2(self.layer1(self.conv1(image))))
        return self.fc(self.avgpool(relu(self.bn1(x))).flatten(1))


class _Block(nn.Module):  # type: ignore[misc]  # no types of torch are read
    def __init__(self, plan: Block) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(plan.inputs)
        self.conv1 = nn.Conv2d(plan.inputs, plan.outputs, 3, plan.stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(plan.outputs)
        self.conv2 = nn.Conv2d(plan.outputs, plan.outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(plan.inputs, plan.outputs, 1, plan.stride, bias=False) if plan.projects else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rectified = relu(self.bn1(x))
        y = self.conv2(relu(self.bn2(self.conv1(rectified))))
        return y + (x if self.shortcut is None else self.shortcut(rectified))
