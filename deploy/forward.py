"""WHIP on the main port: checks who posts, tells the ingest process the event's title, hands the request on.

Presenters' media goes straight to the ingest's UDP ports; only the signalling passes here. A session cookie becomes a
short ticket, so that the ingest never needs cookies or the store. A post that is refused here already is told to the
ingest all the same, which counts failures by address for all fronts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, hdrs, web

from plenum.clock import Clock
from plenum.errors import Conflict, Forbidden, TooMany, Unauthorized, Unavailable
from plenum.event import Event, EventState
from plenum.identity import ANY_EVENT, Principal, Role, Signer
from plenum.pace import Limiter
from plenum.registry import Registry
from plenum.web import Gate, client_address, read_body

OFFER_LIMIT = 32 * 1024
ANSWER_PATIENCE_S = 15.0
_PASSED_ON = (hdrs.LOCATION, hdrs.ETAG, hdrs.LINK, hdrs.ALLOW, hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE, "Accept-Post")
FORWARDED_FOR = "X-Forwarded-For"
_TAKEN_IN = (hdrs.CONTENT_TYPE, hdrs.IF_MATCH, hdrs.ACCEPT, "Plenum-Replaces")

WentLive = Callable[[str], Awaitable[None]]


class IngestClient:
    """The ingest's HTTP surface on its unix socket, as a node of the platform."""

    def __init__(self, socket_path: str, node_ticket: Callable[[], str]) -> None:
        self._connector_path = socket_path
        self._node_ticket = node_ticket
        self._session: ClientSession | None = None

    async def start(self) -> None:
        self._session = ClientSession(
            base_url="http://ingest",
            connector=UnixConnector(self._connector_path, limit=64),
            timeout=ClientTimeout(total=ANSWER_PATIENCE_S),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One request. Raises Unavailable `ingest_unavailable`."""
        if self._session is None:
            raise Unavailable("The ingest is not connected yet.", code="ingest_unavailable", retry_s=1)
        try:
            async with self._session.request(method, path, headers=headers, data=body) as response:
                answered = {str(name): ", ".join(response.headers.getall(name)) for name in response.headers}
                return response.status, answered, await response.read()
        except (ClientError, OSError, TimeoutError):
            raise Unavailable(
                "The ingest is starting again. Try once more in a moment.", code="ingest_unavailable", retry_s=1
            ) from None

    async def tell(self, path: str, body: bytes = b"{}") -> None:
        """An internal order, as a node. Raises Unavailable `ingest_unavailable` unless it was taken."""
        await self._as_node("POST", path, body)

    async def ask(self, path: str) -> bytes:
        """An internal question, as a node: the answer's JSON. Raises Unavailable `ingest_unavailable`."""
        return await self._as_node("GET", path, b"")

    async def _as_node(self, method: str, path: str, body: bytes) -> bytes:
        headers: dict[str, str] = {
            hdrs.AUTHORIZATION: f"Bearer {self._node_ticket()}",
            hdrs.CONTENT_TYPE: "application/json",
        }
        status, _, answer = await self.call(method, path, headers, body)
        if status >= web.HTTPBadRequest.status_code:
            raise Unavailable(f"The ingest refused: {answer[:200]!r}", code="ingest_unavailable", retry_s=1)
        return answer


class WhipForward:
    """`/whip/{event}` and `/whip/{event}/{session}`, handed to the ingest."""

    def __init__(
        self,
        ingest: IngestClient,
        gate: Gate,
        signer: Signer,
        clock: Clock,
        registry: Registry,
        introduce: Callable[[Event], Awaitable[None]],
        went_live: WentLive,
        *,
        trusts_proxy: bool = False,
        failures_per_minute: int = 5,
    ) -> None:
        self._ingest = ingest
        self._gate = gate
        self._signer = signer
        self._clock = clock
        self._registry = registry
        self._introduce = introduce
        self._went_live = went_live
        self._trusts_proxy = trusts_proxy
        self._failures = Limiter(failures_per_minute)
        """Of this front: what keeps a flood of wrong tokens away from the ingest."""

    def routes(self) -> list[web.RouteDef]:
        event = "/whip/{event:[a-z0-9-]{1,48}}"
        return [
            web.route("*", event, self._forward),
            web.route("*", event + "/{session:[A-Za-z0-9_-]{1,64}}", self._forward),
        ]

    async def _forward(self, request: web.Request) -> web.Response:
        event = request.match_info["event"]
        opens = request.method == hdrs.METH_POST and "session" not in request.match_info
        headers: dict[str, str] = {str(name): request.headers[name] for name in _TAKEN_IN if name in request.headers}
        headers[FORWARDED_FOR] = client_address(request, self._trusts_proxy)
        if request.method != hdrs.METH_OPTIONS:
            principal = await self._presenter(request, event, opens)
            headers[hdrs.AUTHORIZATION] = f"Bearer {self._signer.ticket(principal, self._clock.wall())}"
        body = await read_body(request, OFFER_LIMIT)
        if opens:
            await self._prepare(event)
        status, answer_headers, answer = await self._ingest.call(request.method, request.path, headers, body)
        if opens and status == web.HTTPCreated.status_code:
            await self._went_live(event)
        passed: dict[str, str] = {str(name): answer_headers[name] for name in _PASSED_ON if name in answer_headers}
        if hdrs.CONTENT_TYPE in answer_headers and answer:
            passed[hdrs.CONTENT_TYPE] = answer_headers[hdrs.CONTENT_TYPE]
        return web.Response(status=status, headers=passed, body=answer)

    async def _presenter(self, request: web.Request, event: str, opens: bool) -> Principal:
        """Who asks. Raises Unauthorized, Forbidden; TooMany `rate_limited` to an address that posted without right often."""
        if not opens:
            return self._gate.principal(request, event, Role.PRESENTER)
        address = client_address(request, self._trusts_proxy)
        self._failures.check(address, self._clock.monotonic())
        try:
            return self._gate.principal(request, event, Role.PRESENTER)
        except (Unauthorized, Forbidden):
            self._failures.spend(address, self._clock.monotonic())
            await self._count_at_ingest(request.path, address)
            raise

    async def _count_at_ingest(self, path: str, address: str) -> None:
        """Post there without a ticket, which fails and counts. Raises TooMany `rate_limited` where that was one too many."""
        try:
            status, headers, _ = await self._ingest.call(hdrs.METH_POST, path, {FORWARDED_FOR: address}, b"")
        except Unavailable:
            return  # while the ingest is away each front counts for itself
        if status == TooMany.status:
            raise TooMany(
                "That was too often. Wait a moment and try again.",
                code="rate_limited",
                retry_s=float(headers.get(hdrs.RETRY_AFTER, "1")),
            )

    async def _prepare(self, event_id: str) -> None:
        """Refuse an unknown or ended event. With the store away a valid ticket is enough: the picture must go on."""
        try:
            event = await self._registry.get(event_id)
        except Unavailable:
            return
        if event.state is EventState.ENDED:
            raise Conflict("This event has ended. Create a new one to go on air again.", code="event_ended")
        await self._introduce(event)


def node_principal(tenant: str, name: str) -> Principal:
    """How one process of the platform presents itself to another."""
    return Principal(tenant, ANY_EVENT, Role.ADMIN, f"node-{name}", name)
