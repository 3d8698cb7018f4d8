"""Who somebody is: roles, principals, and the signed tickets and session cookies that carry them. Rules only.

A *ticket* is a short JWT (HS256, algorithm fixed in code) for one tenant, event and role. A *session* is the cookie of a
browser: a person and the roles they hold in events. Both are signed with keys derived from the installation's secret.
Time is an argument everywhere. Nothing here knows HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from plenum.errors import Forbidden, Unauthorized
from plenum.event import EVENT_ID

LEEWAY_S = 30
TICKET_S = 600
"""How long a ticket lives: it opens a socket, an open socket does not need it any more."""
FEED = "feed"
"""The use of a ticket that opens the feed and nothing else."""
DELIVERY_PERIOD_S = 6 * 3600.0
"""How long a delivery key is handed out; it stays valid for one more."""
DELIVERY_KEYS_KEPT = 256
NAME_MAX = 64
ANY_EVENT = "*"
"""A session's key for a role that holds in every event of the tenant."""
_TENANT = re.compile(r"[a-z0-9-]{1,32}")


class Role(StrEnum):
    VIEWER = "viewer"
    BOT = "bot"
    PRESENTER = "presenter"
    PRODUCER = "producer"
    ADMIN = "admin"


ALLOWS: dict[Role, frozenset[Role]] = {
    # What holding a role (left) lets one act as (right). A producer may watch and present; a presenter may watch.
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.BOT: frozenset({Role.BOT, Role.VIEWER}),
    Role.PRESENTER: frozenset({Role.PRESENTER, Role.VIEWER}),
    Role.PRODUCER: frozenset({Role.PRODUCER, Role.PRESENTER, Role.VIEWER}),
    Role.ADMIN: frozenset(Role),
}


class Principal(msgspec.Struct, frozen=True):
    """A person (or bot) in one event. `subject` is opaque and stable for that person."""

    tenant: str
    event: str
    role: Role
    subject: str
    name: str = ""
    stand_in: bool = False
    """The demo's synthetic presenter: any person may take its place on air."""

    def may_act_as(self, role: Role) -> bool:
        return role in ALLOWS[self.role]

    def require(self, role: Role) -> Principal:
        """Raise Forbidden `role_needed` unless this principal may act in the role."""
        if not self.may_act_as(role):
            raise Forbidden(f"This needs the role '{role}', you are here as '{self.role}'.", code="role_needed")
        return self


class Session(msgspec.Struct, frozen=True):
    """A browser's session: a person of one tenant and the roles they hold, by event id or `*`."""

    tenant: str
    subject: str
    name: str
    roles: dict[str, Role]
    expires_at: float

    def principal(self, event: str) -> Principal:
        """Who this person is in the event. Raises Forbidden `not_invited`."""
        held = [self.roles[key] for key in (event, ANY_EVENT) if key in self.roles]
        if not held:
            raise Forbidden("You are not invited to this event. Open your invitation link.", code="not_invited")
        strongest = max(held, key=lambda role: len(ALLOWS[role]))
        return Principal(self.tenant, event, strongest, self.subject, self.name)

    def with_role(self, event: str, role: Role) -> Session:
        """The session after one more invitation; a weaker role never replaces a stronger one."""
        old = self.roles.get(event)
        keep = old is not None and len(ALLOWS[old]) >= len(ALLOWS[role])
        return self if keep else msgspec.structs.replace(self, roles=self.roles | {event: role})


def new_subject() -> str:
    """An opaque name for a person, 128 random bits."""
    return secrets.token_urlsafe(16)


