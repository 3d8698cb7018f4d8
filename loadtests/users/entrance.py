"""How a virtual person gets in: by an invitation link, by a ticket, or as this machine's own operator.

The last needs nothing but the data folder of a platform on this machine: its secret signs a ticket for each person. With
a link every person gets a seat of their own too; with one ticket all are the same person, and per-person limits bite
unless the server runs with the load profile.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from locust.contrib.fasthttp import FastHttpSession

from loadtests.users.report import Fault
from plenum.event import EventState, Moderation
from plenum.identity import Principal, Role, Signer, new_subject


class EventOfJoin(msgspec.Struct, frozen=True):
    id: str
    state: EventState
    moderation: Moderation
    language: str


class Joined(msgspec.Struct, frozen=True):
    """The join answer, as far as a virtual viewer needs it."""

    event: EventOfJoin
    ticket: str
    feed: tuple[str, ...]
    hls: str
    qna: str
    server_time_ms: int


class Entrance(Protocol):
    def join(self, client: FastHttpSession) -> Joined: ...


class ByLink:
    """Opens `/j/{code}` like a browser: cookie first, then the join answer of the event it leads to."""

    def __init__(self, link: str) -> None:
        self._path = urlsplit(link).path

    def join(self, client: FastHttpSession) -> Joined:
        with client.get(self._path, name="GET /j/{code}", allow_redirects=False, catch_response=True) as answer:
            landing = urlsplit(answer.headers.get("Location", "") if answer.headers else "")
            if answer.status_code != 303 or landing.query:
                raise Fault(f"the invitation link was refused ({answer.status_code} {landing.query})")
            answer.success()
        return _answer(client, landing.path.rsplit("/", 1)[-1], {})


class ByTicket:
    """One bearer ticket for everybody."""

    def __init__(self, ticket: str, event: str) -> None:
        self._ticket = ticket
        self._event = event

    def join(self, client: FastHttpSession) -> Joined:
        return _answer(client, self._event, {"Authorization": f"Bearer {self._ticket}"})


class ByInstallation:
    """A ticket of one's own, signed with the secret of the platform that runs on this machine."""

    def __init__(self, data_dir: Path, tenant: str, event: str, role: Role) -> None:
        self._signer = Signer((data_dir / "secret.key").read_bytes())
        self._who = Principal(tenant, event, role, "", "")

    def join(self, client: FastHttpSession) -> Joined:
        subject = new_subject()
        person = msgspec.structs.replace(self._who, subject=f"load-{subject}", name=f"Load {subject[:4]}")
        ticket = self._signer.ticket(person, time.time())
        return _answer(client, self._who.event, {"Authorization": f"Bearer {ticket}"})


def _answer(client: FastHttpSession, event: str, headers: dict[str, str]) -> Joined:
    path = f"/api/v1/events/{event}/join"
    with client.get(path, name="GET …/join", headers=headers, catch_response=True) as answer:
        if answer.status_code != 200:
            raise Fault(f"the join answer was {answer.status_code}: {answer.text or 'no connection'}"[:200])
        return msgspec.json.decode(answer.content or b"", type=Joined)
