"""The architecture: convolutions by name, as torchvision numbers them, each followed by a batch normalization."""

from __future__ import annotations

from dataclasses import dataclass

from models.frameworks.layers import Shapes, convolution_shapes, dense_shapes, norm_shapes

CLASSES = 1000
STAGES = 4

_EXPANSION = 4


@dataclass(frozen=True)
class Convolution:
    """A convolution without bias and the batch normalization after it.

    Attributes:
        name: of the convolution.
        norm: of the batch normalization.
        inputs: channels.
        outputs: channels.
        kernel: height and width; half of it is padded on every side.
        stride: of both axes.
    """

    name: str
    norm: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1


@dataclass(frozen=True)
class Block:
    """Convolutions with a rectifier between any two; what they give is added to the shortcut, and rectified.

    Attributes:
        name: such as ``layer1.0``.
        convolutions: two of 3 x 3, or 1 x 1, 3 x 3 and 1 x 1 (a bottleneck).
        projection: of the shortcut, where the shape changes.
    """

    name: str
    convolutions: tuple[Convolution, ...]
    projection: Convolution | None


STEM = Convolution("conv1", "bn1", 3, 64, kernel=7, stride=2)
"""Followed by a rectifier and a maximum over 3 x 3 with stride 2."""


@dataclass(frozen=True)
class Architecture:
    """A network of the family.

    Attributes:
        bottleneck: whether its blocks are bottlenecks.
        depths: blocks in each stage.
    """

    bottleneck: bool
    depths: tuple[int, int, int, int]

    @property
    def features(self) -> int:
        """Channels of the last block, which are averaged over the image and go into the dense layer ``fc``."""
        return 512 * (_EXPANSION if self.bottleneck else 1)

    def blocks(self) -> list[Block]:
        """From the stem to the average, in order. A bottleneck strides in its 3 x 3, as torchvision's does ("v1.5")."""
        blocks: list[Block] = []
        inputs = STEM.outputs
        for stage, depth in enumerate(self.depths):
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(self._block(f"layer{stage + 1}.{index}", inputs, 64 << stage, stride))
                inputs = blocks[-1].convolutions[-1].outputs
        return blocks

    def shapes(self) -> Shapes:
        """Every tensor's shape."""
        shapes: Shapes = {}
        for convolution in self.convolutions():
            shapes |= convolution_shapes(
                convolution.name, convolution.inputs, convolution.outputs, convolution.kernel
            ) | norm_shapes(convolution.norm, convolution.outputs)
        return shapes | dense_shapes("fc", self.features, CLASSES)

    def convolutions(self) -> list[Convolution]:
        """All of them, in order."""
        found = [STEM]
        for block in self.blocks():
            found += block.convolutions
            found += [block.projection] if block.projection else []
        return found

    def _block(self, name: str, inputs: int, width: int, stride: int) -> Block:
        outputs = width * (_EXPANSION if self.bottleneck else 1)
        plan = (
            [(width, 1, 1), (width, 3, stride), (outputs, 1, 1)]
            if self.bottleneck
            else [(width, 3, stride), (width, 3, 1)]
        )
        convolutions: list[Convolution] = []
        channels = inputs
        for number, (to, kernel, step) in enumerate(plan, start=1):
            convolutions.append(Convolution(f"{name}.conv{number}", f"{name}.bn{number}", channels, to, kernel, step))
            channels = to
        projection = Convolution(f"{name}.downsample.0", f"{name}.downsample.1", inputs, outputs, 1, stride)
        return Block(name, tuple(convolutions), projection if stride > 1 or inputs != outputs else None)


ARCHITECTURES = {
    "resnet18": Architecture(bottleneck=False, depths=(2, 2, 2, 2)),
    "resnet50": Architecture(bottleneck=True, depths=(3, 4, 6, 3)),
}
"""By the model's name."""
