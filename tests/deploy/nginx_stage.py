"""The real nginx with the configuration that Plenum makes, in front of a real front, which has a real origin."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from deploy import assemble, secret, tls
from deploy.reverse_proxy import Site, configuration
from plenum.identity import Principal, Role, Signer
from plenum.settings import Settings, load
from plenum.store import Embedded
from tests.deploy.test_front import NoPages
from tests.ports import free_port
from tests.sfu.feed_origin import Origin

EVENT = "town-hall"
HEADER_TIMEOUT_S = 1
"""Of the test's nginx, where the product's has ten seconds."""


class Nginx:
    """One nginx process, ended with the block."""

    def __init__(self, folder: Path, upstreams: list[str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.http_port = free_port()
        self.upstreams = upstreams
        self.cache = folder / "cache"
        self.cert, self.key = tls.make(folder / "tls", ["localhost"])
        self.url = f"https://localhost:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.cert))

    def write(self) -> Path:
        """A whole configuration around the part that Plenum makes."""
        of = Site(
            "localhost",
            self.cert,
            self.key,
            self.upstreams,
            https=f"127.0.0.1:{self.port}",
            http=f"127.0.0.1:{self.http_port}",
            cache=self.cache,
            cache_mb=64,
        )
        made = configuration(of).replace("client_header_timeout 10s", f"client_header_timeout {HEADER_TIMEOUT_S}s")
        (self.folder / "plenum.conf").write_text(made)
        whole = self.folder / "nginx.conf"
        scratch = "".join(
            f"{kind}_temp_path {self.folder / kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""  # its workers must reach the test's own folder
        whole.write_text(
            f"{user} daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log notice;"
            "events { worker_connections 1024; }"
            f"http {{ access_log off; {scratch} include {self.folder}/plenum.conf; }}"
        )
        return whole

    async def run(self, *arguments: str) -> asyncio.subprocess.Process:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        assert program, "There is no nginx on this machine: `python -m deploy.setup tests` installs it."
        return await asyncio.create_subprocess_exec(
            program,
            *("-p", str(self.folder), "-e", f"{self.folder}/error.log", "-c", str(self.write())),
            *arguments,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __aenter__(self) -> Nginx:
        self._process = await self.run()
        async with asyncio.timeout(10):
            while not await self._answers():
                assert self._process.returncode is None, (self.folder / "error.log").read_text()
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.communicate()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class Behind:
    """nginx, the front behind it, and a client of theirs who holds a viewer's ticket."""

    def __init__(self, nginx: Nginx, origin: Origin, signer: Signer, http: aiohttp.ClientSession) -> None:
        self.nginx = nginx
        self.origin = origin
        self.http = http
        self.hls = f"/live/{EVENT}/{signer.delivery_key('main', EVENT, time.time())}"


def _settings(folder: Path, store: str) -> Settings:
    return load(
        {
            "data_dir": folder,
            "auth": {"secret": "a secret of thirty-two bytes or so"},
            "redis": {"url": store},
            "server": {"port": free_port(), "tls": "proxy"},
        }
    )


@asynccontextmanager
async def behind_nginx(folder: Path) -> AsyncIterator[Behind]:
    """A front as it is assembled (but for its pages), with an origin where its ingest would be."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Embedded(folder / "store"))
        settings = _settings(folder, store.url)
        settings.runtime.mkdir(parents=True, exist_ok=True)
        origin = Origin(assemble.ingest_socket(settings))
        await origin.start()
        stack.push_async_callback(origin.stop)
        await assemble.front(settings, "front-0", "")(stack)
        nginx = await stack.enter_async_context(Nginx(folder, [f"127.0.0.1:{settings.server.port}"]))
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        ticket = signer.ticket(Principal("main", EVENT, Role.VIEWER, "ada"), time.time())
        connector = aiohttp.TCPConnector(ssl=nginx.trust)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                nginx.url,
                connector=connector,
                headers={"Authorization": f"Bearer {ticket}"},
                auto_decompress=False,
            )
        )
        yield Behind(nginx, origin, signer, http)


__all__ = ["EVENT", "HEADER_TIMEOUT_S", "Behind", "Nginx", "NoPages", "behind_nginx"]
