"""The JSON API as a person uses it: an invitation link becomes a cookie, mutating calls carry the CSRF token."""

from __future__ import annotations

from typing import Any

import aiohttp


class Api:
    """The JSON API as somebody who may create events: enters by an invitation link, as a browser does."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._base = link.partition("/j/")[0]
        self._http: aiohttp.ClientSession | None = None
        self._csrf = ""

    async def __aenter__(self) -> Api:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": self._base})
        async with self._http.get(self._link, allow_redirects=False) as answer:
            if answer.status != 303:
                raise RuntimeError(f"the invitation was refused: {await answer.text()}")
        self._csrf = (await self.get("/session"))["csrf"]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def get(self, path: str) -> Any:
        return await self.call("GET", path)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        if self._http is None:
            raise RuntimeError("enter first: `async with Api(link)`")
        headers = {"X-CSRF-Token": self._csrf}
        async with self._http.request(method, f"{self._base}/api/v1{path}", json=body, headers=headers) as answer:
            said = await answer.json()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path} answered {answer.status}: {said}")
            return said

    async def create(self, title: str, moderation: str = "pre", language: str = "en", starts_at: float = 0) -> str:
        """A new event; returns its id."""
        body = {"title": title, "moderation": moderation, "language": language, "starts_at": starts_at}
        return str((await self.call("POST", "/events", body))["id"])

    async def links(self, event: str) -> dict[str, str]:
        """Invitation links by role."""
        return {link["role"]: link["url"] for link in (await self.get(f"/events/{event}/links"))["links"]}

    async def join(self, event: str) -> Any:
        return await self.get(f"/events/{event}/join")

    async def end(self, event: str) -> None:
        await self.call("POST", f"/events/{event}/end", {})
