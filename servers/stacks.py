"""Finding serving stacks: each folder's ``stack.py`` has one, or one for each protocol that the stack speaks."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from exporters.environments import Environment
from models import Registry, UnknownName
from servers.stack import Stack

ALL: Final = "all"
"""In place of a name: every stack that is no stand-in for another."""


class Stacks:
    """Every stack by its name, such as ``triton-grpc``. Naming them imports their ``stack.py``, which is light."""

    def __init__(self) -> None:
        self._folders: Registry[tuple[Stack, ...]] = Registry("servers", entry="stack", attribute="STACKS")

    @cached_property
    def _by_folder(self) -> dict[str, dict[str, Stack]]:
        folders = {name: self._folders.get(name) for name in self._folders.names()}
        return {name: {stack.name: stack for stack in stacks} for name, stacks in folders.items()}

    def names(self) -> list[str]:
        """The names of all, folder by folder."""
        return [name for stacks in self._by_folder.values() for name in stacks]

    def get(self, name: str) -> Stack:
        """The stack called ``name``.

        Raises:
            UnknownName: there is none.
        """
        for stacks in self._by_folder.values():
            if name in stacks:
                return stacks[name]
        raise UnknownName(f"unknown stack {name!r}: choose from {', '.join(self.names())}")

    def expand(self, name: str) -> tuple[str, ...]:
        """The names that ``name`` stands for: its own; or, of a folder such as ``triton`` and of ``all``, every one.

        Stand-ins for another stack are only meant by their own names.

        Raises:
            UnknownName: it stands for none.
        """
        if name in self.names():
            return (name,)
        if name != ALL and name not in self._by_folder:
            raise UnknownName(
                f"unknown stack {name!r}: choose from {', '.join((ALL, *self._by_folder))} or one of "
                f"{', '.join(self.names())}"
            )
        folders = self._by_folder.values() if name == ALL else (self._by_folder[name],)
        return tuple(stack.name for stacks in folders for stack in stacks.values() if stack.stands_in_for is None)

    def environments(self) -> dict[str, Environment]:
        """What ``tailbed install`` can get for stacks, by name."""
        environments = (self.get(name).environment for name in self.names())
        return {found.name: found for found in environments if found is not None}


STACKS: Final = Stacks()
"""Every ``servers/<folder>/stack.py``."""
