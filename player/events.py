"""The pages' API for events: what I may join, create, invite to, end. `/api/v1/events…`, see `player/README.md`."""

from __future__ import annotations

import io
from typing import Protocol

import msgspec
import segno
from aiohttp import web

from plenum.clock import Clock
from plenum.errors import BadInput, Forbidden, NotFound
from plenum.event import Event, EventState, Language, Moderation
from plenum.identity import ALLOWS, ANY_EVENT, TICKET_S, Principal, Role, Session, Signer
from plenum.media import Programme, ProgrammeState
from plenum.registry import Registry
from plenum.web import Gate, client_address, json_response, read_json

INVITED = (Role.VIEWER, Role.PRESENTER, Role.PRODUCER)
WHIP_CARD_S = 12 * 3600
"""A token pasted into OBS lives this long: a working day."""
IDEMPOTENCY_KEY_MAX = 128


class Stage(Protocol):
    """What this API needs of the other tiers."""

    async def programme(self, event: Event) -> Programme | None: ...

    async def viewers(self, event: str) -> int: ...

    async def created(self, event: Event) -> None: ...

    async def ended(self, event: Event) -> None: ...


class Placement(Protocol):
    """Where a viewer takes the picture from: addresses of edges, best first, for somebody who is seen at this address."""

    async def places(self, address: str) -> list[str]: ...


class Recordings(Protocol):
    """Which events there is something to watch of from their start."""

    async def is_recorded(self, event: str) -> bool: ...


class NewEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    language: Language = Language.EN
    moderation: Moderation = Moderation.PRE
    starts_at: float = 0.0


class EventView(msgspec.Struct, frozen=True):
    """An event as a person sees it who holds `role` in it. Times are Unix seconds, 0 where there is none."""

    id: str
    title: str
    language: Language
    moderation: Moderation
    starts_at: float
    created_at: float
    live_at: float
    ended_at: float
    state: EventState
    role: Role


class ProgrammeView(msgspec.Struct, frozen=True):
    state: ProgrammeState
    on_air: str
    degraded: bool


class EventDetail(EventView, frozen=True, kw_only=True):
    """An event, what its programme shows now, and how many watch by push."""

    programme: ProgrammeView | None
    viewers: int


class JoinView(msgspec.Struct, frozen=True):
    """All a page needs to take part: addresses and a ticket for the sockets."""

    event: EventView
    name: str
    role: Role
    ticket: str
    ticket_lifetime_s: int
    feed_ticket: str
    """For the feed alone, also of an edge that never asks anybody."""
    feed_ticket_lifetime_s: int
    feed: list[str]
    hls: str
    dvr: str
    """The playlist from the start of the event; empty where nothing is recorded, or an event is over of which nothing is left."""
    qna: str
    whip: str
    server_time_ms: int


class LinkView(msgspec.Struct, frozen=True):
    role: Role
    url: str
    expires_at: float


class WhipCard(msgspec.Struct, frozen=True):
    """What goes into OBS: Settings, Stream, Service WHIP."""

    url: str
    token: str
    expires_at: float


