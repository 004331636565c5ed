"""A gRPC server that does to a client what servers do on bad days, frame by frame."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tritonclient.grpc import service_pb2 as pb

from loadtest.http2 import frames
from loadtest.http2.frames import Code, FrameReader, Kind, Setting
from loadtest.http2.headers import encode
from loadtest.transport.grpc_calls.call import prefix
from servers.oip import grpc as codec

START = encode([(":status", "200"), ("content-type", "application/grpc")])
TRAILERS = encode([("grpc-status", "0")])
ENDS = frames.END_HEADERS | frames.END_STREAM


class Conversation:
    """One connection: the requests that have come on it, and how many connections came before."""

    def __init__(self, connection: socket.socket, number: int, settings: dict[Setting, int]) -> None:
        self.number = number
        self.requests = 0
        self.open = 0
        self.most_open = 0
        self._connection = connection
        self._settings = settings
        self._bodies: dict[int, bytes] = {}

    def run(self, behaviour: "Behaviour") -> None:
        file = self._connection.makefile("rb")
        assert file.read(len(frames.PREFACE)) == frames.PREFACE
        self.say(frames.settings(self._settings))
        reader = FrameReader()
        while data := file.read1():
            for kind, flags, stream, payload in reader.feed(data):
                if kind == Kind.HEADERS:
                    self._bodies[stream] = b""
                    self.open += 1
                    self.most_open = max(self.most_open, self.open)
                elif kind == Kind.DATA:
                    self._bodies[stream] += payload
                    if flags & frames.END_STREAM:
                        self.requests += 1
                        behaviour(self, stream)
                elif kind == Kind.RST_STREAM:
                    self.open -= 1

    def say(self, *parts: bytes) -> None:
        self._connection.sendall(b"".join(parts))

    def answer(self, stream: int) -> None:
        """Twice what was asked."""
        self.open -= 1
        request = codec.decode_request(pb.ModelInferRequest.FromString(self._bodies[stream][5:]))
        message = codec.encode_response("double", {"y": 2 * request.inputs["x"]}).SerializeToString()
        self.say(
            frames.frame(Kind.HEADERS, frames.END_HEADERS, stream, START),
            frames.frame(Kind.DATA, 0, stream, prefix(message) + message),
            frames.frame(Kind.HEADERS, ENDS, stream, TRAILERS),
        )

    def close(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)


Behaviour = Callable[[Conversation, int], None]


@contextmanager
def serve(behaviour: Behaviour, **settings: int) -> Iterator[tuple[str, list[Conversation]]]:
    """Serve on a free port of the loopback; gives the URL, and the conversations so far."""
    found: list[Conversation] = []
    threads: list[threading.Thread] = []
    values = {Setting[name.upper()]: value for name, value in settings.items()}

    def converse(connection: socket.socket, conversation: Conversation) -> None:
        with connection, suppress(OSError):
            conversation.run(behaviour)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.settimeout(20)
                found.append(Conversation(connection, len(found), values))
                threads.append(threading.Thread(target=converse, args=(connection, found[-1])))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"grpc://127.0.0.1:{server.getsockname()[1]}", found
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for conversation in found:
                with suppress(OSError):
                    conversation.close()
            for thread in threads:
                thread.join()


def right(conversation: Conversation, stream: int) -> None:
    """As it should be."""
    conversation.answer(stream)


def resets(conversation: Conversation, stream: int) -> None:
    """RST_STREAM."""
    conversation.open -= 1
    conversation.say(frames.rst_stream(stream, Code.REFUSED_STREAM))


def hangs_up(conversation: Conversation, stream: int) -> None:
    """Half an answer, and no more."""
    conversation.say(frames.frame(Kind.HEADERS, frames.END_HEADERS, stream, START))
    conversation.close()


def talks_garbage(conversation: Conversation, _: int) -> None:
    """Not HTTP/2."""
    conversation.say(b"220 smtp.example ready\r\n")


def never_answers(_: Conversation, __: int) -> None:
    """Takes everything and says nothing."""


def goes_away_now_and_then(conversation: Conversation, stream: int) -> None:
    """Ten calls to a connection, then a graceful end."""
    if conversation.requests == 10:
        conversation.say(frames.goaway(stream, Code.NO_ERROR))
    conversation.answer(stream)


def pings(conversation: Conversation, stream: int) -> None:
    """A ping and settings between the answers."""
    conversation.say(frames.frame(Kind.PING, payload=b"are you?"), frames.settings({Setting.INITIAL_WINDOW_SIZE: 9000}))
    conversation.answer(stream)
