"""The composition root: the only place that constructs things. Everybody else is handed what they need.

A role is a function from settings to a coroutine that builds one process on an exit stack; it returns nothing when the
process serves until it is told to stop, or an awaitable when its work ends by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from socket import gethostname

from aiohttp import web

from deploy import demo, secret, tls
from deploy.admin import process_app
from deploy.check import media_binding
from deploy.drain import Drain
from deploy.figures import Figures
from deploy.forward import IngestClient, WhipForward, node_principal
from deploy.registration import Placement, Registration
from deploy.stage import Stage
from ingest.service import Ingest
from player.assets import Assets
from player.events import Events
from player.sessions import Sessions
from plenum.clock import SystemClock
from plenum.identity import Signer
from plenum.listen import BACKLOG, listen
from plenum.nodes import Nodes
from plenum.places import Places
from plenum.recording import DVR
from plenum.registry import Registry
from plenum.settings import Settings
from plenum.store import check_policy, connect, short_socket_path
from plenum.web import PAGE_POLICY, PARSER_LIMITS, Gate, application, page_policy
from qna.service import Qna
from sfu.delivery import Delivery
from sfu.placement import Offices

Role = Callable[[AsyncExitStack], Awaitable[Awaitable[object] | None]]

NODE_TICKET_S = 300.0
CLOSING_S = 3.0


def ingest_socket(settings: Settings) -> Path:
    return short_socket_path(settings.runtime, "ingest.sock")


def admin_socket(settings: Settings, name: str) -> Path:
    return short_socket_path(settings.runtime, f"{name}.admin.sock")


def ingest(settings: Settings, name: str, _event: str) -> Role:
    """WHIP sessions, programmes, origin; on a unix socket."""

    async def build(stack: AsyncExitStack) -> None:
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        clock = SystemClock()
        service = Ingest(
            data_dir=settings.data_dir,
            gate=Gate(signer, settings.tenant, clock),
            clock=clock,
            media=settings.media,
            rtc=settings.rtc,
            dvr=settings.dvr,
            bind=media_binding(settings).addresses,
            log=settings.log,
            whip_failures_per_minute=settings.effective_limits.whip_failures_per_minute,
        )
        await service.start()
        stack.push_async_callback(service.close)
        app = application()
        app.add_routes(service.routes())
        await _serve_unix(stack, app, ingest_socket(settings))
        stack.push_async_callback(service.close)  # before the server goes: relays hear when to come back
        await _serve_admin(stack, settings, name)

    return build


def front(settings: Settings, name: str, _event: str) -> Role:
    """Pages, API, push, LL-HLS and question sockets on the main port."""

    async def build(stack: AsyncExitStack) -> None:
        auth = settings.auth
        signer = secret.signer(auth.secret, settings.data_dir, auth.delivery_key_hours * 3600)
        clock = SystemClock()
        limits = settings.effective_limits
        gate = Gate(signer, settings.tenant, clock, settings.server.public_url)
        redis = connect(settings.redis.url)
        stack.push_async_callback(redis.aclose)
        await check_policy(redis)
        registry = Registry(redis, settings.tenant, clock, limits.events)
        node_ticket = partial(_node_ticket, signer, clock, settings.tenant, name)

        to_ingest = IngestClient(str(ingest_socket(settings)), node_ticket)
        await to_ingest.start()
        stack.push_async_callback(to_ingest.close)
        places = Places(limits.sockets_per_process)
        delivery = Delivery(
            upstream=f"unix:{ingest_socket(settings)}",
            gate=gate,
            signer=signer,
            tenant=settings.tenant,
            clock=clock,
            node_ticket=lambda _event: node_ticket(),
            viewers_per_event=limits.viewers_per_event,
            held_reloads=limits.held_reloads,
            places=places,
            sockets_per_person=2 * limits.sockets_per_person,  # a page takes its picture and its sound by one each
            recordings=settings.data_dir / DVR if settings.dvr.enabled else None,
            reads=settings.dvr.reads,
        )
        await delivery.start()
        stack.push_async_callback(delivery.close)
        qna = Qna(
            redis=redis,
            gate=gate,
            signer=signer,
            clock=clock,
            tenant=settings.tenant,
            limits=limits,
            places=places,
        )
        await qna.start()
        stack.push_async_callback(qna.close)
        figures = Figures(redis, settings.tenant, f"{gethostname()}:{name}", delivery, to_ingest, clock)
        figures.start()
        stack.push_async_callback(figures.close)
        stage = Stage(registry, figures, qna, to_ingest, clock)
        delivery.on_programme.append(stage.on_programme)
        stack.push_async_callback(stage.close)

        nodes = Nodes(redis, settings.tenant)
        placement = Placement(nodes, Offices(settings.placement.subnets), clock)

        public_url = settings.server.public_url
        trusts_proxy = settings.server.tls == "proxy"
        whip = WhipForward(
            to_ingest,
            gate,
            signer,
            clock,
            registry,
            stage.introduce,
            stage.went_live,
            trusts_proxy=trusts_proxy,
            failures_per_minute=limits.whip_failures_per_minute,
        )
        hours = settings.auth.session_hours
        sessions = Sessions(registry, gate, signer, clock, settings.tenant, hours, trusts_proxy=trusts_proxy)
        events = Events(
            registry,
            gate,
            signer,
            clock,
            stage,
            settings.tenant,
            public_url,
            recordings=delivery if settings.dvr.enabled else None,
            placement=placement,
            trusts_proxy=trusts_proxy,
        )
        app = application()
        app.on_response_prepare.append(partial(_let_pages_reach, placement, settings.placement.origins))
        for part in (sessions, events, whip, delivery, qna, Assets()):
            app.add_routes(part.routes())
        app.on_shutdown.append(delivery.drain)  # before aiohttp closes sockets: viewers hear when to come back
        await _serve_main(stack, app, settings)
        await _serve_admin(stack, settings, name)

        async def is_elsewhere() -> bool:
            return bool(await placement.everywhere())

        stack.push_async_callback(Drain(delivery, settings.server.drain_s, None, is_elsewhere))

    return build


def edge(settings: Settings, name: str, _event: str) -> Role:
    """Push and LL-HLS alone, fed by a front or by another edge on another machine."""

    async def build(stack: AsyncExitStack) -> None:
        auth, own, limits = settings.auth, settings.edge, settings.effective_limits
        signer = secret.signer(auth.secret, settings.data_dir, auth.delivery_key_hours * 3600)
        clock = SystemClock()
        called = edge_name(settings)
        places = Places(limits.sockets_per_process)
        delivery = Delivery(
            upstream=own.upstream,
            gate=Gate(signer, settings.tenant, clock, own.pages_url),
            signer=signer,
            tenant=settings.tenant,
            clock=clock,
            node_ticket=lambda _event: _node_ticket(signer, clock, settings.tenant, called),
            viewers_per_event=limits.viewers_per_event,
            held_reloads=limits.held_reloads,
            places=places,
            sockets_per_person=2 * limits.sockets_per_person,
            reads=settings.dvr.reads,
            upstream_tls=tls.trusting(own.upstream_ca) if own.upstream_ca else None,
        )
        await delivery.start()
        stack.push_async_callback(delivery.close)
        registration = None
        if settings.redis.url:
            redis = connect(settings.redis.url)
            stack.push_async_callback(redis.aclose)
            process = f"{called}:{name}"
            figures = Figures(redis, settings.tenant, process, delivery, None, clock)
            figures.start()
            stack.push_async_callback(figures.close)
            nodes = Nodes(redis, settings.tenant)
            registration = Registration(nodes, process, called, own.public_url, places, limits.sockets_per_process)
            registration.start()
            stack.push_async_callback(registration.close)
        app = application()
        app.add_routes(delivery.routes())
        app.on_shutdown.append(delivery.drain)
        await _serve_main(stack, app, settings)
        await _serve_admin(stack, settings, name)
        leave = registration.drain if registration is not None else None
        stack.push_async_callback(Drain(delivery, settings.server.drain_s, leave, _always))

    return build


async def _always() -> bool:
    """From an edge there is always a way back to what feeds it."""
    return True


def edge_name(settings: Settings) -> str:
    """As it was called, or as its machine is."""
    return settings.edge.name or re.sub(r"[^a-z0-9-]+", "-", gethostname().lower()).strip("-")[:32] or "edge"


async def _let_pages_reach(
    placement: Placement, origins: Sequence[str], _: web.Request, response: web.StreamResponse
) -> None:
    """A page may open sockets and read media at the edges, and nowhere else beside its own front."""
    if response.headers.get("Content-Security-Policy") == PAGE_POLICY and response.content_type == "text/html":
        response.headers["Content-Security-Policy"] = page_policy([*await placement.everywhere(), *origins])


def demo_presenter(settings: Settings, name: str, event: str) -> Role:
    """The demo's synthetic presenter, by the public WHIP address."""

    async def build(stack: AsyncExitStack) -> Awaitable[object]:
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        await _serve_admin(stack, settings, name)
        return await demo.present(stack, settings, signer, event)

    return build


