"""What a zip archive holds, without reading it."""

from __future__ import annotations

import zipfile
from pathlib import Path


def entries(path: Path) -> frozenset[str]:
    """The names in an archive of PyTorch's, below its one top folder; none where the file is no archive."""
    try:
        if path.is_dir() or not zipfile.is_zipfile(path):
            return frozenset()
        with zipfile.ZipFile(path) as archive:
            return frozenset(name.partition("/")[2] for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return frozenset()
