"""Small HTTP servers that do to a client what servers do on bad days."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import trustme

from servers.oip import http

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[bool]]
"""Answers one request, whose body it gets; returns whether the connection goes on."""


def answer(body: bytes, *headers: str) -> bytes:
    """The right response to a request: ``y`` is twice ``x``."""
    size = int.from_bytes(body[:4], "big")
    request = http.decode_request(body[4:], size)
    return respond({"y": 2 * request.inputs["x"]}, *headers)


def respond(outputs, *headers: str) -> bytes:
    message = http.encode_response("double", outputs, binary=lambda _: True)
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(message.body)}", *headers]
    lines += [f"{name}: {value}" for name, value in message.headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + message.body


@contextmanager
def serve(behaviour: Behaviour, certificate: trustme.LeafCert | None = None) -> Iterator[str]:
    """Serve on a free port of the loopback, from a thread; gives the URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
    if certificate:
        certificate.configure_cert(context)
    loop = asyncio.new_event_loop()
    started: list[asyncio.Server] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ") for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                size = int(headers[http.JSON_SIZE_HEADER.lower()]).to_bytes(4, "big")
                if not await behaviour(reader, writer, size + body):
                    break
                await writer.drain()
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    async def start() -> None:
        started.append(await asyncio.start_server(converse, "127.0.0.1", 0, backlog=1024, ssl=context))

    async def stop() -> None:
        started[0].close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{started[0].sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def right(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
    """As it should be."""
    writer.write(answer(body))
    return True


async def closes_each_time(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
    """Right, and says that it closes."""
    writer.write(answer(body, "Connection: close"))
    return False


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
    """Right, a few bytes at a time."""
    whole = answer(body)
    for start in range(0, len(whole), 40):
        writer.write(whole[start : start + 40])
        await asyncio.sleep(0.001)
    return True


async def is_slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
    """Right, after 50 ms."""
    await asyncio.sleep(0.05)
    writer.write(answer(body))
    return True


async def resets_within(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bool:
    """Half a response, then a reset."""
    writer.write(answer(body)[:-20])
    await asyncio.sleep(0.001)
    writer.transport.abort()
    return False


async def never_answers(_: asyncio.StreamReader, __: asyncio.StreamWriter, ___: bytes) -> bool:
    """Takes everything and says nothing."""
    return True


async def is_overloaded(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> bool:
    """503."""
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
    return True


async def talks_garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> bool:
    """Not HTTP."""
    writer.write(b"220 smtp.example ready\r\n")
    return True
