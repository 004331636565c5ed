"""An alarm in microseconds: uvloop's own timers count whole milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable

# Python has os.timerfd_create from 3.13 on.
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class Alarm:
    """Calls back at a time of CLOCK_MONOTONIC, through a Linux timer that the loop polls."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = loop
        self._file = _LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._setting = _Itimerspec()
        self._pointer = ctypes.byref(self._setting)
        loop.add_reader(self._file, self._ring)

    def set(self, at_ns: int) -> None:
        """Ring at ``at_ns`` instead of whenever it was set to before; at once if that is over."""
        # A value of zero would disarm the timer.
        self._setting.value.seconds, self._setting.value.nanoseconds = divmod(max(at_ns, 1), 1_000_000_000)
        _LIBC.timerfd_settime(self._file, _ABSOLUTE, self._pointer, None)

    def close(self) -> None:
        """Never ring again."""
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _ring(self) -> None:
        # Set again in the meantime, there is nothing to read, and it is not time.
        with contextlib.suppress(BlockingIOError):
            os.read(self._file, 8)
            self._callback()
