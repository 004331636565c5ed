"""The architecture: rectified batch normalizations before the convolutions ("pre-activation"), named like resnet's."""

from __future__ import annotations

from dataclasses import dataclass

from models.frameworks.layers import Shapes, convolution_shapes, dense_shapes, norm_shapes

CLASSES = 10
STEM = 16
"""Channels of the first convolution, ``conv1``."""


@dataclass(frozen=True)
class Block:
    """Twice: batch normalization, rectifier, convolution of 3 x 3. What comes out is added to the block's input.

    Its layers are ``bn1``, ``conv1``, ``bn2``, ``conv2`` and ``shortcut``, after the block's name.

    Attributes:
        name: such as ``layer1.0``.
        inputs: channels.
        outputs: channels.
        stride: of ``conv1``, and of ``shortcut``.
    """

    name: str
    inputs: int
    outputs: int
    stride: int

    @property
    def projects(self) -> bool:
        """Whether ``shortcut``, a convolution of 1 x 1 on the rectified input, takes the input's place."""
        return self.inputs != self.outputs

    def shapes(self) -> Shapes:
        """Every tensor's shape."""
        shapes = norm_shapes(f"{self.name}.bn1", self.inputs)
        shapes |= convolution_shapes(f"{self.name}.conv1", self.inputs, self.outputs, 3)
        shapes |= norm_shapes(f"{self.name}.bn2", self.outputs)
        shapes |= convolution_shapes(f"{self.name}.conv2", self.outputs, self.outputs, 3)
        if self.projects:
            shapes |= convolution_shapes(f"{self.name}.shortcut", self.inputs, self.outputs, 1)
        return shapes


@dataclass(frozen=True)
class Architecture:
    """A network of the family: ``conv1``, three stages of blocks, ``bn1``, a rectifier, the average, ``fc``.

    Attributes:
        depth: convolutions and the dense layer, as the paper counts them: 4 and six for each block of a stage.
        width: channels, in multiples of the narrowest network's.
    """

    depth: int
    width: int

    @property
    def features(self) -> int:
        """Channels of the last block."""
        return 64 * self.width

    def blocks(self) -> list[Block]:
        """In order."""
        blocks: list[Block] = []
        inputs = STEM
        for stage in range(3):
            outputs = (16 << stage) * self.width
            for index in range((self.depth - 4) // 6):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(Block(f"layer{stage + 1}.{index}", inputs, outputs, stride))
                inputs = outputs
        return blocks

    def shapes(self) -> Shapes:
        """Every tensor's shape."""
        shapes = convolution_shapes("conv1", 3, STEM, 3)
        for block in self.blocks():
            shapes |= block.shapes()
        return shapes | norm_shapes("bn1", self.features) | dense_shapes("fc", self.features, CLASSES)


ARCHITECTURES = {"wrn-28-10": Architecture(depth=28, width=10)}
"""By the model's name."""
