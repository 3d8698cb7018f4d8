"""Every error a person or a client of Plenum can meet.

    PlenumError
    ├── BadInput            400   the request does not make sense as it is
    ├── Unauthorized        401   no ticket, or one that is not valid (any more)
    ├── Forbidden           403   a valid ticket that does not allow this
    ├── NotFound            404   no such event, session, rendition …
    ├── MethodNotAllowed    405
    ├── TooSlow             408   a body that did not arrive in time
    ├── Conflict            409   the state of things has moved on; `extra` says to what
    ├── PreconditionFailed  412
    ├── TooLarge            413
    ├── UnsupportedMedia    415
    ├── RangeNotSatisfiable 416   bytes that are not there (yet)
    ├── Unprocessable       422
    ├── PreconditionRequired 428
    ├── TooMany             429   `retry_s` says when to come back
    ├── HeadersTooLarge     431
    └── Unavailable         503   a part of the platform is away; `retry_s` says when to come back

Pure code raises them; `plenum.web` turns them into RFC 9457 problem documents, sockets into `err` messages, the command
line into one sentence. `code` is stable: clients and translations depend on it. `message` is English and for people.
"""

from __future__ import annotations

from typing import Any


class PlenumError(Exception):
    """Base of all: an HTTP `status`, a stable machine `code`, a sentence that says what to do."""

    status = 500
    default_code = "internal"

    def __init__(self, message: str, *, code: str = "", retry_s: float | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_s = retry_s
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 problem document: type, title, status, detail, and our stable `code`."""
        document: dict[str, Any] = {
            "type": f"urn:plenum:error:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "detail": self.message,
            "code": self.code,
        }
        if self.retry_s is not None:
            document["retry_s"] = self.retry_s
        return document | self.extra


class BadInput(PlenumError):
    status = 400
    default_code = "bad_input"


class Unauthorized(PlenumError):
    status = 401
    default_code = "unauthorized"


class Forbidden(PlenumError):
    status = 403
    default_code = "forbidden"


class NotFound(PlenumError):
    status = 404
    default_code = "not_found"


class MethodNotAllowed(PlenumError):
    status = 405
    default_code = "method_not_allowed"


class TooSlow(PlenumError):
    status = 408
    default_code = "too_slow"


class Conflict(PlenumError):
    status = 409
    default_code = "conflict"


class PreconditionFailed(PlenumError):
    status = 412
    default_code = "precondition_failed"


class TooLarge(PlenumError):
    status = 413
    default_code = "too_large"


class UnsupportedMedia(PlenumError):
    status = 415
    default_code = "unsupported_media"


class RangeNotSatisfiable(PlenumError):
    status = 416
    default_code = "bad_range"


class Unprocessable(PlenumError):
    status = 422
    default_code = "unprocessable"


class PreconditionRequired(PlenumError):
    status = 428
    default_code = "precondition_required"


class TooMany(PlenumError):
    status = 429
    default_code = "too_many"


class HeadersTooLarge(PlenumError):
    status = 431
    default_code = "headers_too_large"


class Unavailable(PlenumError):
    status = 503
    default_code = "unavailable"
