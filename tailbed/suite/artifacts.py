"""Which artifacts a suite serves: models crossed with formats and precisions, or artifacts by name."""

from __future__ import annotations

from collections.abc import Iterator

from exporters import DEFAULT_PRECISION, PRECISIONS, exporter_for, exporters_of
from models import MODELS, Model, UnknownName

ALL = "all"
"""Every format that a model has, or every precision that a format has."""

Ref = tuple[str, str, str]
"""Model, format and precision."""


def crossed(models: tuple[str, ...], formats: tuple[str, ...], precisions: tuple[str, ...]) -> Iterator[Ref]:
    """Every artifact of the models in the formats and precisions, ``all`` made those that there are.

    Raises:
        UnknownName: a model, a format of a model or a precision of a format does not exist.
    """
    for model in map(MODELS.get, models):
        for format in exporters_of(model) if ALL in formats else formats:
            offered = precisions_of(model, format)
            if ALL in precisions:
                yield from ((model.name, format, precision) for precision in offered)
                continue
            for precision in precisions:
                if precision not in offered and model.frameworks:
                    refused = exporter_for(model, format).unsupported.get(precision)
                    if refused is not None:
                        raise UnknownName(f"{model.name}/{format}/{precision} is not supported: {refused}")
                if precision not in offered:
                    raise UnknownName(f"{model.name}/{format} has no {precision!r}: choose from {', '.join(offered)}")
                yield model.name, format, precision


def named(ref: str) -> Ref:
    """The artifact that ``model/format`` (in fp32) or ``model/format/precision`` names.

    Raises:
        UnknownName: it names none that could be.
    """
    parts = ref.split("/")
    if len(parts) == 2:
        parts.append(DEFAULT_PRECISION)
    if len(parts) != 3:
        raise UnknownName(f"{ref!r} is no artifact: name one as model/format or model/format/precision")
    return next(crossed((parts[0],), (parts[1],), (parts[2],)))


def precisions_of(model: Model, format: str) -> tuple[str, ...]:
    """The precisions that ``model`` can be had in; without a calibration set there is no static quantization.

    Raises:
        UnknownName: the model has no such format.
    """
    if not model.frameworks:  # imported, and served as it is
        return PRECISIONS
    return tuple(
        precision
        for precision in exporter_for(model, format).precisions
        if model.calibration is not None or not precision.startswith("int8-static")
    )
