"""What every HTTP surface shares: who is asking and from where, problem documents, security headers, JSON in and out.

`Gate` turns a request into a `Principal` (bearer ticket first, then the session cookie) and guards cookies against other
sites: a socket's Origin must be ours, a changing request needs Origin and the CSRF token. `problems` is the one place
where a PlenumError becomes a response (RFC 9457).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import (
    BadInput,
    Forbidden,
    HeadersTooLarge,
    PlenumError,
    TooLarge,
    TooSlow,
    Unauthorized,
    UnsupportedMedia,
)
from plenum.identity import Principal, Role, Session, Signer
from plenum.log import get_logger

log = get_logger("web")

SESSION_COOKIE = "plenum_session"
CSRF_HEADER = "X-CSRF-Token"
BODY_LIMIT = 16 * 1024
BODY_DEADLINE_S = 15.0
HEADER_LIMIT = 8 * 1024
"""Bytes of all header fields of a request, and of its first line."""
HEADER_FIELDS = 64
PARSER_LIMITS: Mapping[str, Any] = {
    "max_line_size": HEADER_LIMIT,
    "max_field_size": HEADER_LIMIT,
    "max_headers": HEADER_FIELDS,
}
"""For `web.AppRunner`: what the parser itself refuses, with 400, before any of ours runs."""
ADDRESS_MAX = 64
SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "font-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": PAGE_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def page_policy(origins: Iterable[str]) -> str:
    """PAGE_POLICY for pages that may also read media and open sockets at these origins."""
    reach = " ".join(dict.fromkeys(each for origin in origins for each in (origin, re.sub("^http", "ws", origin))))
    if not reach:
        return PAGE_POLICY
    return PAGE_POLICY.replace("media-src 'self'", f"media-src 'self' {reach}").replace(
        "connect-src 'self'", f"connect-src 'self' {reach}"
    )


class Gate:
    """Answers one question for all tiers: who is this, and may they?"""

    def __init__(self, signer: Signer, tenant: str, clock: Clock, public_url: str = "") -> None:
        self._signer = signer
        self._tenant = tenant
        self._clock = clock
        self._public_origin = _origin_of(public_url) if public_url else ""

    def principal(self, request: web.Request, event: str, role: Role = Role.VIEWER) -> Principal:
        """Who asks, acting in `role` in `event`. Raises Unauthorized or Forbidden."""
        bearer = bearer_token(request)
        if bearer:
            return self.ticket(bearer, event, role)
        session = self.session(request)
        if request.method not in SAFE_METHODS:
            self.check_form(request, session)
        return session.principal(event).require(role)

    def ticket(self, token: str, event: str, role: Role = Role.VIEWER, use: str = "") -> Principal:
        """The principal of a ticket for this event. Raises Unauthorized or Forbidden."""
        principal = self._signer.read_ticket(token, self._clock.wall(), event, use)
        if principal.tenant != self._tenant:
            raise Unauthorized("The ticket is for another customer.", code="bad_ticket")
        return principal.require(role)

    def session(self, request: web.Request) -> Session:
        """The browser's session. Raises Unauthorized `no_session`, `bad_session`, `session_expired`."""
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            raise Unauthorized("You are not signed in. Open your invitation link.", code="no_session")
        session = self._signer.read_session(cookie, self._clock.wall())
        if session.tenant != self._tenant:
            raise Unauthorized("This session is for another customer.", code="bad_session")
        return session

    def check_form(self, request: web.Request, session: Session) -> None:
        """A changing request on a cookie: our own page sent it. Raises Forbidden `foreign_origin`, `bad_csrf_token`."""
        self._check_origin(request)
        if not self._signer.csrf_matches(session, request.headers.get(CSRF_HEADER, "")):
            raise Forbidden("This form is out of date. Reload the page and try again.", code="bad_csrf_token")

    def check_socket_origin(self, request: web.Request) -> None:
        """A WebSocket is opened by our own page, or by a client that shows a valid ticket in a header (browsers cannot).

        Raises Forbidden `foreign_origin`, Unauthorized on a bad ticket.
        """
        bearer = bearer_token(request)
        if bearer:
            self._signer.read_ticket(bearer, self._clock.wall())
        else:
            self._check_origin(request)

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN, "")
        if origin and origin in (self._public_origin, f"{request.url.scheme}://{request.host}"):
            return
        # A proxy in front terminates TLS: the page's scheme is https while ours is http.
        forwarded = request.headers.get("X-Forwarded-Proto")
        if origin and forwarded == "https" and origin == f"https://{request.host}":
            return
        metrics.rejected.labels(reason="foreign_origin").inc()
        raise Forbidden("This request came from another site.", code="foreign_origin")


