"""How a virtual viewer's measurements reach locust: one named step each, in milliseconds, with what went wrong.

The steps are listed here so that tables, thresholds and the README use the same words.
"""

from __future__ import annotations

from enum import StrEnum

from locust.env import Environment


class Step(StrEnum):
    JOIN = "join"
    """From the invitation link (or ticket) to the join answer."""
    SNAPSHOT = "snapshot"
    """From opening the question socket to the board on screen."""
    ASK = "ask→ack"
    VOTE = "vote→ack"
    SEEN = "ask→seen"
    """From sending a question to another viewer reading it; a box without pre-moderation only."""
    PUBLISH = "publish→ack"
    PUBLISHED = "publish→seen"
    """From a moderator's decision to a viewer reading the question."""
    LOG = "question log"
    """Counts only faults: an event of the board's log that did not arrive."""
    FIRST_PART = "first part"
    """From opening the feed, or the first playlist, to the first part of the picture."""
    PART = "part arrival"
    """From the capture of a part's last sample to its last byte here."""
    RELOAD = "blocking reload"


class Fault(Exception):
    """Something a viewer would notice. The report groups failures by its text, so that holds no times."""


class Reporter:
    """Hands steps and faults of one kind of viewer (`push`, `hls`, `board`) to locust."""

    def __init__(self, environment: Environment, transport: str) -> None:
        self._environment = environment
        self._transport = transport

    def step(self, step: Step, seconds: float, size: int = 0, fault: Exception | None = None) -> None:
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]  # locust leaves it untyped
            request_type=self._transport,
            name=str(step),
            response_time=max(0.0, seconds * 1000),
            response_length=size,
            exception=fault,
            context={},
        )

    def fault(self, step: Step, text: str) -> None:
        """A failure that has no duration of its own."""
        self.step(step, 0.0, fault=Fault(text))
