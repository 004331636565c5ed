"""JAX -> SavedModel by jax2tf: the function as StableHLO in one operation, its parameters as variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.exporter import FLOATING_POINT, Exporter
from exporters.savedmodel.signature import SERVING_DEFAULT, input_signature
from models import Model, Source
from models.frameworks.tensorflow import tensorflow


class _JAXSavedModel:
    """A folder whose only signature, ``serving_default``, has the model's names and any batch size.

    XLA compiles the operation in the process that serves, once for every batch size that it sees.
    """

    format = "savedmodel"
    framework = "jax"
    filename = "model"
    precisions: tuple[str, ...] = ("fp32", "fp16", "bf16")
    unsupported: Mapping[str, str] = {}
    batch_sizes: tuple[int, ...] | None = None
    packages: tuple[str, ...] = ("jax", "jaxlib", "tensorflow-cpu")

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to the folder ``path``.

        In ``fp16`` and ``bf16`` the parameters are in that type, and so is what is computed from them.
        """
        dtype = None if precision == "fp32" else FLOATING_POINT[precision]
        write_savedmodel(model, source.module, path, dtype=dtype)
        return {"signature": SERVING_DEFAULT, "variables": "parameters", "serialization": "native"}


def write_savedmodel(
    model: Model, module: Any, path: Path, *, dtype: str | None = None, batch: int | None = None
) -> None:
    """Write a ``JAXModule`` as a SavedModel.

    Args:
        model: whose inputs and outputs the signature has.
        module: the function and its parameters.
        path: the folder.
        dtype: what floating-point parameters and inputs are converted to; None leaves them.
        batch: the one batch size that it computes; None for any.
    """
    import jax
    import jax.numpy as jnp

    tf = tensorflow()
    from jax.experimental import jax2tf

    inputs, outputs = [spec.name for spec in model.inputs], [(spec.name, spec.dtype) for spec in model.outputs]

    def converted(tree: Any) -> Any:
        def one(leaf: Any) -> Any:
            return leaf.astype(dtype) if dtype and jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(one, tree)

    def apply(parameters: Any, *arrays: Any) -> tuple[Any, ...]:
        with jax.default_matmul_precision("highest"):  # as in ``function_of``
            results = module.apply(parameters, *converted(arrays))
        return tuple(result.astype(dtype) for result, (_, dtype) in zip(results, outputs, strict=True))

    shapes = [_polymorphic(spec.shape, batch) for spec in model.inputs]
    compute = jax2tf.convert(apply, polymorphic_shapes=[None, *shapes], with_gradient=False)
    leaves, structure = jax.tree.flatten(converted(module.parameters))
    served = tf.Module()
    served.parameters = [tf.Variable(leaf, trainable=False) for leaf in leaves]

    def serve(tensors: Any) -> Any:
        parameters = jax.tree.unflatten(structure, served.parameters)
        results = compute(parameters, *(tensors[name] for name in inputs))
        return {name: result for (name, _), result in zip(outputs, results, strict=True)}

    served.serve = tf.function(serve, input_signature=input_signature(model.inputs, batch=batch), autograph=False)
    tf.saved_model.save(served, str(path), signatures={SERVING_DEFAULT: served.serve})


def _polymorphic(shape: tuple[int | str, ...], batch: int | None) -> str:
    axes = [batch if index == 0 and batch and isinstance(axis, str) else axis for index, axis in enumerate(shape)]
    return ", ".join(map(str, axes)) + ("," if len(axes) == 1 else "")


EXPORTER: Exporter = _JAXSavedModel()
