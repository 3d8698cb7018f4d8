"""nginx with TLS before a running platform, as a company has it: nothing of the product's own configuration, kernel buffers
as they are. So it swallows megabytes for who does not read, which is what is to be survived.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

START_S = 10.0

CONFIGURATION = """
{user} daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; {scratch}
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_set_header Host {upstream};
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_buffering off; proxy_read_timeout 1h;
    }}
  }}
}}
"""


class ProxyUnavailable(Exception):
    """This machine has no nginx or no openssl."""


@asynccontextmanager
async def tls_proxy(folder: Path, upstream: str) -> AsyncIterator[str]:
    """`host:port` of nginx, for as long as the block lasts. Raises ProxyUnavailable."""
    nginx, openssl = shutil.which("nginx") or shutil.which("/usr/sbin/nginx"), shutil.which("openssl")
    if nginx is None or openssl is None:
        raise ProxyUnavailable("nginx and openssl are needed: apt install nginx openssl")
    folder.mkdir()
    _certificate(openssl, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    scratch = " ".join(
        f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(user=user, folder=folder, scratch=scratch, port=port, upstream=upstream)
    (folder / "nginx.conf").write_text(text)
    process = await asyncio.create_subprocess_exec(
        nginx, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf", start_new_session=True
    )
    try:
        await _answers(port)
        yield f"127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _certificate(openssl: str, folder: Path) -> None:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ("-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem")
    subprocess.run([openssl, *words.split(), *files], check=True, capture_output=True)


async def _answers(port: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
