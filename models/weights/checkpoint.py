"""A user's file of weights, read as a model's own tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.packages import package_versions
from models.weights.weights import WeightsError

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
"""What a file of ``torch.save`` begins with, since PyTorch 1.6 and before it."""


def read_checkpoint(
    path: Path,
    *,
    model: str,
    shapes: Mapping[str, tuple[int, ...]],
    canonical: Callable[[str], str | None],
    name: str = "",
) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file by the model's own names, as float32.

    Args:
        path: the file.
        model: the model's name, for the errors.
        shapes: what the model needs.
        canonical: the model's own name for a name in the file, None where the tensor is to be ignored.
        name: what the errors call the file, by default its path.

    Raises:
        WeightsError: the file is unreadable or not safetensors; a tensor is missing, unknown, there twice, of another
            shape, not of floating-point numbers, or not finite.
        MissingPackage: safetensors is not installed.
    """
    name = name or str(path)
    found: dict[str, np.ndarray] = {}
    for foreign, tensor in _tensors(path, name):
        own = canonical(foreign)
        if own is None:
            continue
        if own not in shapes:
            raise WeightsError(f"{name}: unknown tensor {foreign!r}: {model} has {_some(shapes)}")
        if own in found:
            raise WeightsError(f"{name}: tensor {foreign!r} is there twice, under another name of {own!r}")
        if tuple(tensor["shape"]) != shapes[own]:
            raise WeightsError(
                f"{name}: tensor {foreign!r} has shape {tensor['shape']}, {model} expects {list(shapes[own])}"
            )
        found[own] = _float32(tensor, f"{name}: tensor {foreign!r}")
    if missing := [own for own in shapes if own not in found]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WeightsError(f"{name}: missing tensor {missing[0]!r} of shape {list(shapes[missing[0]])}{more}")
    return found


def _tensors(path: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and dtype, shape and bytes of every tensor; the library itself checks the file's structure."""
    package_versions("safetensors", needed_for="reading weights")
    import safetensors

    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{name}: {error.strerror}") from error
    if path.suffix in _PICKLES or content.startswith((_ZIP, _PICKLE)):
        raise WeightsError(_refusal(path, name))
    try:
        tensors: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{name}: not a safetensors file, or a damaged one ({error})") from error
    return tensors


def _refusal(path: Path, name: str) -> str:
    script = (
        "import torch, safetensors.torch as s; "
        f"w = torch.load('{path}', map_location='cpu', weights_only=True); "
        "s.save_file({k: v.clone().contiguous() for k, v in w.get('state_dict', w).items()}, "
        f"'{path.with_suffix('.safetensors')}')"
    )
    return (
        f"{name}: pickled weights are refused, for reading them can run any code: "
        f'convert them to safetensors first, with python -c "{script}"'
    )


def _float32(tensor: Mapping[str, Any], what: str) -> np.ndarray:
    if tensor["dtype"] not in _DTYPES:
        raise WeightsError(f"{what} has dtype {tensor['dtype']}, expected F32 (F64, F16 and BF16 are converted)")
    array = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        # bfloat16, which numpy lacks, is the upper half of a float32.
        array = (array.astype("<u4") << 16).view("<f4") if tensor["dtype"] == "BF16" else array.astype(np.float32)
    if not np.isfinite(array).all():
        raise WeightsError(f"{what} has {np.count_nonzero(~np.isfinite(array))} values that are not finite in float32")
    return array


def _some(shapes: Mapping[str, tuple[int, ...]]) -> str:
    first = list(shapes)[:3]
    return f"{', '.join(first)} ... ({len(shapes)} tensors)" if len(shapes) > len(first) else ", ".join(first)
