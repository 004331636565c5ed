"""What is the same of the API over REST and over gRPC: names, paths and how a signature becomes metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import numpy as np

from exporters.savedmodel.signature import SERVING_DEFAULT
from models import TensorSpec
from servers.oip import datatypes as oip
from servers.oip import metadata
from servers.oip.errors import OipError
from servers.tfserving_api.datatypes import from_numpy, to_numpy
from servers.tfserving_api.errors import TfServingError

METHOD: Final = "tensorflow/serving/predict"
"""What a signature for prediction says that it is for."""
AVAILABLE: Final = "AVAILABLE"
LOADING: Final = "LOADING"
"""States of a model's version."""


def path(model: str) -> str:
    """Of a model over REST; ``:predict`` and ``/metadata`` follow."""
    return f"/v1/models/{quote(model, safe='')}"


def check_signature(name: str) -> None:
    """Check that a request means the one signature that our servers have.

    Raises:
        TfServingError: it means another one.
    """
    if name not in ("", SERVING_DEFAULT):
        raise TfServingError(f"unknown signature {name!r}: the model has {SERVING_DEFAULT!r}")


def chosen(names: Iterable[str]) -> str:
    """The signature that requests without a name mean.

    Raises:
        TfServingError: the model does not have it.
    """
    found = sorted(names)
    if SERVING_DEFAULT not in found:
        raise TfServingError(f"the model has no signature {SERVING_DEFAULT!r}, only {', '.join(found) or 'none'}")
    return SERVING_DEFAULT


def tensor(name: str, datatype: object, sizes: Iterable[int]) -> TensorSpec:
    """A specification from what the wire says; axes of any length are -1.

    Raises:
        TfServingError: an unsupported datatype, or a size that is none.
    """
    try:
        return metadata.spec(name, oip.from_numpy(to_numpy(datatype)), sizes)
    except OipError as error:
        raise TfServingError(str(error)) from error
    except TfServingError as error:
        raise TfServingError(f"tensor {name!r}: {error}") from error


def wire_shape(of: TensorSpec) -> list[int]:
    """The shape as the wire has it, -1 for an axis of any length."""
    return metadata.wire_shape(of)


def wire_datatype(of: TensorSpec) -> str:
    """The datatype as the wire has it."""
    return from_numpy(np.dtype(of.dtype))
