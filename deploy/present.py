"""`plenum present`: publishes a film or a test picture into an event, as any WHIP client would."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

from rich.console import Console

from deploy import demo, tokens
from plenum.errors import BadInput
from plenum.identity import Role
from plenum.settings import Settings
from plenum.whip_client import WhipPublisher

TESTSRC = "testsrc"
TOKEN_S = 12 * 3600.0
TELL_S = 1.0


async def present(
    settings: Settings, source: str, event: str, *, token: str, url: str, loop: bool, console: Console
) -> None:
    """Publish to the platform with these settings until the file ends, the server ends it, or Ctrl-C.

    Raises PlenumErrors with what to do.
    """
    if source != TESTSRC and not Path(source).is_file():
        raise BadInput(f"There is no file '{source}'. Name a film, or 'testsrc'.", code="no_such_file")
    if not token:
        token = tokens.make(settings, event, Role.PRESENTER, "plenum present", now=time.time(), lifetime_s=TOKEN_S)
    publisher = WhipPublisher(
        url or f"{demo.base_url(settings)}/whip/{event}",
        token,
        source,
        loop=loop,
        ssl=None if url else demo.trust(settings),
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await publisher.start()
    telling = asyncio.create_task(_tell(publisher, console))
    ends = [asyncio.ensure_future(publisher.wait()), asyncio.ensure_future(stop.wait())]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in done:
            end.result()
    finally:
        for task in (*ends, telling):
            task.cancel()
        await asyncio.gather(*ends, telling, return_exceptions=True)
        await publisher.stop()


async def _tell(publisher: WhipPublisher, console: Console) -> None:
    with console.status("On air …") as status:
        while True:
            await asyncio.sleep(TELL_S)
            status.update(f"On air: {publisher.stats}")