def demo_bots(settings: Settings, name: str, event: str) -> Role:
    """The demo's bots, by the public question socket."""

    async def build(stack: AsyncExitStack) -> Awaitable[object]:
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        await _serve_admin(stack, settings, name)
        return await demo.ask_and_vote(settings, signer, event)

    return build


ROLES: Mapping[str, Callable[[Settings, str, str], Role]] = {
    "ingest": ingest,
    "front": front,
    "edge": edge,
    "demo-presenter": demo_presenter,
    "demo-bots": demo_bots,
}


def _node_ticket(signer: Signer, clock: SystemClock, tenant: str, name: str) -> str:
    return signer.ticket(node_principal(tenant, name), clock.wall(), NODE_TICKET_S)


async def _serve_main(stack: AsyncExitStack, app: web.Application, settings: Settings) -> None:
    server = settings.server
    runner = await _runner(stack, app)
    encrypted = tls.context(server, settings.data_dir, tls.certificate_names(server))
    listening = await listen(runner, server.host, server.port, encrypted)
    stack.callback(listening.close)


async def _serve_unix(stack: AsyncExitStack, app: web.Application, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    runner = await _runner(stack, app)
    before = os.umask(0o077)  # only our own user may connect
    try:
        await web.UnixSite(runner, str(path), backlog=BACKLOG).start()
    finally:
        os.umask(before)


async def _serve_admin(stack: AsyncExitStack, settings: Settings, name: str) -> None:
    await _serve_unix(stack, process_app(), admin_socket(settings, name))


async def _runner(stack: AsyncExitStack, app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING_S, keepalive_timeout=75, **PARSER_LIMITS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner
