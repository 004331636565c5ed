"""What libraries say to their own developers, kept from the user."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def quiet(*loggers: str, below: int = logging.CRITICAL, ignored: Sequence[str] = ()) -> Iterator[None]:
    """In the block some of what libraries say is not heard.

    Args:
        loggers: names of loggers that are to be heard less.
        below: the level that a record of theirs must have to pass.
        ignored: patterns of the beginnings of warnings.
    """
    silenced = [logging.getLogger(name) for name in loggers]
    before = [logger.level for logger in silenced]
    with warnings.catch_warnings():
        for pattern in ignored:
            warnings.filterwarnings("ignore", message=pattern)
        for logger in silenced:
            logger.setLevel(below)
        try:
            yield
        finally:
            for logger, level in zip(silenced, before, strict=True):
                logger.setLevel(level)
