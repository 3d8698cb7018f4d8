"""The command line as a client of the platform that runs on this machine: the same API as the pages, as an admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from deploy import demo, secret
from plenum.clock import SystemClock
from plenum.errors import PlenumError, Unavailable
from plenum.identity import ANY_EVENT, Role, Session
from plenum.settings import Settings, read_back
from plenum.web import CSRF_HEADER, SESSION_COOKIE

PATIENCE_S = 15.0
SESSION_S = 300.0


def running(settings: Settings, port: int | None = None) -> Settings:
    """The settings of the platform that runs with this data folder, or these where none does; a given port wins.

    Raises BadInput `bad_settings`.
    """
    path: Path = settings.runtime / "settings.json"
    found = read_back(path) if path.exists() else settings
    if port is None:
        return found
    return found.model_copy(update={"server": found.server.model_copy(update={"port": port})})


async def call(settings: Settings, method: str, path: str, body: Any = None) -> Any:
    """One request to the platform with these settings (`running`).

    Raises Unavailable `not_running`, or the error that the platform answered.
    """
    base = demo.base_url(settings)
    signer = secret.signer(settings.auth.secret, settings.data_dir)
    now = SystemClock().wall()
    session = Session(settings.tenant, "command-line", "Admin", {ANY_EVENT: Role.ADMIN}, now + SESSION_S)
    headers = {"Origin": f"{urlsplit(base).scheme}://{urlsplit(base).netloc}", CSRF_HEADER: signer.csrf(session)}
    cookies = {SESSION_COOKIE: signer.session(session, now)}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=PATIENCE_S), headers=headers) as http,
            http.request(
                method, base + path, json=body, ssl=demo.trust(settings) or True, headers=_cookie(cookies)
            ) as response,
        ):
            answer = await response.json(content_type=None)
            if not isinstance(answer, dict):
                raise ValueError("no answer of ours")
    except (ClientError, OSError, TimeoutError, ValueError):  # ValueError: another server's page
        raise Unavailable(
            f"No Plenum answers at {base}. Start it with `plenum run`, or name its port with --port.",
            code="not_running",
        ) from None
    if response.status >= 400:
        error = PlenumError(str(answer.get("detail", "refused")), code=str(answer.get("code", "refused")))
        error.status = response.status
        raise error
    return answer


def _cookie(cookies: dict[str, str]) -> dict[str, str]:
    # Sent as a header: aiohttp's jar keeps no cookies for bare addresses.
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
