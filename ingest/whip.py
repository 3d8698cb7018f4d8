"""The WHIP endpoint (RFC 9725): `/whip/{event}` and `/whip/{event}/{session}`. HTTP only; `Programmes` decides.

An offer is checked before anything is started for it. Wrong tickets and wrong offers are counted by address: five a minute,
then 429; that somebody else is on air, or that the event is over, is nobody's fault and does not count. The front hands
requests on over a unix socket and says whom they came from in X-Forwarded-For; only there it is believed.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Protocol

import msgspec
from aiohttp import hdrs, web

from plenum import metrics, signalling
from plenum.clock import Clock
from plenum.errors import BadInput, Conflict, Forbidden, MethodNotAllowed, PlenumError, TooMany
from plenum.identity import Principal, Role
from plenum.offer import OFFER_MAX, read_offer
from plenum.pace import Limiter
from plenum.signalling import IceServer
from plenum.web import Gate, client_address, problem, read_body

FAILURES_PER_MINUTE = 5
EVENT_PATH = "/whip/{event:[a-z0-9-]{1,48}}"
SESSION_PATH = EVENT_PATH + "/{session:[A-Za-z0-9_-]{1,64}}"
REPLACES = "Plenum-Replaces"
"""Header of a POST after a broken connection: the session that broke, which alone it may replace."""
ALLOW = {EVENT_PATH: "OPTIONS, POST", SESSION_PATH: "DELETE, OPTIONS, PATCH"}


class Entered(msgspec.Struct, frozen=True):
    """A presenter's new session. `session_id` is unguessable: at least 122 random bits."""

    session_id: str
    answer: str
    etag: str
    """`plenum.signalling.etag_of(answer)`."""


class Session(msgspec.Struct, frozen=True):
    """What its HTTP resource must know of a session that is connected."""

    subject: str
    etag: str
    ufrag: str
    """The client's, by which a fragment with another one is known as an ICE restart."""


class Programmes(Protocol):
    """Who runs the events' programmes (`ingest/program.py`)."""

    async def enter(self, principal: Principal, offer: str, ufrag: str, replaces: str = "") -> Entered:
        """Connect a presenter; `ufrag` is the offer's.

        Raises Conflict `on_air` with extra `on_air`, `replaced` (another source of theirs took the place of the session
        `replaces`), `event_ended`, and what Peers.open raises.
        """
        ...

    def find(self, event: str, session_id: str) -> Session | None:
        """The session, as long as it is connected: None once it has left, was replaced, or its event is over."""
        ...

    async def leave(self, principal: Principal, event: str, session_id: str) -> None:
        """The presenter ends this session. Raises NotFound `no_such_session`."""
        ...


class Whip:
    """The endpoint's handlers."""

    def __init__(
        self,
        programmes: Programmes,
        gate: Gate,
        clock: Clock,
        *,
        ice_servers: Sequence[IceServer] = (),
        failures_per_minute: int = FAILURES_PER_MINUTE,
    ) -> None:
        self._programmes = programmes
        self._gate = gate
        self._clock = clock
        self._links = signalling.ice_links(ice_servers)
        self._failures = Limiter(failures_per_minute)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(EVENT_PATH, self._post),
            web.options(EVENT_PATH, self._options),
            web.patch(SESSION_PATH, self._patch),
            web.delete(SESSION_PATH, self._delete),
            web.options(SESSION_PATH, self._options),
            web.route("*", EVENT_PATH, self._refuse_method),
            web.route("*", SESSION_PATH, self._refuse_method),
        ]

    # --- POST ---

    async def _post(self, request: web.Request) -> web.Response:
        address = client_address(request, trusts_proxy=_is_from_front(request))
        self._failures.check(address, self._clock.monotonic())
        try:
            return await self._open(request)
        except PlenumError as error:
            if error.status < 500 and not isinstance(error, TooMany):
                if not isinstance(error, Conflict):
                    self._failures.spend(address, self._clock.monotonic())
                metrics.rejected.labels(reason=f"whip_{error.code}").inc()
            raise

    async def _open(self, request: web.Request) -> web.Response:
        event = request.match_info["event"]
        principal = self._gate.principal(request, event, Role.PRESENTER)
        signalling.check_offer_type(request.content_type)
        body = await read_body(request, OFFER_MAX)
        offer = read_offer(body)
        entered = await self._programmes.enter(principal, body.decode(), offer.transport.ufrag, _replaces(request))
        response = web.Response(
            status=201,
            body=entered.answer.encode(),
            content_type=signalling.SDP,
            headers={
                hdrs.LOCATION: f"/whip/{event}/{entered.session_id}",
                hdrs.ETAG: entered.etag,
                hdrs.CACHE_CONTROL: "no-store",
            },
        )
        for link in self._links:
            response.headers.add(hdrs.LINK, link)
        return response

    # --- the session's resource ---

    async def _patch(self, request: web.Request) -> web.Response:
        _, session = self._mine(request)
        body = await read_body(request)
        signalling.check_patch(
            request.content_type,
            request.headers.get(hdrs.IF_MATCH, ""),
            session.etag,
            session.ufrag,
            body.decode("utf-8", "replace"),
        )
        return web.Response(status=204, headers={hdrs.ETAG: session.etag})

    async def _delete(self, request: web.Request) -> web.Response:
        principal, _ = self._mine(request)
        await self._programmes.leave(principal, request.match_info["event"], request.match_info["session"])
        return web.Response(status=200)

    def _mine(self, request: web.Request) -> tuple[Principal, Session]:
        """The session of this request, which only the person who opened it may touch (or a producer)."""
        event = request.match_info["event"]
        principal = self._gate.principal(request, event, Role.PRESENTER)
        session = self._programmes.find(event, request.match_info["session"])
        if session is None:
            raise signalling.no_such_session()
        if session.subject != principal.subject and not principal.may_act_as(Role.PRODUCER):
            raise Forbidden("This is somebody else's session.", code="not_your_session")
        return principal, session

    async def _options(self, request: web.Request) -> web.Response:
        """RFC 9725 4.1: clients learn here what may be posted."""
        return web.Response(
            status=204,
            headers={hdrs.ALLOW: _allow(request), "Accept-Post": signalling.SDP, "Accept-Patch": signalling.FRAGMENT},
        )

    async def _refuse_method(self, request: web.Request) -> web.Response:
        response = problem(MethodNotAllowed(f"{request.method} is not a method of WHIP here."))
        response.headers[hdrs.ALLOW] = _allow(request)
        return response


def _replaces(request: web.Request) -> str:
    session = request.headers.get(REPLACES, "")
    if session and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", session):
        raise BadInput(f"{REPLACES} names no session.", code="bad_replaces")
    return session


def _allow(request: web.Request) -> str:
    return ALLOW[SESSION_PATH if "session" in request.match_info else EVENT_PATH]


def _is_from_front(request: web.Request) -> bool:
    """Over the unix socket, where only our own processes are."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    return connection is not None and connection.family == socket.AF_UNIX
