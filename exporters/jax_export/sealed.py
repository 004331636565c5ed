"""The file of ``jax.export`` with its checksum at the end.

MLIR's reader, which takes it apart, ends the process on some damaged files. JAX itself reads a sealed file as it is:
a flatbuffer does not mind what follows it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from models import TailbedError

_MARK: Final = b"tailbed-sha256:"
_DIGEST: Final = sha256().digest_size


class SealError(TailbedError):
    """A file without its checksum, or whose checksum is another one."""


def seal(content: bytes) -> bytes:
    """``content`` and its SHA-256."""
    return content + _MARK + sha256(content).digest()


def unseal(sealed: bytes) -> memoryview:
    """What was sealed.

    Raises:
        SealError: it is truncated, changed, or was never sealed.
    """
    end = len(sealed) - len(_MARK) - _DIGEST
    if end <= 0 or sealed[end:-_DIGEST] != _MARK:
        raise SealError("truncated, or from elsewhere: it does not end in a checksum")
    content = memoryview(sealed)[:end]
    if sha256(content).digest() != sealed[-_DIGEST:]:
        raise SealError("damaged: its SHA-256 is not the one at its end")
    return content
