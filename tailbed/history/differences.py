"""What else changed between two experiments, which may explain a difference that their figures show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tailbed.history.columns import PACKAGES, Row, Value

_MACHINE: Final = ("cpu", "architecture", "cores", "cores_usable", "memory_bytes", "governor")
_NOT_OF_THE_SERVER: Final = ("artifact", "sha256")
"""Facts of a server's own account that are of the artifact."""
_NAMED: Final = 3
_ID: Final = 12
"""Characters of a checksum or commit that are shown."""


def environment_differences(old: Row, new: Row) -> list[str]:
    """Machine, system, packages and commit, a line each: ``packages: onnxruntime 1.23.0 -> 1.24.0``.

    Args:
        old, new: a row of each experiment.
    """
    lines = [
        _line("machine", _machine(old), _machine(new)),
        *(_line(column, _text(old[column]), _text(new[column])) for column in ("kernel", "os", "python")),
        _packages(old, new),
        _line("tailbed's commit", _commit(old), _commit(new)),
    ]
    for row, which in ((old, "the earlier"), (new, "the later")):
        if row["environment_changed"]:
            lines.append(f"{which} one was resumed on a machine or packages that differ from those it began with")
    return [line for line in lines if line]


def deployment_differences(old: Row, new: Row) -> list[str]:
    """Image, artifact and the server's own account of a cell's deployment, a line each.

    Args:
        old, new: a row of each experiment, both of the same cell.
    """
    image = _line("image", _image(old), _image(new))
    artifact = _line("artifact", _short(old["artifact_sha256"]), _short(new["artifact_sha256"]))
    facts = _mapping_line("server", _facts(old), _facts(new))
    return [line for line in (image, artifact, facts) if line]


def experiment_differences(old: Sequence[Row], new: Sequence[Row]) -> list[str]:
    """All that differs between two experiments; of deployments, those that both have, each named once.

    Args:
        old, new: the rows of each experiment.
    """
    if not old or not new:
        return []
    lines = environment_differences(old[0], new[0])
    earlier = {_deployment(row): row for row in old}
    for deployment, row in {_deployment(row): row for row in new}.items():
        if (before := earlier.get(deployment)) is not None:
            name = " ".join(str(part) for part in deployment if part)
            lines += [f"{name}: {line}" for line in [*deployment_differences(before, row), *_settings(before, row)]]
    return lines


def _deployment(row: Row) -> tuple[Value, ...]:
    return tuple(row[name] for name in ("model", "format", "precision", "server", "variant"))


def _settings(old: Row, new: Row) -> list[str]:
    line = _mapping_line("settings", _json(old["settings"]), _json(new["settings"]))
    return [line] if line else []


def _line(what: str, old: str, new: str) -> str | None:
    return f"{what}: {old} -> {new}" if old != new else None


def _text(value: Value) -> str:
    return "not known" if value is None else str(value)


def _short(value: Value) -> str:
    return "not known" if value is None else str(value)[:_ID]


def _machine(row: Row) -> str:
    cpu, cores, usable, memory, governor = (
        row[name] for name in ("cpu", "cores", "cores_usable", "memory_bytes", "governor")
    )
    if all(row[name] is None for name in _MACHINE):
        return "not known"
    words = [_text(cpu), f"{_text(cores)} cores"]
    words += [f"{usable} of them usable"] if usable != cores else []
    words += [f"{memory / 1e9:.1f} GB"] if isinstance(memory, int) else []
    words += [f"governor {governor}"] if governor else []
    return ", ".join(words)


def _commit(row: Row) -> str:
    commit = _short(row["git_commit"])
    return f"{commit} with changes" if row["git_modified"] else commit


def _image(row: Row) -> str:
    if row["image_id"] is None:
        return "none"
    return f"{row['image_name']} {str(row['image_id'])[: len('sha256:') + _ID]}"


def _packages(old: Row, new: Row) -> str | None:
    before, after = _json(old["packages"]), _json(new["packages"])
    if old["packages_sha256"] is None or new["packages_sha256"] is None:
        return _line("packages", _short(old["packages_sha256"]), _short(new["packages_sha256"]))
    return _mapping_line("packages", before, after, first=PACKAGES)


def _mapping_line(what: str, old: Mapping[str, str], new: Mapping[str, str], first: Sequence[str] = ()) -> str | None:
    """What differs, in the order of names but for those that matter most, and how much more than is named."""
    changed = sorted(_changed(old, new), key=lambda name: (name not in first, name))
    if not changed:
        return None
    named = [f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}" for name in changed[:_NAMED]]
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return f"{what}: {', '.join(named)}{more}"


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    return (name for name in {*old, *new} if old.get(name) != new.get(name))


def _facts(row: Row) -> dict[str, str]:
    return {name: value for name, value in _json(row["server_facts"]).items() if name not in _NOT_OF_THE_SERVER}


def _json(value: Value) -> dict[str, str]:
    found = json.loads(value) if isinstance(value, str) else {}
    return {name: str(each) for name, each in found.items()}
