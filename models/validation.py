"""A validation error of pydantic in one line."""

from __future__ import annotations

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """Where the first problem is and what it is, such as ``scenario.rate: Input should be greater than 0``."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where}: {first['msg']}"
