"""Reading a JSON message that anyone may have written; what does not fit raises OipError."""

from __future__ import annotations

from typing import Any

import orjson

from servers.oip.errors import OipError


def load(text: bytes | memoryview) -> dict[str, Any]:
    """The object that a JSON text is."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise OipError(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise OipError("the body is not a JSON object")
    return found


def entries(header: dict[str, Any], key: str, *, required: bool) -> list[dict[str, Any]]:
    """The objects of the list ``key``."""
    found = header.get(key)
    if found is None and not required:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise OipError(f"{key!r} must be a list of objects")
    return found


def name(entry: dict[str, Any]) -> str:
    """A tensor's name."""
    found = entry.get("name")
    if not isinstance(found, str):
        raise OipError("a tensor has no name")
    return found


def parameters(entry: dict[str, Any], owner: str) -> dict[str, Any]:
    """The parameters of ``owner``, empty when it has none."""
    found = entry.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise OipError(f"{owner}: parameters is not an object")
    return found


def flag(parameters: dict[str, Any], key: str, *, default: bool) -> bool:
    """A parameter that is true or false."""
    found = parameters.get(key, default)
    if not isinstance(found, bool):
        raise OipError(f"parameter {key} is {found!r}, expected true or false")
    return found


def text(header: dict[str, Any], key: str) -> str:
    """A string; empty when it is missing or null."""
    found = header.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise OipError(f"{key!r} is not a string")
    return found
