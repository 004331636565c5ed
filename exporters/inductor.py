"""What everything that PyTorch's compiler makes has in common, whether compiled at the export or at the load."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporters.quiet import quiet
from models import MissingPackage, TailbedError

BATCH_SIZES = (1, 8)
"""The batch sizes that programs are compiled for.

Code for any batch size is slower, and int8 convolutions have none: Inductor's lowering fails at the second size.
"""

_OWN_WARNINGS = (
    # torch's own modules are scripted at their import, and the lowering of int8 makes a tensor from a tensor.
    r"`torch\.jit\.\w+` is deprecated",
    "To copy construct from a tensor",
)


class MissingCompiler(MissingPackage):
    """There is no C++ compiler."""

    def __init__(self, compiler: str, needed_for: str) -> None:
        TailbedError.__init__(
            self, f"{needed_for} needs a C++ compiler, and there is no {compiler!r}: install g++, or set CXX to one"
        )


def cxx_compiler(needed_for: str) -> str:
    """The C++ compiler that Inductor calls: ``$CXX``, or ``g++``.

    Raises:
        MissingCompiler: it is not there.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise MissingCompiler(compiler, needed_for)
    return compiler


@contextmanager
def compiling(parent: Path | None = None) -> Iterator[None]:
    """In the block Inductor compiles in this process alone, from an empty cache that is gone afterwards, with freezing.

    Freezing makes the weights constants, folded and laid out for the machine at compile time. As an option of
    ``torch.compile`` it comes too late: the graph then has the weights as inputs, nothing is folded, nobody is told.

    What was compiled before by whoever uses this machine would otherwise make some compilations take no time, and a
    pool of compiler processes would outlive the work.

    Args:
        parent: the folder to hold the cache; None for that of temporary files.
    """
    import torch
    from torch._inductor import config

    with (
        tempfile.TemporaryDirectory(prefix="tailbed-", dir=parent) as folder,
        config.patch(compile_threads=1, freezing=True),
        quiet("torch._inductor.utils", ignored=_OWN_WARNINGS),
    ):
        from torch._inductor.utils import fresh_cache

        with fresh_cache(dir=folder), torch.inference_mode():
            yield
