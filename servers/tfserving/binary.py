"""Where ``tensorflow_model_server`` is on this machine."""

from __future__ import annotations

import os
import shutil
from typing import Final

BINARY: Final = "tensorflow_model_server"
PATH_VARIABLE: Final = "TAILBED_TFSERVING"
"""Names the program where it is not on PATH."""
_GET_IT: Final = (
    f"install the package tensorflow-model-server of TensorFlow Serving's Debian repository, or copy "
    f"/usr/bin/{BINARY} out of the image tensorflow/serving and name it in {PATH_VARIABLE}"
)


def find() -> str | None:
    """The program's path; None where it is not."""
    return shutil.which(os.environ.get(PATH_VARIABLE) or BINARY)


def missing() -> str | None:
    """What lacks, and how to get it; None where the program is there."""
    if find():
        return None
    if named := os.environ.get(PATH_VARIABLE):
        return f"{PATH_VARIABLE} is {named}, which is no program: {_GET_IT}"
    return f"the server tfserving needs {BINARY}, which is not on PATH: {_GET_IT}"
