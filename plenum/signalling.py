"""The rules of a WHIP session's HTTP resource (RFC 9725). Rules only.

The offer is read by `plenum/offer.py`, the answer written by `plenum/answer.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from plenum.errors import NotFound, PreconditionFailed, PreconditionRequired, Unprocessable, UnsupportedMedia
from plenum.offer import attribute

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


def etag_of(answer: str) -> str:
    """The strong entity tag of a session: it stands for this ICE session (RFC 9725 4.3.1)."""
    return '"' + hashlib.sha256(answer.encode()).hexdigest()[:24] + '"'


class IceServer(Protocol):
    """What is read of a server in `settings.rtc.ice_servers`, which has checked the characters."""

    @property
    def urls(self) -> Sequence[str]: ...

    @property
    def username(self) -> str: ...

    @property
    def credential(self) -> str: ...


def ice_links(servers: Iterable[IceServer]) -> list[str]:
    """Values of the Link header (RFC 9725 4.6), one for each STUN or TURN URI."""
    return [f'<{url}>; rel="ice-server"{_credentials(server)}' for server in servers for url in server.urls]


def _credentials(server: IceServer) -> str:
    if not server.username:
        return ""
    username, credential = _quoted(server.username), _quoted(server.credential)
    return f'; username={username}; credential={credential}; credential-type="password"'


def _quoted(text: str) -> str:
    """RFC 9110 5.6.4."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check_offer_type(content_type: str) -> None:
    """Raises UnsupportedMedia `not_sdp`."""
    if content_type.lower() != SDP:
        raise UnsupportedMedia(f"Send the offer with Content-Type: {SDP}.", code="not_sdp")


def check_patch(content_type: str, if_match: str, etag: str, ufrag: str, body: str) -> None:
    """A PATCH that may be answered 204: trickled candidates of the running ICE session, which we do not need.

    Raises UnsupportedMedia, PreconditionRequired, PreconditionFailed, and Unprocessable `no_ice_restart` where the
    fragment starts ICE anew: then the client posts again, which takes the place of the old session.
    """
    if content_type.lower() != FRAGMENT:
        raise UnsupportedMedia(f"Send candidates with Content-Type: {FRAGMENT}.", code="not_sdp_fragment")
    if not if_match:
        raise PreconditionRequired("Send the session's ETag in If-Match.", code="if_match_needed")
    offered = attribute(body.replace("\r\n", "\n").split("\n"), "ice-ufrag")
    if if_match.strip() == "*" or (offered and offered != ufrag):
        raise Unprocessable("ICE cannot be restarted here. Post a new offer instead.", code="no_ice_restart")
    if etag not in (tag.strip() for tag in if_match.split(",")):
        raise PreconditionFailed("This is not the running ICE session any more.", code="etag_mismatch")


def no_such_session() -> NotFound:
    return NotFound("There is no such session (any more). Post a new offer.", code="no_such_session")
