"""How the weights are made: the same bytes every time on the same kind of processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.functional import cross_entropy

from models.digits import data, network
from models.tensor import Tensors

_SEED = 0
_EPOCHS = 20
_BATCH = 64
_LEARNING_RATE = 3e-3


def train() -> Tensors:
    """Train the network from scratch, about 2 s on one core; its parameters and buffers by name."""
    part = data.load_split()[0]
    images, labels = torch.tensor(part.images), torch.tensor(part.labels)
    with _deterministic():
        module = network.build()
        module.train()
        optimizer = torch.optim.AdamW(module.parameters(), lr=_LEARNING_RATE)
        batches = -(-len(labels) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=_EPOCHS * batches)
        for _ in range(_EPOCHS):
            for batch in torch.randperm(len(labels)).split(_BATCH):
                optimizer.zero_grad()
                cross_entropy(module(images[batch]), labels[batch]).backward()
                optimizer.step()
                schedule.step()
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


@contextmanager
def _deterministic() -> Iterator[None]:
    """Fixed seed, deterministic kernels and one thread: the order of a sum over several threads is not fixed."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)
