"""What TensorFlow Serving serves, which is what those serve that stand in for it too."""

from __future__ import annotations

from typing import Final

from exporters.artifact import Artifact
from servers.errors import ServerError

TENSORFLOW_SERVING: Final = "TensorFlow Serving"
COMPATIBLE: Final = "TF-Serving-compatible"
"""What our own servers are called where they are asked in its protocols."""
FORMATS: Final = ("savedmodel", "tflite")


def check_format(stack: str, artifact: Artifact) -> None:
    """Check that the artifact's format is one of them.

    Raises:
        ServerError: it is not.
    """
    if artifact.manifest.format not in FORMATS:
        raise ServerError(f"{artifact.ref} cannot be served by {stack}: it serves {' and '.join(FORMATS)}")
