"""What an exporter is: one format, written from a model's source in one framework."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from models import Model, Source, UnknownName

PRECISIONS = ("fp32", "fp16", "bf16", "int8-dynamic", "int8-static", "int8-static-signed")
"""Number formats of the weights and of what is computed. Inputs and outputs keep the model's own dtypes in all of them.

``int8-dynamic`` finds the ranges of the activations at each request. ``int8-static`` has them from the calibration set;
``int8-static-signed`` is ONNX Runtime's with signed activations, where ``int8-static`` has its default, unsigned ones.
"""

FLOATING_POINT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
"""What TensorFlow, Keras and JAX call the precisions that are a type of their own."""


class Exporter(Protocol):
    """Writes one format. Implementations import their framework inside ``write``, never at module level."""

    format: str
    framework: str
    """The source framework that it reads."""
    filename: str
    """The file, or the folder where the format takes several, inside the artifact's folder."""
    precisions: tuple[str, ...]
    """Those that it writes, of ``PRECISIONS``."""
    unsupported: Mapping[str, str]
    """Precisions that the format has and its libraries cannot write or run, with the library's own message."""
    batch_sizes: tuple[int, ...] | None
    """The batch sizes that the file computes; None for any."""
    packages: tuple[str, ...]
    """Distributions whose versions decide what is written, for the manifest; the source's own among them."""

    def write(self, model: Model, source: Source, precision: str, path: Path) -> Mapping[str, str]:
        """Write ``source`` to ``path``. Returns settings that a reader of the manifest must know, such as the opset."""
        ...


def all_exporters() -> list[Exporter]:
    """Every exporter that there is, by format and then in the order of the format's sources."""
    return [_load(format, framework) for format, sources in sorted(_sources().items()) for framework in sources]


def exporters_of(model: Model) -> dict[str, Exporter]:
    """The exporters that a model in its frameworks has, by the name that an artifact's reference gives them.

    That is the format, such as ``onnx``, for the first of the format's sources that the model is written in, and
    the format and the framework, such as ``onnx-keras``, for each other one.
    """
    found: dict[str, Exporter] = {}
    for format, sources in sorted(_sources().items()):
        written = [framework for framework in sources if framework in model.frameworks]
        for framework in written:
            name = format if framework == written[0] else f"{format}-{framework}"
            found[name] = _load(format, framework)
    return found


def exporter_for(model: Model, name: str) -> Exporter:
    """The exporter that ``name`` means for this model.

    Raises:
        UnknownName: there is none of that name.
    """
    exporters = exporters_of(model)
    if name not in exporters:
        if not exporters:
            raise UnknownName(f"{model.name} cannot be exported any further: it has the artifact it was imported as")
        raise UnknownName(f"unknown format {name!r} of {model.name}: choose from {', '.join(exporters)}")
    return exporters[name]


def _load(format: str, framework: str) -> Exporter:
    module = import_module(f"exporters.{format.replace('-', '_')}.{framework}")
    return cast(Exporter, module.EXPORTER)


@cache
def _sources() -> dict[str, tuple[str, ...]]:
    folder = Path(__file__).parent
    packages = {found.parent.name for found in folder.glob("*/__init__.py")}
    modules = {package: import_module(f"exporters.{package}") for package in packages}
    return {name.replace("_", "-"): module.SOURCES for name, module in modules.items() if hasattr(module, "SOURCES")}
