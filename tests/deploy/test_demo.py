"""The demo's presenter comes back, but never more often than the server asks."""

import pytest

from deploy.demo import AGAIN_S, stay_on_air
from plenum.errors import Conflict, PlenumError, TooMany, Unavailable


class Refused:
    """A publisher that fails in turn with these."""

    def __init__(self, *failures: PlenumError) -> None:
        self._failures = list(failures)

    async def start(self) -> None:
        raise self._failures.pop(0)

    async def wait(self) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    ("failure", "pause_s"),
    [
        (TooMany("Slowly.", retry_s=11.5), 11.5),
        (Unavailable("In a moment.", retry_s=0.1), AGAIN_S),
        (Conflict("Ada is on air.", code="on_air"), AGAIN_S),
    ],
)
async def test_the_presenter_waits_as_long_as_it_is_asked_to(failure: PlenumError, pause_s: float) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    await stay_on_air(Refused(failure, Conflict("Over.", code="event_ended")), sleep)
    assert pauses == [pause_s]
