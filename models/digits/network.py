"""The architecture: two convolutions and two dense layers, 151,498 parameters."""

from __future__ import annotations

from torch import nn


def build() -> nn.Sequential:
    """The network with fresh weights: float32 ``[batch, 1, 8, 8]`` to scores ``[batch, 10]``."""
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(64 * 4 * 4, 128),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(128, 10),
    )
