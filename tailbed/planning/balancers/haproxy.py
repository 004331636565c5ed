"""HAProxy: https://docs.haproxy.org/2.6/configuration.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tailbed.planning.balancers.program import Front
from tailbed.results.decisions.plan import Balancer

_TEXT: Final = """\
global
    nbthread 1
    maxconn 8192
    tune.h2.max-concurrent-streams 1024

defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    option http-keep-alive
    http-reuse always
    retries 0

listen replicas
    bind {listen}{proto}
    balance {word}
{servers}
"""
"""Connections to the replicas are kept and used by every client; a request that fails is told and not sent again."""


class HAProxy:
    """HAProxy, one thread."""

    name: str = "HAProxy"
    command: str = "haproxy"
    # Its random alone draws two replicas and takes the less busy one; with one draw it is that of the theory.
    words: Mapping[Balancer, str] = {
        "random": "random(1)",
        "round-robin": "roundrobin",
        "least-outstanding": "leastconn",
    }

    def configuration(self, front: Front) -> str:
        """The text of ``haproxy.cfg``."""
        proto = " proto h2" if front.scheme == "grpc" else ""
        servers = (f"    server replica-{number} {where}{proto}" for number, where in enumerate(front.replicas))
        return _TEXT.format(
            listen=front.listen, proto=proto, word=self.words[front.balancer], servers="\n".join(servers)
        )

    def argv(self, executable: str, file: Path) -> list[str]:
        """In the foreground, without a master."""
        return [executable, "-db", "-f", str(file)]


PROGRAM: Final = HAProxy()
