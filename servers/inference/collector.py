"""The garbage collector of a server process."""

from __future__ import annotations

import gc


def freeze() -> None:
    """Leave all that is there now out of later collections.

    A full collection walks every object of the libraries that were loaded, which takes tens of milliseconds and
    would show up in the tail; and they are here to stay. It concerns the whole process, so its main module decides.
    """
    gc.collect()
    gc.freeze()
