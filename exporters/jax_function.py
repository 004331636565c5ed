"""A JAX model as a function of its inputs alone, in the precision that it is exported in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from exporters.exporter import FLOATING_POINT
from models import Model, Source


def function_of(model: Model, source: Source, precision: str) -> Callable[..., tuple[Any, ...]]:
    """The model's function of its inputs by position, with the parameters inside as constants.

    XLA then folds what depends on them only, such as the transposition of a kernel, which it would otherwise compute
    at every request. Parameters and inputs in floating point are converted to the precision's type, and outputs to
    their own dtype.
    """
    import jax
    import jax.numpy as jnp

    dtype = FLOATING_POINT[precision]

    def converted(array: Any) -> Any:
        return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array

    parameters = jax.tree.map(converted, source.module.parameters)

    def apply(*inputs: Any) -> tuple[Any, ...]:
        # On a GPU XLA would otherwise round the float32 inputs of matrix products and convolutions to 10 bits.
        with jax.default_matmul_precision("highest"):
            results = source.module.apply(parameters, *map(converted, inputs))
        return tuple(result.astype(spec.dtype) for result, spec in zip(results, model.outputs, strict=True))

    return apply


@contextmanager
def without_locations() -> Iterator[None]:
    """In the block JAX leaves the names of source files and functions out of what it lowers: they are the maker's."""
    import jax

    before = jax.config.jax_traceback_in_locations_limit
    jax.config.update("jax_traceback_in_locations_limit", 0)
    try:
        yield
    finally:
        jax.config.update("jax_traceback_in_locations_limit", before)
