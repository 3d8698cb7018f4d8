"""A browser's session: an invitation link becomes a cookie, the cookie tells the pages who they are.

`GET /j/{code}` · `GET, PATCH /api/v1/session`. What surprises: a code names an event and a role, never a person; who
opens it first gets a seat of their own (a random subject), so that a vote counts once per browser session.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from plenum.clock import Clock
from plenum.errors import NotFound, PlenumError, Unauthorized
from plenum.identity import ANY_EVENT, Role, Session, Signer, clean_name, new_subject
from plenum.pace import Limiter
from plenum.registry import JoinLink, Registry
from plenum.web import SESSION_COOKIE, Gate, client_address, json_response, read_json

EVENTS_IN_COOKIE = 24
"""Older invitations leave the cookie first: browsers keep no cookie above 4 KiB."""
TRIES_PER_MINUTE = 20

_PAGE = {Role.VIEWER: "watch", Role.PRESENTER: "studio", Role.PRODUCER: "console"}


class SessionView(msgspec.Struct, frozen=True):
    """What a page learns of its own session."""

    name: str
    csrf: str
    roles: dict[str, Role]
    server_time_ms: int


class Rename(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class Sessions:
    """Redeems invitations and shows a session to its own pages."""

    def __init__(
        self,
        registry: Registry,
        gate: Gate,
        signer: Signer,
        clock: Clock,
        tenant: str,
        hours: float,
        *,
        trusts_proxy: bool = False,
    ) -> None:
        self._registry = registry
        self._gate = gate
        self._signer = signer
        self._clock = clock
        self._tenant = tenant
        self._lifetime_s = hours * 3600
        self._trusts_proxy = trusts_proxy
        self._tries = Limiter(per_minute=TRIES_PER_MINUTE)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/j/{code}", self._open_link),
            web.get("/api/v1/session", self._show),
            web.patch("/api/v1/session", self._rename),
        ]

    async def _open_link(self, request: web.Request) -> web.StreamResponse:
        try:
            link = await self._redeem(request)
        except PlenumError as error:
            if _wants_json(request):
                raise
            return _redirect(f"/?error={quote(error.code)}")  # a person: the page there has a sentence for it
        session = _trim(self._known_session(request).with_role(link.event, link.role))
        response = _redirect(_landing(link))
        self._keep(request, response, session)
        return response

    async def _redeem(self, request: web.Request) -> JoinLink:
        """Only failures are limited: a whole office behind one address may open its links at once.

        Raises NotFound `link_invalid`, TooMany `rate_limited`, Unavailable `store_unavailable`.
        """
        try:
            return await self._registry.redeem(request.match_info["code"])
        except NotFound:
            self._tries.take(client_address(request, self._trusts_proxy), self._clock.monotonic())
            raise

    async def _show(self, request: web.Request) -> web.Response:
        return self._view(self._gate.session(request))

    async def _rename(self, request: web.Request) -> web.Response:
        session = self._gate.session(request)
        self._gate.check_form(request, session)
        wanted = await read_json(request, Rename)
        renamed = msgspec.structs.replace(session, name=clean_name(wanted.name))
        response = self._view(renamed)
        self._keep(request, response, renamed)
        return response

    def _known_session(self, request: web.Request) -> Session:
        expires = self._clock.wall() + self._lifetime_s
        try:
            return msgspec.structs.replace(self._gate.session(request), expires_at=expires)
        except Unauthorized:
            return Session(self._tenant, new_subject(), "", {}, expires)

    def _view(self, session: Session) -> web.Response:
        now_ms = int(self._clock.wall() * 1000)
        return json_response(SessionView(session.name, self._signer.csrf(session), session.roles, now_ms))

    def _keep(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        response.set_cookie(
            SESSION_COOKIE,
            self._signer.session(session, self._clock.wall()),
            max_age=int(session.expires_at - self._clock.wall()),
            httponly=True,
            samesite="Lax",
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
            path="/",
        )


def _landing(link: JoinLink) -> str:
    return "/" if link.event == ANY_EVENT else f"/{_PAGE.get(link.role, 'watch')}/{link.event}"


def _trim(session: Session) -> Session:
    newest = dict(list(session.roles.items())[-EVENTS_IN_COOKIE:])
    if ANY_EVENT in session.roles:
        newest[ANY_EVENT] = session.roles[ANY_EVENT]
    return msgspec.structs.replace(session, roles=newest)


def _wants_json(request: web.Request) -> bool:
    return "json" in request.headers.get(hdrs.ACCEPT, "")


def _redirect(to: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: to, "Cache-Control": "no-store"})
