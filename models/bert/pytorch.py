"""BERT in PyTorch: modules that bear Hugging Face's names."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from models.bert.architecture import (
    ARCHITECTURES,
    CLASSES,
    EPSILON,
    MASKED,
    POSITIONS,
    TOKEN_TYPES,
    VOCABULARY,
    Architecture,
)
from models.frameworks.pytorch import PyTorchSource
from models.model import Model, Source
from models.weights import Weights


def build(model: Model, weights: Weights) -> Source:
    """The network with these weights."""
    with torch.device("meta"):  # nothing is drawn that the weights would replace at once
        module = _Classifier(ARCHITECTURES[model.name])
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.tensors.items()}, assign=True)
    return PyTorchSource(module, inputs=model.inputs, outputs=model.outputs, weights=weights)


class _Classifier(nn.Module):  # type: ignore[misc]
    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.bert = _Bert(a)
        self.classifier = nn.Linear(a.hidden, CLASSES)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.bert(input_ids, attention_mask))


class _Bert(nn.Module):  # type: ignore[misc]
    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.embeddings = _Embeddings(a)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(a) for _ in range(a.layers))})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(a.hidden, a.hidden)})

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        x = self.embeddings(input_ids)
        mask = (1 - attention_mask.to(x.dtype)).unsqueeze(1).unsqueeze(1) * MASKED
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return torch.tanh(self.pooler["dense"](x[:, 0]))


class _Embeddings(nn.Module):  # type: ignore[misc]
    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, a.hidden)
        self.position_embeddings = nn.Embedding(POSITIONS, a.hidden)
        self.token_type_embeddings = nn.Embedding(TOKEN_TYPES, a.hidden)
        self.LayerNorm = nn.LayerNorm(a.hidden, eps=EPSILON)
        self._sequence = a.sequence

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        # Every sequence has all positions and is of the first token type: rows of the tables, without a look-up.
        rows = self.position_embeddings.weight[: self._sequence] + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(input_ids) + rows)


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": _Attention(a), "output": _Output(a.hidden, a.hidden)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(a.hidden, a.intermediate)})
        self.output = _Output(a.intermediate, a.hidden)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(gelu(self.intermediate["dense"](x)), x)


class _Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.query = nn.Linear(a.hidden, a.hidden)
        self.key = nn.Linear(a.hidden, a.hidden)
        self.value = nn.Linear(a.hidden, a.hidden)
        self._split = (a.heads, a.head)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            dense(x).unflatten(-1, self._split).transpose(1, 2) for dense in (self.query, self.key, self.value)
        )
        return scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)


class _Output(nn.Module):  # type: ignore[misc]
    """A dense layer, the shortcut, and their sum normalized."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps=EPSILON)

    def forward(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dense(x) + shortcut)
