"""One file from the Hugging Face hub."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from models.packages import package_versions
from models.weights.weights import WeightsError

if TYPE_CHECKING:
    import urllib3

FILE = "model.safetensors"
_ENDPOINT = "https://huggingface.co"
_REDIRECTS = 5
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_CHUNK = 1 << 20


def download(repository: str, path: Path, progress: Callable[[int, int | None], None]) -> None:
    """Write ``model.safetensors`` of ``repository`` to ``path`` as it comes in.

    ``$HF_ENDPOINT`` names another hub and ``$HF_TOKEN`` is sent to it (and to no host that it redirects to), as the
    hub's own clients do; so are the usual variables for proxies heeded.

    Args:
        repository: ``owner/name``.
        path: the file to write.
        progress: told the bytes written so far, and all that are to come where the hub says so.

    Raises:
        WeightsError: the hub cannot be reached or breaks off, or has no such file for us.
    """
    package_versions("urllib3", needed_for="the hub")
    import urllib3

    endpoint = (os.environ.get("HF_ENDPOINT") or _ENDPOINT).rstrip("/")
    if not endpoint.startswith(("https://", "http://")):
        raise WeightsError(f"HF_ENDPOINT is {endpoint!r}, expected an address such as {_ENDPOINT}")
    url = f"{endpoint}/{quote(repository)}/resolve/main/{FILE}"
    token = os.environ.get("HF_TOKEN")
    try:
        # Redirects alone: a retry is the user's to decide, and urllib3 would print a warning for each.
        retries = urllib3.Retry(total=None, connect=0, read=0, redirect=_REDIRECTS, status=0, other=0)
        with (
            _pool(url) as pool,
            pool.request(
                "GET",
                url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                retries=retries,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                preload_content=False,
            ) as response,
        ):
            if response.status != 200:
                raise WeightsError(_refused(repository, endpoint, response.status))
            length = response.headers.get("Content-Length", "")
            total, written = int(length) if length.isdecimal() else None, 0
            with path.open("wb") as file:
                for chunk in response.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                    written += len(chunk)
                    progress(written, total)
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(
            f"cannot get {FILE} of {repository} from {endpoint} ({reason}): without a network, give the file's path"
        ) from error


def _pool(url: str) -> urllib3.PoolManager:
    import urllib3

    host = urlsplit(url)
    proxy = getproxies().get(host.scheme)
    return urllib3.PoolManager() if not proxy or proxy_bypass(host.netloc) else urllib3.ProxyManager(proxy)


def _refused(repository: str, endpoint: str, status: int) -> str:
    if status in (401, 403):
        why = "there is no such repository, or it is not public: set HF_TOKEN to a token that may read it"
    elif status == 404:
        why = "the repository is gone or has no such file: give the path of a safetensors file instead"
    else:
        why = "try again later"
    return f"{endpoint} answers {status} for {FILE} of {repository}: {why}"
