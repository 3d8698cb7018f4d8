"""The demo event: a synthetic presenter and a few bots, who come in through the front door like anyone.

The presenter is a stand-in: any person who goes live takes its place, and it returns when they leave.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from deploy.tls import is_loopback
from plenum.errors import NotFound, PlenumError
from plenum.event import Event, EventState, Moderation
from plenum.identity import Principal, Role, Signer
from plenum.log import get_logger
from plenum.registry import Registry
from plenum.settings import Settings
from plenum.whip_client import WhipPublisher
from qna.bots import run_bots

log = get_logger("demo")

EVENT = "demo"
TITLE = "Plenum demo: town hall"
BOTS = 5
AGAIN_S = 2.0
SESSION_S = 30 * 86_400.0
"""The demo's own tickets outlive any demo."""


async def ensure_event(registry: Registry) -> Event:
    """The demo event, or a new one when the last was ended."""
    try:
        event = await registry.get(EVENT)
        if event.state is not EventState.ENDED:
            return event
        running = [e for e in await registry.all() if e.id.startswith(f"{EVENT}-") and e.state is not EventState.ENDED]
        if running:
            return running[0]
        event_id = f"{EVENT}-{int(time.time()):x}"
    except NotFound:
        event_id = EVENT
    return await registry.create(TITLE, moderation=Moderation.PRE, event_id=event_id)


def base_url(settings: Settings) -> str:
    """How a process on this machine reaches the main port."""
    host = settings.server.host if is_loopback(settings.server.host) else "127.0.0.1"
    scheme = "https" if settings.server.tls in ("auto", "files") else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.server.port}"


def trust(settings: Settings) -> ssl.SSLContext | None:
    """TLS as a client of our own main port: its certificate is the one to trust."""
    if settings.server.tls not in ("auto", "files"):
        return None
    own = settings.server.tls_cert if settings.server.tls == "files" else settings.data_dir / "tls" / "cert.pem"
    context = ssl.create_default_context(cafile=str(own))
    context.check_hostname = settings.server.tls == "auto"
    # One that an authority signed is trusted for itself too, without its issuer; how strictly it was made is not our matter.
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


async def present(stack: AsyncExitStack, settings: Settings, signer: Signer, event: str) -> Awaitable[object]:
    """Go on air with the test picture; come back when the connection breaks."""
    who = Principal(settings.tenant, event, Role.PRESENTER, "demo-presenter", "Plenum demo", stand_in=True)
    publisher = WhipPublisher(
        f"{base_url(settings)}/whip/{event}",
        signer.ticket(who, time.time(), SESSION_S),
        "testsrc",
        ssl=trust(settings),
    )
    stack.push_async_callback(publisher.stop)
    return stay_on_air(publisher)


class Publisher(Protocol):
    """What is asked of `plenum.whip_client.WhipPublisher`."""

    async def start(self) -> None: ...

    async def wait(self) -> None: ...


async def stay_on_air(publisher: Publisher, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Publish until the event is over; after a failure again, as late as the server asks."""
    while True:
        pause_s = AGAIN_S
        try:
            await publisher.start()
            await publisher.wait()
        except PlenumError as error:
            if error.code == "event_ended":
                log.info("demo_over")
                return
            log.warning("presenter_retries", code=error.code, detail=error.message)
            pause_s = max(AGAIN_S, error.retry_s or 0)
        await sleep(pause_s)


async def ask_and_vote(settings: Settings, signer: Signer, event: str) -> Awaitable[object]:
    """A few bots with tickets of their own."""
    names = ("Mara", "Jonas", "Priya", "Emre", "Lea")[:BOTS]
    now = time.time()
    tickets = [
        signer.ticket(Principal(settings.tenant, event, Role.BOT, f"bot-{name.lower()}", name), now, SESSION_S)
        for name in names
    ]
    return run_bots(base_url(settings), event, tickets, ssl=trust(settings))
