"""Files that are not taken, told by their first bytes: pickles, which are never loaded, and weights without a model."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

_LEGACY_TORCH: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HIGHEST_PICKLE_PROTOCOL: Final = 5
_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".ckpt", ".bin", ".pt", ".pth")
_STARTS_OF_TEXT_PICKLES: Final = (b"(", b"c", b"]", b"}", b"I", b"S", b"V")
_COMPRESSED: Final = (b"\x78", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"\x04\x22\x4d\x18")
"""What joblib may wrap a pickle in: zlib, gzip, bz2, xz, lzma, lz4."""

_PICKLED: Final = "a pickle: loading it can run any code, so it is never loaded"
_TORCH: Final = (
    f"a PyTorch checkpoint, which is {_PICKLED}. Load it where you trust it, and save the model with "
    "torch.export.save(torch.export.export(model, example), 'model.pt2'), or with "
    "torch.jit.trace(model, example).save('model.pt') or torch.onnx.export"
)
_KERAS: Final = (
    "a Keras file, which no server loads as it is: keras.saving.load_model(FILE).export(FOLDER) makes a SavedModel "
    "folder, which can be imported"
)
_WEIGHTS: Final = (
    "weights without a model: give them to a reference model with 'tailbed weights MODEL FILE', or save the "
    "whole model as ONNX, TorchScript or torch.export"
)


def refusal(path: Path) -> str | None:
    """Why a file is not taken and what to do instead; None where nothing is known against it."""
    if path.is_dir():
        return None
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"PK"):
        return _of_archive(path)
    if head.startswith(_LEGACY_TORCH):
        return _TORCH
    if head.startswith(_HDF5):
        return _KERAS
    if head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < path.stat().st_size:
        return _WEIGHTS
    binary = head[:1] == b"\x80" and 2 <= head[1] <= _HIGHEST_PICKLE_PROTOCOL if len(head) > 1 else False
    named = path.suffix.lower() in _PICKLES and head.startswith(_STARTS_OF_TEXT_PICKLES + _COMPRESSED)
    if binary or named:
        return f"{_PICKLED}. Save the model in a format of its own, such as ONNX (scikit-learn: skl2onnx.to_onnx)"
    return None


def _of_archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return None
    if "data.pkl" in names:
        return _TORCH
    return _KERAS if "config.json" in names and "model.weights.h5" in names else None