class Events:
    """The handlers; `routes()` is what the front mounts."""

    def __init__(
        self,
        registry: Registry,
        gate: Gate,
        signer: Signer,
        clock: Clock,
        stage: Stage,
        tenant: str,
        public_url: str,
        *,
        recordings: Recordings | None = None,
        placement: Placement | None = None,
        trusts_proxy: bool = False,
    ) -> None:
        self._registry = registry
        self._gate = gate
        self._signer = signer
        self._clock = clock
        self._stage = stage
        self._tenant = tenant
        self._public_url = public_url.rstrip("/")
        self._recordings = recordings
        self._placement = placement
        self._trusts_proxy = trusts_proxy

    def routes(self) -> list[web.RouteDef]:
        one = "/api/v1/events/{event:[a-z0-9-]{1,48}}"
        return [
            web.get("/api/v1/events", self._list),
            web.post("/api/v1/events", self._create),
            web.get(one, self._show),
            web.get(one + "/join", self._join),
            web.get(one + "/links", self._links),
            web.get(one + "/links/{role}/qr.svg", self._qr),
            web.get(one + "/whip-card", self._whip_card),
            web.post(one + "/end", self._end),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        session = self._gate.session(request)
        mine = [
            view(event, session.principal(event.id).role)
            for event in await self._registry.all()
            if event.id in session.roles or ANY_EVENT in session.roles
        ]
        return json_response({"events": mine, "may_create": may_create(session)})

    async def _create(self, request: web.Request) -> web.Response:
        session = self._gate.session(request)
        self._gate.check_form(request, session)
        if not may_create(session):
            raise Forbidden("Only producers of this installation create events.", code="role_needed")
        wanted = await read_json(request, NewEvent)
        once = request.headers.get("Idempotency-Key", "")[:IDEMPOTENCY_KEY_MAX]
        event = await self._registry.create(
            wanted.title,
            language=wanted.language,
            moderation=wanted.moderation,
            starts_at=_time(wanted.starts_at),
            once=f"{session.subject}:{once}" if once else "",
        )
        await self._stage.created(event)
        return json_response(view(event, session.principal(event.id).role), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        event, principal = await self._open(request, Role.VIEWER)
        programme = await self._stage.programme(event)
        shown = ProgrammeView(programme.state, programme.on_air, programme.degraded) if programme else None
        seen = msgspec.structs.asdict(view(event, principal.role))
        viewers = await self._stage.viewers(event.id)
        return json_response(EventDetail(**seen, programme=shown, viewers=viewers))

    async def _join(self, request: web.Request) -> web.Response:
        event, principal = await self._open(request, Role.VIEWER)
        now = self._clock.wall()
        key = self._signer.delivery_key(self._tenant, event.id, now)
        bases = [*await self._places(request), ""]  # the front itself last: it feeds the edges too
        return json_response(
            JoinView(
                event=view(event, principal.role),
                name=principal.name,
                role=principal.role,
                ticket=self._signer.ticket(principal, now),
                ticket_lifetime_s=TICKET_S,
                feed_ticket=self._signer.feed_ticket(principal, now),
                feed_ticket_lifetime_s=self._signer.feed_ticket_s,
                feed=[f"{base}/live/{event.id}/feed" for base in bases],
                hls=f"{bases[0]}/live/{event.id}/{key}/index.m3u8",
                dvr=f"{bases[0]}/live/{event.id}/{key}/dvr.m3u8" if await self._is_recorded(event) else "",
                qna=f"/qna/{event.id}/socket",
                whip=f"/whip/{event.id}",
                server_time_ms=int(now * 1000),
            )
        )

    async def _is_recorded(self, event: Event) -> bool:
        """Or may be, while it is not over."""
        if self._recordings is None:
            return False
        return event.state is not EventState.ENDED or await self._recordings.is_recorded(event.id)

    async def _places(self, request: web.Request) -> list[str]:
        """Looked up by the address that the request came from, which is kept nowhere."""
        if self._placement is None:
            return []
        return await self._placement.places(client_address(request, self._trusts_proxy))

    async def _links(self, request: web.Request) -> web.Response:
        event, _ = await self._open(request, Role.PRODUCER)
        links = []
        for role in INVITED:
            code, link = await self._registry.link(event.id, role)
            links.append(LinkView(role, f"{self._base(request)}/j/{code}", link.expires_at))
        return json_response({"links": links})

    async def _qr(self, request: web.Request) -> web.Response:
        event, _ = await self._open(request, Role.PRODUCER)
        role = next((r for r in INVITED if r == request.match_info["role"]), None)
        if role is None:
            raise NotFound("There are links for viewer, presenter and producer.", code="unknown_role")
        code, _link = await self._registry.link(event.id, role)
        picture = io.BytesIO()
        segno.make(f"{self._base(request)}/j/{code}", error="m").save(
            picture, kind="svg", scale=8, border=3, light="#fff", dark="#000", xmldecl=False
        )
        return web.Response(
            body=picture.getvalue(), content_type="image/svg+xml", headers={"Cache-Control": "private, no-store"}
        )

    async def _whip_card(self, request: web.Request) -> web.Response:
        event, principal = await self._open(request, Role.PRESENTER)
        now = self._clock.wall()
        presenter = msgspec.structs.replace(principal, role=Role.PRESENTER)
        token = self._signer.ticket(presenter, now, WHIP_CARD_S)
        return json_response(WhipCard(f"{self._base(request)}/whip/{event.id}", token, now + WHIP_CARD_S))

    async def _end(self, request: web.Request) -> web.Response:
        event, principal = await self._open(request, Role.PRODUCER)
        ended = await self._registry.ended(event.id)
        await self._stage.ended(ended)
        return json_response(view(ended, principal.role))

    async def _open(self, request: web.Request, role: Role) -> tuple[Event, Principal]:
        """The event of the path and who asks. Unknown events look the same to everybody who is signed in."""
        event_id = request.match_info["event"]
        principal = self._gate.principal(request, event_id, role)
        return await self._registry.get(event_id), principal

    def _base(self, request: web.Request) -> str:
        if self._public_url:
            return self._public_url
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        return f"{'https' if secure else 'http'}://{request.host}"


def view(event: Event, role: Role) -> EventView:
    return EventView(
        id=event.id,
        title=event.title,
        language=event.language,
        moderation=event.moderation,
        starts_at=event.starts_at,
        created_at=event.created_at,
        live_at=event.live_at,
        ended_at=event.ended_at,
        state=event.state,
        role=role,
    )


def may_create(session: Session) -> bool:
    role = session.roles.get(ANY_EVENT)
    return role is not None and Role.PRODUCER in ALLOWS[role]


def _time(starts_at: float) -> float:
    if not 0 <= starts_at < 1e11:  # NaN fails too
        raise BadInput("The start is a time in Unix seconds.", code="bad_start")
    return starts_at
