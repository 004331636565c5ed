"""What a section of the page is.

Each is a folder of its name: ``data.py`` with ``prepare(source)``, ``section.html``, which is its template, and, where
it has pictures, its scripts. The page puts its heading above it and lists it in the contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Section:
    """A section that has something to show.

    Attributes:
        title: its heading; also its name in the contents.
        own: what its template reads as ``own``.
        data: what its script draws, plain JSON values; None without pictures.
    """

    title: str
    own: Mapping[str, Any] = field(default_factory=dict)
    data: Any = None
