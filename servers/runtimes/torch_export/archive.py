"""What a ``.pt2`` archive holds, told before torch reads it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from models import TailbedError
from servers.runtimes.torch_export.graph import check_graph


class ArchiveError(TailbedError):
    """An archive that is damaged, or holds what is not to be loaded."""


def check_program(path: Path) -> None:
    """Check that ``path`` is an intact archive of torch.export, and that loading it runs no code of its own.

    ``torch.export.load`` unpickles tensors of special classes, objects, archives of older versions, and example inputs
    that are more than tensors; a pickle can run anything. It also loads native code where an archive has some, and
    evaluates texts of the graph.

    Raises:
        ArchiveError: it is not, or it would.
        GraphError: its graph has texts that could be code.
        OSError: it cannot be read.
    """
    import torch

    with _opened(path) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        # torch's own reader takes the first of two, and does not tell capitals from small letters.
        if len({name.lower() for name in names}) < len(archive.namelist()):
            raise ArchiveError("it has two files of one name")
        if any(name.startswith("data/aotinductor/") for name in names):
            raise ArchiveError("it is an AOTInductor package, which holds native code")
        if "models/model.json" not in names:
            raise ArchiveError("it has no models/model.json")
        # All programs are loaded, whichever is asked for.
        if others := sorted(name for name in names if name.startswith("models/") and name != "models/model.json"):
            raise ArchiveError(f"it has another program, {others[0]}, beside models/model.json")
        check_graph(json.loads(archive.read(names["models/model.json"])))
        for folder in ("weights", "constants"):
            config = names.get(f"data/{folder}/model_{folder}_config.json")
            if config is None or f"data/{folder}/model.pt" in names:
                raise ArchiveError(f"its {folder} are pickled, and a pickle can run anything: export it anew")
            for key, entry in json.loads(archive.read(config))["config"].items():
                # Objects are kept under other names than tensors.
                if entry["use_pickle"] or not entry["path_name"].startswith(("weight_", "tensor_")):
                    raise ArchiveError(f"{key!r} in it is a pickled object, and a pickle can run anything")
        examples = archive.read(names["data/sample_inputs/model.pt"]) if "data/sample_inputs/model.pt" in names else b""
        if examples:
            # Or it raises: anything but tensors in containers.
            torch.load(io.BytesIO(examples), weights_only=True)


def aotinductor_metadata(path: Path) -> dict[str, dict[str, Any]]:
    """What each program of an intact AOTInductor package says of itself, by the program's name.

    Raises:
        ArchiveError: it is no such package, or a damaged one.
        OSError: it cannot be read.
    """
    with _opened(path) as archive:
        found = {}
        for name in archive.namelist():
            _, _, inner = name.partition("/data/aotinductor/")
            program, _, file = inner.partition("/")
            if file.endswith(".wrapper_metadata.json"):
                found[program] = json.loads(archive.read(name))
    if not found:
        raise ArchiveError("it has no compiled program")
    return found


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
        damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ArchiveError(str(error)) from error
    if damaged is not None:
        archive.close()
        raise ArchiveError(f"{damaged} in it is damaged")
    return archive
