"""Where and when it was measured, from an experiment's free-form ``environment.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tailbed.report.section import Section
from tailbed.report.source import Source

_LONG = 16
"""From so many entries on, a group is a list of its own that is folded away."""


@dataclass(frozen=True)
class Group:
    """Named facts that belong together."""

    title: str
    facts: Mapping[str, str]

    @property
    def long(self) -> bool:
        """Whether it is better folded away."""
        return len(self.facts) >= _LONG


def prepare(source: Source) -> Section:
    """The machine, its software, and the suite."""
    files = ("environment.json", "suite.yaml")
    own = {
        "groups": groups(source.environment),
        "suite": _suite_text(source),
        "raw": [link for file in files if (link := source.link(file))],
    }
    return Section("Environment", own)


def groups(environment: Mapping[str, Any]) -> list[Group]:
    """Lay the nested mapping out: a group for each mapping on top, and for each long one below."""
    loose = {_words(key): _text(key, value) for key, value in environment.items() if not isinstance(value, Mapping)}
    found = [Group("general", loose)] if loose else []
    for title, value in environment.items():
        if isinstance(value, Mapping):
            found += _split(_words(title), value)
    return found


def _split(title: str, mapping: Mapping[str, Any]) -> Iterator[Group]:
    facts: dict[str, str] = {}
    below: list[Group] = []
    for key, value in mapping.items():
        if not isinstance(value, Mapping):
            # A long one lists things by their own names, such as packages.
            facts[key if len(mapping) >= _LONG else _words(key)] = _text(key, value)
        elif len(value) >= _LONG:
            below += _split(f"{title}: {_words(key)}", value)
        else:
            facts[_words(key)] = ", ".join(f"{_words(name)} {_text(name, entry)}" for name, entry in value.items())
    if facts:
        yield Group(title, facts)
    yield from below


def machine_line(environment: Mapping[str, Any]) -> str | None:
    """The machine in a few words, such as ``AMD EPYC 7763, 2 cores, 16.8 GB, Linux 6.1.0``; None when unknown."""
    machine, system = environment.get("machine"), environment.get("system")
    machine = machine if isinstance(machine, Mapping) else {}
    system = system if isinstance(system, Mapping) else {}
    cores, memory, kernel = machine.get("cores_logical"), machine.get("memory_bytes"), system.get("kernel")
    words = [
        machine.get("cpu"),
        f"{cores} core{'' if cores == 1 else 's'}" if cores else None,
        _gigabytes(memory) if isinstance(memory, int) else None,
        f"Linux {kernel}" if kernel else None,
    ]
    return ", ".join(str(word) for word in words if word) or None


def date_line(started: str) -> str:
    """``2026-11-21T01:40:02+00:00`` as ``21 November 2026, 01:40 UTC``; as it stands when it is no such time."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _words(key: str) -> str:
    return key.replace("_", " ").removesuffix(" bytes")


def _text(key: str, value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_bytes"):
        return _gigabytes(value)
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{_words(name)} {_text(name, entry)}" for name, entry in value.items()) + ")"
    if isinstance(value, list | tuple):
        return ", ".join(_text("", entry) for entry in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _suite_text(source: Source) -> str | None:
    try:
        return source.folder.suite.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