def bearer_token(request: web.Request) -> str:
    """The token of `Authorization: Bearer …`, or an empty string."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def client_address(request: web.Request, trusts_proxy: bool) -> str:
    """Whom a request came from, as limits by address count it.

    Only behind a proxy of ours X-Forwarded-For is believed, and of it only the last entry: that one the proxy wrote, those
    before it are whatever the client sent.
    """
    if trusts_proxy:
        last = ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip()
        if last:
            return last[:ADDRESS_MAX]
    return request.remote or "unknown"


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer that no cache keeps."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"} | dict(headers or {}),
    )


async def read_json(request: web.Request, kind: type[T], limit: int = BODY_LIMIT) -> T:
    """The body as `kind`. Raises UnsupportedMedia, TooLarge `body_too_large`, BadInput `bad_json`."""
    if request.content_type != "application/json":
        raise UnsupportedMedia("Send the body as application/json.", code="not_json")
    body = await read_body(request, limit)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"The body is not right: {error}", code="bad_json") from None


async def read_body(request: web.Request, limit: int = BODY_LIMIT, deadline_s: float = BODY_DEADLINE_S) -> bytes:
    """At most `limit` bytes of body. Raises TooLarge `body_too_large`, TooSlow `body_too_slow`."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.", code="body_too_large")
    body = b""
    try:
        async with asyncio.timeout(deadline_s):
            async for chunk in request.content.iter_chunked(limit + 1):
                body += chunk
                if len(body) > limit:
                    raise TooLarge(f"The body may have at most {limit} bytes.", code="body_too_large")
    except TimeoutError:
        raise TooSlow("The body did not arrive in time. Send the request again.", code="body_too_slow") from None
    return body


def problem(error: PlenumError) -> web.Response:
    """The RFC 9457 document of an error."""
    headers = {"Cache-Control": "no-store"}
    if error.retry_s is not None:
        headers[hdrs.RETRY_AFTER] = str(max(1, round(error.retry_s)))
    if error.status == Unauthorized.status:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return web.Response(
        body=msgspec.json.encode(error.problem()),
        status=error.status,
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors become problem documents; what nobody foresaw is logged with its path and becomes a plain 500."""
    try:
        _check_headers(request)
        return await handler(request)
    except PlenumError as error:
        return problem(error)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        answer = problem(_of_http(error))
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer
    except ConnectionError:
        raise  # the client left: nothing to tell, nobody to tell it to
    except Exception:
        log.exception("request_failed", method=request.method, route=_route(request))
        metrics.rejected.labels(reason="internal").inc()
        return problem(PlenumError("Something went wrong on our side. Try again in a moment."))


def _check_headers(request: web.Request) -> None:
    """The parser bounds each field; this bounds them together."""
    if sum(len(name) + len(value) for name, value in request.raw_headers) > HEADER_LIMIT:
        metrics.rejected.labels(reason="headers_too_large").inc()
        raise HeadersTooLarge(f"The headers of a request may have at most {HEADER_LIMIT} bytes.")


def _of_http(error: web.HTTPException) -> PlenumError:
    known = {
        404: ("There is nothing at this address.", "not_found"),
        405: ("This address does not take this method.", "method_not_allowed"),
        413: ("The body is too large.", "body_too_large"),
    }
    sentence, code = known.get(error.status, (error.reason, "bad_request"))
    translated = PlenumError(sentence, code=code)
    translated.status = error.status
    return translated


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


async def add_security_headers(_: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`: the headers of SECURITY_HEADERS wherever the handler set none of its own."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def application(*, body_limit: int = BODY_LIMIT) -> web.Application:
    """An application with our error handling and headers, and a bound on bodies."""
    app = web.Application(middlewares=[problems], client_max_size=body_limit)
    app.on_response_prepare.append(add_security_headers)
    return app
