"""Tokens made on the command line: a subject of their own, one event, one role."""

from __future__ import annotations

from deploy import client, secret
from plenum.errors import BadInput, Unavailable
from plenum.event import check_id
from plenum.identity import Principal, Role, clean_name, new_subject
from plenum.settings import Settings

ROLES = (Role.PRESENTER, Role.PRODUCER, Role.VIEWER, Role.BOT)


def make(settings: Settings, event: str, role: str, name: str, *, now: float, lifetime_s: float) -> str:
    """A bearer token. Raises BadInput `bad_role`, `bad_event_id`."""
    chosen = next((known for known in ROLES if known == role), None)
    if chosen is None:
        raise BadInput(f"The role is one of {', '.join(ROLES)}.", code="bad_role")
    who = Principal(settings.tenant, check_id(event), chosen, new_subject(), clean_name(name) or str(chosen).title())
    return secret.signer(settings.auth.secret, settings.data_dir).ticket(who, now, lifetime_s)


async def event_is_known(settings: Settings, event: str) -> bool:
    """Whether the running platform has the event; False where none runs. Raises what it answers, such as `unknown_event`."""
    try:
        await client.call(settings, "GET", f"/api/v1/events/{check_id(event)}")
    except Unavailable:
        return False
    return True
