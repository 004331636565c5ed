"""Flow control of what is sent: bodies go out as the peer's windows and its frame size let (RFC 9113, section 5.2)."""

from __future__ import annotations

from collections.abc import Callable

from loadtest.http2 import frames
from loadtest.http2.frames import Code, ConnectionFault, Kind

Write = Callable[[bytes], None]


class _Body:
    __slots__ = ("before_write", "left", "tail", "window")

    def __init__(self, left: memoryview, window: int, tail: bytes, before_write: Callable[[], None]) -> None:
        self.left = left
        self.window = window
        self.tail = tail
        self.before_write = before_write


class Outgoing:
    """What the peer of one connection takes, and the bodies that wait until it takes more.

    Attributes:
        at_once: the largest body in bytes that may now go out on a new stream as a single frame.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, _Body] = {}
        self._window = frames.DEFAULT_WINDOW
        self._initial_window = frames.DEFAULT_WINDOW
        self._max_frame = frames.MAX_FRAME_SIZE
        self._weigh()

    def take(self, size: int) -> None:
        """A body of ``size`` bytes, at most ``at_once``, goes out now by other hands."""
        self._window -= size
        if self._window < self.at_once:
            self._weigh()

    def send(
        self,
        stream: int,
        body: bytes,
        write: Write,
        *,
        extra_window: int = 0,
        tail: bytes = b"",
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        """Send a body on a new stream in as many frames as it needs, now as far as it may and the rest later.

        Args:
            stream: its number.
            body: what goes into DATA frames; not empty.
            write: takes bytes for the peer.
            extra_window: what the peer has added to the stream's window already.
            tail: bytes that follow the body and end the stream; without any, the last frame of DATA ends it.
            before_write: called right before each write.
        """
        self._waiting[stream] = _Body(memoryview(body), self._initial_window + extra_window, tail, before_write)
        self._flush(write)

    def drop(self, stream: int) -> bool:
        """Forget the stream's body; returns whether any of it was still to be sent."""
        dropped = self._waiting.pop(stream, None) is not None
        if dropped:
            self._weigh()
        return dropped

    def on_window_update(self, stream: int, size: int, write: Write) -> bool:
        """The peer takes ``size`` bytes more on a stream, or in all (0); returns whether a body there needs it.

        Raises:
            ConnectionFault: that is nothing, or more than a window may be.
        """
        if not size:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
        if not stream:
            self._window = _checked(self._window + size)
        elif body := self._waiting.get(stream):
            body.window = _checked(body.window + size)
        else:
            return False
        self._flush(write)
        return True

    def on_initial_window(self, size: int, write: Write) -> None:
        """The peer takes ``size`` bytes on each new stream, and as much more or less than before on all others.

        Raises:
            ConnectionFault: a window grows too large.
        """
        change = _checked(size) - self._initial_window
        self._initial_window = size
        for body in self._waiting.values():
            body.window = _checked(body.window + change)
        self._flush(write)

    def on_max_frame(self, size: int) -> None:
        """The peer takes frames of up to ``size`` bytes.

        Raises:
            ConnectionFault: no peer may say so.
        """
        if not frames.MAX_FRAME_SIZE <= size <= frames.LARGEST_FRAME_SIZE:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"a largest frame of {size} bytes")
        self._max_frame = size
        self._weigh()

    def _flush(self, write: Write) -> None:
        for stream, body in list(self._waiting.items()):
            pieces: list[bytes | memoryview] = []
            while (size := min(len(body.left), body.window, self._window, self._max_frame)) > 0:
                piece, body.left = body.left[:size], body.left[size:]
                body.window -= size
                self._window -= size
                ends = not body.left and not body.tail
                pieces += (
                    frames.frame_header(Kind.DATA, frames.END_STREAM if ends else 0, size),
                    frames.stream_id(stream),
                    piece,
                )
            if not body.left:
                pieces.append(body.tail)
                del self._waiting[stream]
            if pieces:
                body.before_write()
                write(b"".join(pieces))
        self._weigh()

    def _weigh(self) -> None:
        # While others wait for the connection's window, none may pass them.
        self.at_once = 0 if self._waiting else max(0, min(self._window, self._initial_window, self._max_frame))


def _checked(window: int) -> int:
    if window > frames.LARGEST_WINDOW:
        raise ConnectionFault(Code.FLOW_CONTROL_ERROR, f"a window of {window} bytes")
    return window
