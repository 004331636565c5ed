"""Made-up texts: rows of token numbers of different lengths, padded, with the mask that says where they end."""

from __future__ import annotations

import numpy as np

from models.bert.architecture import ARCHITECTURES, VOCABULARY
from models.model import EvaluationSet
from models.tensor import Tensors

_PAD, _CLS, _SEP = 0, 101, 102
_FIRST_WORD = 1000
"""Numbers below are punctuation, letters and what is unused."""
_WORDS = 6
"""Different words of a text. A text has its own few, as texts do: of many, all averages would look alike."""
_EVALUATION = {"bert-base": 24, "bert-mini": 64}
_REQUESTS = 16
_CALIBRATION = 16


def evaluation(model: str) -> EvaluationSet:
    """Texts without labels: what is judged is agreement."""
    return EvaluationSet(_texts(model, _EVALUATION[model], seed=1), None)


def requests(model: str) -> Tensors:
    """Other texts."""
    return _texts(model, _REQUESTS, seed=2)


def calibration(model: str) -> Tensors:
    """Other texts again."""
    return _texts(model, _CALIBRATION, seed=3)


def _texts(model: str, items: int, *, seed: int) -> Tensors:
    """``input_ids`` and ``attention_mask``, int32 ``[items, sequence]``; lengths from an eighth of the sequence up."""
    sequence = ARCHITECTURES[model].sequence
    generator = np.random.default_rng(seed)
    ids = np.full((items, sequence), _PAD, np.int32)
    mask = np.zeros((items, sequence), np.int32)
    for row, length in enumerate(generator.integers(sequence // 8, sequence, items, endpoint=True)):
        words = generator.integers(_FIRST_WORD, VOCABULARY, _WORDS)
        ids[row, :length] = [_CLS, *generator.choice(words, length - 2), _SEP]
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}
