"""JAX -> machine code, compiled ahead of time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.exporter import Exporter
from exporters.jax_function import function_of, without_locations
from exporters.xla_executable import executables
from models import Model, Source, TensorSpec

_BATCH_SIZES = (1, 8)


class _XLAExecutable:
    """A folder of executables, one a batch size, with the parameters inside: loading them compiles nothing.

    They are the bytes that XLA's client serializes, not what ``jax.experimental.serialize_executable`` makes of them,
    which is a pickle. There is no ``fp16``: XLA computes it in float32 on a CPU.
    """

    format = "xla-executable"
    framework = "jax"
    filename = "model"
    precisions: tuple[str, ...] = ("fp32", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = _BATCH_SIZES
    packages: tuple[str, ...] = ("jax", "jaxlib")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Compile ``source`` for this machine's processor and write the folder ``path``."""
        import jax

        function = jax.jit(function_of(model, source, precision))
        with without_locations():
            compiled = {
                size: function.lower(*(_argument(spec, size) for spec in model.inputs)).compile().runtime_executable()
                for size in _BATCH_SIZES
            }
        contents = {size: executable.serialize() for size, executable in compiled.items()}
        executables.write(path, contents, model.inputs, model.outputs)
        return {"instruction_sets": ",".join(executables.instruction_sets()) or "unknown", "parameters": "constants"}


def _argument(spec: TensorSpec, size: int) -> Any:
    import jax

    return jax.ShapeDtypeStruct([size if isinstance(axis, str) else axis for axis in spec.shape], spec.dtype)


EXPORTER: Exporter = _XLAExecutable()
