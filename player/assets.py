"""Serves the built pages: four documents and their hashed assets, out of memory.

Every address is a key of a table made at the start from player/dist: a request never becomes a path on disk. Assets carry
their content's hash in the name and are immutable; documents are asked for again each time and mostly answered 304.
Pages hold no secret and need no session: they ask the API who the reader is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from plenum.errors import NotFound, Unavailable

PAGES: Mapping[str, str] = {
    "/": "index.html",
    "/watch/{event}": "watch.html",
    "/studio/{event}": "studio.html",
    "/console/{event}": "console.html",
}
TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
TEXT = frozenset({"text/css", "text/html", "text/javascript"})
REVALIDATE = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent. `packed` is its gzip, made when the pages were built; empty where it has none."""

    body: bytes
    packed: bytes
    kind: str
    tag: str
    caching: str

    def answer(self, request: web.Request) -> web.Response:
        """The file, compressed where the browser wants that, or 304."""
        packed = bool(self.packed) and takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        tag = f'"{self.tag}-gzip"' if packed else f'"{self.tag}"'
        headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: self.caching, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        if same(request.headers.get(hdrs.IF_NONE_MATCH, ""), tag):
            return web.Response(status=304, headers=headers)
        headers[hdrs.CONTENT_TYPE] = f"{self.kind}; charset=utf-8" if self.kind in TEXT else self.kind
        if packed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=self.packed if packed else self.body, headers=headers)


class Assets:
    """The pages and what they load; `routes()` is what the front mounts."""

    def __init__(self, dist: Path | None = None) -> None:
        """Raises Unavailable `pages_not_built`."""
        folder = dist or Path(__file__).parent / "dist"
        self._pages = {address: _read(folder / name, REVALIDATE) for address, name in PAGES.items()}
        self._assets = {
            path.name: _read(path, IMMUTABLE) for path in sorted((folder / "assets").iterdir()) if path.suffix in TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        pages = [web.get(address, self._page) for address in PAGES]
        return [*pages, web.get("/assets/{name}", self._asset)]

    async def _page(self, request: web.Request) -> web.Response:
        resource = request.match_info.route.resource
        return self._pages[resource.canonical if resource else "/"].answer(request)

    async def _asset(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise NotFound("There is no such file. Reload the page: it was probably updated.", code="no_such_asset")
        return asset.answer(request)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return weight.strip("0.") != "" if weight else True
    return False


def same(if_none_match: str, tag: str) -> bool:
    """Weak comparison (RFC 9110 13.1.2): a proxy may have made our tag weak."""
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in known or "*" in known


def _read(path: Path, caching: str) -> Asset:
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        raise Unavailable(
            "The web pages are not built. Run `make pages`, then start again.", code="pages_not_built"
        ) from None
    packed = path.with_name(path.name + ".gz")
    return Asset(
        body=body,
        packed=packed.read_bytes() if packed.exists() else b"",
        kind=TYPES[path.suffix],
        tag=hashlib.sha256(body).hexdigest()[:20],
        caching=caching,
    )
