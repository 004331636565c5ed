"""JAX -> StableHLO by ``jax.export``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporters.exporter import Exporter
from exporters.jax_export.sealed import seal
from exporters.jax_function import function_of, without_locations
from models import Model, Source

_PLATFORMS = ("cpu", "cuda")


class _JAXExport:
    """One file, whole in itself: the parameters are constants of the function.

    As arguments they would need a second file, and XLA could not prepare them: a ResNet-50 that transposes its kernels
    took 127 ms so and 52 ms with constants, for a compilation of 2.3 s in place of 0.7 s.

    ``fp16`` is there for the devices that compute in it. On a CPU XLA computes in float32 and rounds every result, and
    gains nothing but the size.
    """

    format = "jax-export"
    framework = "jax"
    filename = "model.jax"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("jax", "jaxlib")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``, lowered for the CPU and for CUDA; symbolic axes stay symbolic."""
        import jax
        from jax import export

        scope = export.SymbolicScope()
        arguments = [
            jax.ShapeDtypeStruct(export.symbolic_shape(", ".join(map(str, spec.shape)), scope=scope), spec.dtype)
            for spec in model.inputs
        ]
        with without_locations():
            exported = export.export(jax.jit(function_of(model, source, precision)), platforms=_PLATFORMS)(*arguments)
        path.write_bytes(seal(exported.serialize()))
        return {
            "calling_convention": str(exported.calling_convention_version),
            "lowered_for": ", ".join(_PLATFORMS),
            "parameters": "constants",
        }


EXPORTER: Exporter = _JAXExport()
