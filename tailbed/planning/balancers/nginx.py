"""nginx: https://nginx.org/en/docs/http/ngx_http_upstream_module.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tailbed.planning.balancers.program import Front
from tailbed.results.decisions.plan import Balancer

_TEXT: Final = """\
daemon off;
master_process off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    http2_max_concurrent_streams 1024;
    upstream replicas {{
{word}{servers}
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen {listen}{http2};
        location / {{
{passing}
        }}
    }}
}}
"""
_PASSING: Final = {
    "http": """\
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream off;
            proxy_read_timeout 1h;""",
    "grpc": """\
            grpc_pass grpc://replicas;
            grpc_next_upstream off;
            grpc_read_timeout 1h;""",
}
"""A request that fails is told and not sent again."""


class Nginx:
    """nginx, one process: what several workers know of the replicas is each one's own."""

    name: str = "nginx"
    command: str = "nginx"
    words: Mapping[Balancer, str] = {"random": "random", "round-robin": "", "least-outstanding": "least_conn"}

    def configuration(self, front: Front) -> str:
        """The text of ``nginx.conf``."""
        word = self.words[front.balancer]
        return _TEXT.format(
            folder=front.folder,
            listen=front.listen,
            http2=" http2" if front.scheme == "grpc" else "",
            word=f"        {word};\n" if word else "",
            # By default a replica that failed once is not asked for ten seconds.
            servers="\n".join(f"        server {where} max_fails=0;" for where in front.replicas),
            passing=_PASSING[front.scheme],
        )

    def argv(self, executable: str, file: Path) -> list[str]:
        """With its files in the folder of its configuration."""
        return [executable, "-p", str(file.parent), "-c", str(file)]


PROGRAM: Final = Nginx()
