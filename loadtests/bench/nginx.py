"""nginx for benchmarks: plain, one worker, as a file server, as a cache in front of LL-HLS, or before sockets with TLS.

The rules of the cache are those of the product's configuration (deploy/nginx/plenum.conf), without TLS and headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from plenum.store import die_with_parent

ANSWERS_S = 10.0
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class NoNginx(Exception):
    """This machine has none."""


def files(root: Path, port: int) -> str:
    return f"server {{ listen 127.0.0.1:{port}; root {root}; sendfile on; tcp_nopush on; }}"


def cache(upstream: str, folder: Path, port: int) -> str:
    shared = (
        f"proxy_pass http://front; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_cache c; {_CACHING}"
    )
    return f"""
    upstream front {{ server {upstream}; keepalive 2048; keepalive_requests 1000000; }}
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=c:8m inactive=60s max_size=256m use_temp_path=off;
    server {{ listen 127.0.0.1:{port}; tcp_nodelay on;
      location ~ "\\.m3u8$" {{ {shared} proxy_cache_key $uri$is_args$args; proxy_cache_lock_timeout 0s; }}
      location / {{ {shared} proxy_cache_key $uri; proxy_cache_lock_timeout 20ms; }} }}"""


_CACHING = "proxy_cache_lock on; proxy_buffer_size 16k; proxy_buffers 8 16k;"


def sockets_with_tls(upstream: str, cert: Path, key: Path, port: int) -> str:
    return f"""
    server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
      location / {{ proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_buffering off;
        proxy_buffer_size 16k; proxy_buffers 8 16k;
        proxy_set_header Host $http_host; proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; }} }}"""


@contextlib.asynccontextmanager
async def nginx(folder: Path, servers: str, port: int) -> AsyncIterator[int]:
    """One nginx with this in its `http` block; its process id. Raises NoNginx."""
    program = shutil.which("nginx", path=SEARCHED)
    if program is None:
        raise NoNginx
    scratch = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; worker_processes 1; worker_rlimit_nofile 20000;"
        f"pid {folder}/pid; error_log {folder}/error.log warn; events {{ worker_connections 10000; }}"
        f"http {{ access_log off; keepalive_requests 1000000; {scratch} {servers} }}"
    )
    process = await asyncio.create_subprocess_exec(
        *(program, "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(whole)),
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        await _until_it_listens(port, process, folder)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_it_listens(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(ANSWERS_S):
        while process.returncode is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
                return
            await asyncio.sleep(0.05)
    raise RuntimeError(f"nginx did not start: {(folder / 'error.log').read_text()[-500:]}")
