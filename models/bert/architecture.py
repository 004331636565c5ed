"""The architecture: an encoder with its sums normalized after each sublayer, a pooler and a classifier."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = 2
VOCABULARY = 30522
POSITIONS = 512
"""Rows of the table of positions, more than the model's own sequences have: those of every published BERT."""
TOKEN_TYPES = 2
EPSILON = 1e-12
"""What a layer normalization adds to the variance."""
MASKED = -30.0
"""What the attention scores of a masked position are lowered by.

A masked token keeps ``exp(-30)``, 1e-13, of the attention that it would have had: nothing beside what float32 resolves,
unless its score is above all others by ten and more, and in float16 exactly 0. The usual -1e9 is no number of float16,
and a large one ruins static quantization, whose 256 levels spread over it: with -30 a level is 0.15 of a score or so.
"""


@dataclass(frozen=True)
class Architecture:
    """A network of the family.

    Attributes:
        layers: of the encoder.
        hidden: the width; the layer in between has four times as much.
        heads: of the attention.
        sequence: tokens of an input.
    """

    layers: int
    hidden: int
    heads: int
    sequence: int

    @property
    def intermediate(self) -> int:
        """The width of the layer in between."""
        return 4 * self.hidden

    @property
    def head(self) -> int:
        """The width of one head."""
        return self.hidden // self.heads

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor's shape by its name, which is Hugging Face's; dense layers are ``[outputs, inputs]``."""
        embeddings = "bert.embeddings"
        shapes: dict[str, tuple[int, ...]] = {
            f"{embeddings}.word_embeddings.weight": (VOCABULARY, self.hidden),
            f"{embeddings}.position_embeddings.weight": (POSITIONS, self.hidden),
            f"{embeddings}.token_type_embeddings.weight": (TOKEN_TYPES, self.hidden),
            **self._norm(f"{embeddings}.LayerNorm"),
        }
        for index in range(self.layers):
            layer = f"bert.encoder.layer.{index}"
            for part in ("query", "key", "value"):
                shapes |= _dense(f"{layer}.attention.self.{part}", self.hidden, self.hidden)
            shapes |= _dense(f"{layer}.attention.output.dense", self.hidden, self.hidden)
            shapes |= self._norm(f"{layer}.attention.output.LayerNorm")
            shapes |= _dense(f"{layer}.intermediate.dense", self.hidden, self.intermediate)
            shapes |= _dense(f"{layer}.output.dense", self.intermediate, self.hidden)
            shapes |= self._norm(f"{layer}.output.LayerNorm")
        return (
            shapes | _dense("bert.pooler.dense", self.hidden, self.hidden) | _dense("classifier", self.hidden, CLASSES)
        )

    def _norm(self, name: str) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (self.hidden,), f"{name}.bias": (self.hidden,)}


ARCHITECTURES = {
    "bert-base": Architecture(layers=12, hidden=768, heads=12, sequence=128),
    "bert-mini": Architecture(layers=4, hidden=256, heads=4, sequence=64),
}
"""By the model's name."""


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
