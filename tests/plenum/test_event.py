"""An event's states and names."""

import pytest

from plenum.errors import BadInput, Conflict
from plenum.event import Event, EventState, check_id, check_title, end, go_live


def test_an_event_goes_live_once_and_ends_once() -> None:
    live = go_live(Event("demo", "Demo"), 10)
    assert (live.state, live.live_at) == (EventState.LIVE, 10)
    assert go_live(live, 20) is live
    ended = end(live, 30)
    assert (ended.state, ended.ended_at) == (EventState.ENDED, 30)
    assert end(ended, 40) is ended


def test_an_ended_event_never_comes_back() -> None:
    with pytest.raises(Conflict) as caught:
        go_live(end(Event("demo", "Demo"), 1), 2)
    assert caught.value.code == "event_ended"


@pytest.mark.parametrize("name", ["demo", "a", "q4-2027", "x" * 48])
def test_good_ids_pass(name: str) -> None:
    assert check_id(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a/b", "..", "ä", "x" * 49, "a\n", "{x}", "a:b"])
def test_ids_that_could_leave_their_key_or_path_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        check_id(name)


def test_a_title_is_tidied() -> None:
    assert check_title("  Town \n Hall  ") == "Town Hall"


@pytest.mark.parametrize("title", ["", "  ", "x" * 121, "a\x00b"])
def test_a_title_that_says_nothing_is_refused(title: str) -> None:
    with pytest.raises(BadInput):
        check_title(title)
