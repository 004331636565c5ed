"""A request's body, up to the size that our servers take."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException

from servers.inference.served import MAX_REQUEST_BYTES


async def read_body(request: Request) -> bytes:
    """All of it.

    Raises:
        HTTPException: it is too large.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_REQUEST_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_REQUEST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
