"""The models that there are."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from models.model import Model
from models.registry import UnknownName


class Models:
    """The models of every ``models/<family>/model.py``, whose ``MODELS`` names one or more, and those imported.

    Listing them imports those modules, and no framework.
    """

    def names(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._all())

    def get(self, name: str) -> Model:
        """The model called ``name``.

        Raises:
            UnknownName: there is none.
        """
        models = self._all()
        if name not in models:
            raise UnknownName(f"unknown model {name!r}: choose from {', '.join(sorted(models))}")
        return models[name]

    @staticmethod
    def _all() -> dict[str, Model]:
        families = [found.parent.name for found in sorted(Path(__file__).parent.glob("*/model.py"))]
        ours = {model.name: model for family in families for model in import_module(f"models.{family}.model").MODELS}
        # Imported here: what reads the records is not for every start of the command line.
        from models.imported.models import imported_models

        return imported_models() | ours


MODELS = Models()