def clean_name(name: str) -> str:
    """A display name on one line, without control characters, at most 64 characters; may come out empty."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:NAME_MAX]


class Signer:
    """Signs and checks tickets, sessions, CSRF tokens and delivery keys with keys derived from one secret."""

    def __init__(self, secret: bytes, delivery_period_s: float = DELIVERY_PERIOD_S) -> None:
        self._secret = secret
        self._delivery_period_s = delivery_period_s
        # Asked for by every request of a player that pulls, with the same answer for hours.
        self._delivery = lru_cache(DELIVERY_KEYS_KEPT)(self._make_delivery_key)
        self._ticket_key = OctKey.import_key(self._derive("ticket"))
        self._session_key = OctKey.import_key(self._derive("session"))

    def _derive(self, purpose: str, length: int = 32) -> bytes:
        return hmac.new(self._secret, f"plenum:{purpose}".encode(), hashlib.sha256).digest()[:length]

    def ticket(self, principal: Principal, now: float, lifetime_s: float = TICKET_S) -> str:
        """A bearer token for one tenant, event and role."""
        return jwt.encode({"alg": "HS256"}, self._ticket_claims(principal, now, lifetime_s), self._ticket_key)

    @property
    def feed_ticket_s(self) -> int:
        """How long a feed ticket lives: as long as the delivery key that is handed out beside it, which opens as much."""
        return int(max(TICKET_S, self._delivery_period_s))

    def feed_ticket(self, principal: Principal, now: float) -> str:
        """A ticket for watching: it says nothing but viewer and opens nothing but the feed, whatever this person may do."""
        watching = msgspec.structs.replace(principal, role=Role.VIEWER)
        claims = self._ticket_claims(watching, now, self.feed_ticket_s) | {"use": FEED}
        return jwt.encode({"alg": "HS256"}, claims, self._ticket_key)

    def _ticket_claims(self, principal: Principal, now: float, lifetime_s: float) -> dict[str, Any]:
        claims: dict[str, Any] = {
            "aud": f"{principal.tenant}:{principal.event}",
            "sub": principal.subject,
            "role": str(principal.role),
            "name": principal.name,
            "iat": int(now),
            "exp": int(now + lifetime_s),
            "jti": secrets.token_urlsafe(8),
        }
        if principal.stand_in:
            claims["stand_in"] = True
        return claims

    def read_ticket(self, token: str, now: float, event: str | None = None, use: str = "") -> Principal:
        """Check signature, expiry and, where given, the event. Raises Unauthorized `bad_ticket`, `ticket_expired`.

        A ticket for one use is good for that `use` alone, one without for all.
        """
        claims = self._claims(token, self._ticket_key, now, what="ticket")
        if claims.get("use", use) != use:
            raise Unauthorized("The ticket is for another use.", code="bad_ticket")
        tenant, _, its_event = str(claims.get("aud", "")).partition(":")
        try:
            role = Role(str(claims.get("role")))
        except ValueError:
            raise Unauthorized("The ticket names no known role.", code="bad_ticket") from None
        if not _TENANT.fullmatch(tenant) or not (its_event == ANY_EVENT or EVENT_ID.fullmatch(its_event)):
            raise Unauthorized("The ticket names no event.", code="bad_ticket")
        if event is not None and its_event not in (event, ANY_EVENT):
            raise Unauthorized("The ticket is for another event.", code="bad_ticket")
        return Principal(
            tenant,
            event if its_event == ANY_EVENT and event else its_event,
            role,
            str(claims.get("sub", "")),
            clean_name(str(claims.get("name", ""))),
            stand_in=claims.get("stand_in") is True,
        )

    def session(self, session: Session, now: float) -> str:
        claims = {
            "ten": session.tenant,
            "sub": session.subject,
            "name": session.name,
            "roles": {event: str(role) for event, role in session.roles.items()},
            "iat": int(now),
            "exp": int(session.expires_at),
        }
        return jwt.encode({"alg": "HS256"}, claims, self._session_key)

    def read_session(self, cookie: str, now: float) -> Session:
        """Raises Unauthorized `bad_session`, `session_expired`."""
        claims = self._claims(cookie, self._session_key, now, what="session")
        try:
            roles = {str(event): Role(role) for event, role in dict(claims["roles"]).items()}
            return Session(str(claims["ten"]), str(claims["sub"]), str(claims["name"]), roles, float(claims["exp"]))
        except (KeyError, TypeError, ValueError):
            raise Unauthorized("The session cookie is not one of ours.", code="bad_session") from None

    def csrf(self, session: Session) -> str:
        """The token that a page of this session sends with every form: bound to the person, useless to others."""
        return hmac.new(self._derive("csrf"), session.subject.encode(), hashlib.sha256).hexdigest()[:32]

    def csrf_matches(self, session: Session, token: str) -> bool:
        return hmac.compare_digest(self.csrf(session).encode(), token.encode("utf-8", "replace"))

    def delivery_key(self, tenant: str, event: str, now: float) -> str:
        """The event's key in LL-HLS paths: the same for all its viewers, so that caches work; another in each period."""
        return self._delivery(tenant, event, int(now // self._delivery_period_s))

    def delivery_key_valid(self, key: str, tenant: str, event: str, now: float) -> bool:
        """Current or previous period: a player that joined just before the change goes on for one more."""
        current = int(now // self._delivery_period_s)
        offered = key.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(self._delivery(tenant, event, period).encode(), offered)
            for period in (current, current - 1)
        )

    def _make_delivery_key(self, tenant: str, event: str, period: int) -> str:
        text = f"{tenant}:{event}:{period}".encode()
        return hmac.new(self._derive("delivery"), text, hashlib.sha256).hexdigest()[:32]

    def person_hash(self, event: str, subject: str) -> str:
        """How the question store knows a person: a keyed hash per event, never the subject itself."""
        return hmac.new(self._derive(f"person:{event}"), subject.encode(), hashlib.sha256).hexdigest()[:32]

    def _claims(self, token: str, key: OctKey, now: float, what: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(token, key, algorithms=["HS256"]).claims
        except (JoseError, ValueError, TypeError, UnicodeError, AttributeError):
            raise Unauthorized(f"The {what} is not valid. Open your link again.", code=f"bad_{what}") from None
        expires = claims.get("exp")
        if not isinstance(expires, int) or isinstance(expires, bool):
            raise Unauthorized(f"The {what} has no expiry.", code=f"bad_{what}")
        if now > expires + LEEWAY_S:
            raise Unauthorized(f"The {what} has expired. Open your link again.", code=f"{what}_expired")
        issued = claims.get("iat")
        if not isinstance(issued, int) or issued > now + LEEWAY_S:
            raise Unauthorized(f"The {what} is not valid yet. Check this machine's clock.", code=f"bad_{what}")
        return dict(claims)
