"""The live event: its record, its states, the names it may have. Rules only.

    scheduled ──go live──► live ──end──► ended

`live` means: somebody has been on air at least once; whether a person or the slate shows now is the programme's state
(`plenum.media.ProgrammeState`). An ended event never becomes live again; make a new one.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from plenum.errors import BadInput, Conflict

EVENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
TITLE_MAX = 120


class EventState(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"


class Moderation(StrEnum):
    """Whether a question waits for a moderator (`pre`) or shows at once (`post`)."""

    PRE = "pre"
    POST = "post"


class Language(StrEnum):
    DE = "de"
    EN = "en"


class Event(msgspec.Struct, frozen=True):
    """One event as the registry keeps it. Times are Unix seconds."""

    id: str
    title: str
    language: Language = Language.EN
    moderation: Moderation = Moderation.PRE
    """As created; the console changes the board's own setting later."""
    starts_at: float = 0.0
    state: EventState = EventState.SCHEDULED
    created_at: float = 0.0
    live_at: float = 0.0
    ended_at: float = 0.0
    tenant: str = "main"


def check_id(event_id: str) -> str:
    """Return the id, or raise BadInput `bad_event_id`. Store keys and paths are built from it."""
    if not EVENT_ID.fullmatch(event_id):
        raise BadInput("An event's id has 1 to 48 of a-z, 0-9 and '-', not at its ends.", code="bad_event_id")
    return event_id


def check_title(title: str) -> str:
    """Return the title without outer or doubled space, or raise BadInput `bad_title`."""
    tidy = " ".join(title.split())
    if not tidy or len(tidy) > TITLE_MAX or not tidy.isprintable():
        raise BadInput(f"Give the event a title of 1 to {TITLE_MAX} characters.", code="bad_title")
    return tidy


def go_live(event: Event, at: float) -> Event:
    """First picture on air. Again is no change; raises Conflict `event_ended`."""
    if event.state is EventState.ENDED:
        raise Conflict("This event has ended. Create a new one to go on air again.", code="event_ended")
    if event.state is EventState.LIVE:
        return event
    return msgspec.structs.replace(event, state=EventState.LIVE, live_at=at)


def end(event: Event, at: float) -> Event:
    """The producer ends the event. Again is no change."""
    if event.state is EventState.ENDED:
        return event
    return msgspec.structs.replace(event, state=EventState.ENDED, ended_at=at)
