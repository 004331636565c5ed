"""Finding what is registered: a model, a format, a stack or a protocol is one folder, and nothing else changes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar, cast

from models.errors import TailbedError

T = TypeVar("T")


class UnknownName(TailbedError):
    """A name that no registered thing bears; the line names those that there are."""


class Registry(Generic[T]):
    """The folders of a package that hold a certain module, by the folder's name.

    ``Registry("servers", entry="stack", attribute="STACK")`` knows ``servers/grpc/stack.py``, whose ``STACK``
    is the entry ``grpc``; a name has dashes for its folder's underscores. Listing the names imports nothing; ``get``
    imports the one entry asked for.
    """

    def __init__(self, package: str, *, entry: str, attribute: str) -> None:
        self._package = package
        self._entry = entry
        self._attribute = attribute

    def names(self) -> list[str]:
        """The registered names, sorted."""
        folder = Path(str(import_module(self._package).__file__)).parent
        return sorted(found.parent.name.replace("_", "-") for found in folder.glob(f"*/{self._entry}.py"))

    def get(self, name: str) -> T:
        """The entry called ``name``.

        Raises:
            UnknownName: no folder of the package bears that name.
        """
        if name not in self.names():
            raise UnknownName(f"unknown {self._entry} {name!r}: choose from {', '.join(self.names())}")
        module = import_module(f"{self._package}.{name.replace('-', '_')}.{self._entry}")
        return cast(T, getattr(module, self._attribute))
