"""What each view is told, in whole chains, and what becomes of seats that do not read."""

import json
from typing import Any

import pytest

from plenum.event import Moderation
from qna import protocol
from qna.board import Asked, Audience, BoxSet, Entry, EventMoved, Item, Moved, State
from qna.hub import (
    BACKLOG_LIMIT,
    LAG_LIMIT_S,
    PING,
    TALLY_BACKLOG,
    Hub,
    Seat,
    Snapshots,
    View,
    happening,
    text_frame,
)
from tests.qna.test_board import board, item


class Line:
    """A connection as memory: frames written, and how much of them the reader left lying."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.unread = 0
        self.is_cut = False

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)

    def backlog(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.is_cut = True

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(payload_of(frame)) for frame in self.frames]


def payload_of(frame: bytes) -> bytes:
    assert frame[0] == 0x81
    start = {126: 4, 127: 10}.get(frame[1], 2)
    size = frame[1] if start == 2 else int.from_bytes(frame[2:start], "big")
    assert len(frame) == start + size
    return frame[start:]


def seat(
    hub: Hub | None = None, participant: int = 1, staff: bool = False, last_id: str = "3-1000"
) -> tuple[Seat, Line]:
    line = Line()
    made = Seat(line)
    made.participant, made.staff, made.counts, made.last_id = participant, staff, not staff, last_id
    if hub is not None:
        hub.add(made)
    return made, line


def hub_at(now: float = 0.0) -> Hub:
    return Hub(lambda: now)


def run(steps: Any) -> int:
    return sum(1 for _ in steps)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_size_is_well_formed(size: int) -> None:
    assert payload_of(text_frame(b"x" * size)) == b"x" * size


ASKED = Entry("4-2000", Audience.STAFF_AND_AUTHOR, 2000, Asked("q1", State.PENDING))
DECLINED = Entry("5-2001", Audience.STAFF_AND_AUTHOR, 2001, Moved("q1", State.PENDING, State.DECLINED, "Asked before"))
PUBLISHED = Entry("6-2002", Audience.EVERYBODY, 2002, Moved("q1", State.PENDING, State.PUBLISHED))
HIDDEN = Entry("7-2003", Audience.EVERYBODY, 2003, Moved("q1", State.PUBLISHED, State.HIDDEN, "Names a colleague"))


def told(entry: Entry, what: Item, view: View) -> Any:
    found = happening(entry, what, view)
    return None if found is None else json.loads(protocol.encode(protocol.Ev("x", "y", "k", found)))["d"]


def test_a_pending_question_is_for_staff_and_author() -> None:
    pending = item(state=State.PENDING)
    assert told(ASKED, pending, View.STAFF) == told(ASKED, pending, View.AUTHOR)
    assert told(ASKED, pending, View.STAFF)["question"]["state"] == "pending"
    assert told(ASKED, pending, View.EVERYBODY) is None


def test_the_author_of_a_declined_question_is_told_why_and_nobody_else_hears_of_it() -> None:
    declined = item(state=State.DECLINED)
    assert told(DECLINED, declined, View.AUTHOR)["reason"] == "Asked before"
    assert told(DECLINED, declined, View.EVERYBODY) is None


def test_a_published_question_comes_whole_to_those_who_did_not_know_it() -> None:
    published = item()
    assert told(PUBLISHED, published, View.EVERYBODY)["question"]["text"] == published.text
    assert "question" not in told(PUBLISHED, published, View.STAFF)


def test_a_hidden_question_leaves_without_its_reason() -> None:
    hidden = item(state=State.HIDDEN)
    assert told(HIDDEN, hidden, View.EVERYBODY) == {"q": "q1", "from": "published", "to": "hidden", "at": 2003}
    assert told(HIDDEN, hidden, View.AUTHOR)["reason"] == "Names a colleague"


def test_an_old_entry_told_late_does_not_show_a_text_that_was_hidden_since() -> None:
    hidden = item(state=State.HIDDEN)
    asked_open = Entry("4-2000", Audience.EVERYBODY, 2000, Asked("q1", State.PUBLISHED))
    assert told(asked_open, hidden, View.EVERYBODY) is None
    assert "question" not in told(PUBLISHED, hidden, View.EVERYBODY)


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("entry", [ASKED, PUBLISHED])
def test_no_view_has_the_author_of_a_confidential_question(view: View, entry: Entry) -> None:
    secret = Item(**{f: getattr(item(conf=True), f) for f in Item.__struct_fields__} | {"name": "Anna Example"})
    found = told(entry, secret, view)
    if found and "question" in found:
        assert found["question"]["author"] is None
        assert found["question"]["conf"] is True
    assert "Anna" not in json.dumps(found)


def test_box_and_event_are_for_everybody() -> None:
    box = Entry("8-1", Audience.EVERYBODY, 1, BoxSet(Moderation.POST, True))
    live = Entry("9-1", Audience.EVERYBODY, 1, EventMoved("live", 77))
    assert happening(box, None, View.EVERYBODY) == protocol.Box(Moderation.POST, True)
    assert happening(live, None, View.EVERYBODY) == protocol.EventMoved("live", 77)


def test_each_seat_gets_an_unbroken_chain_although_not_everybody_hears_everything() -> None:
    hub = hub_at()
    author, author_line = seat(hub, participant=7)
    _, other_line = seat(hub, participant=8)
    _, staff_line = seat(hub, participant=9, staff=True)
    for entry, state in ((ASKED, State.PENDING), (PUBLISHED, State.PUBLISHED), (HIDDEN, State.HIDDEN)):
        run(hub.tell(entry, item(state=state, author=7)))
    chain = [("4-2000", "3-1000"), ("6-2002", "4-2000"), ("7-2003", "6-2002")]
    for line in (author_line, staff_line):
        assert [(m["id"], m["prev"]) for m in line.said()] == chain
    assert [(m["id"], m["prev"]) for m in other_line.said()] == [("6-2002", "3-1000"), ("7-2003", "6-2002")]
    assert author.last_id == "7-2003"


def test_seats_of_one_view_share_one_frame() -> None:
    hub = hub_at()
    lines = [seat(hub, participant=n)[1] for n in range(10)]
    run(hub.tell(PUBLISHED, item(author=99)))
    assert len({id(line.frames[0]) for line in lines}) == 1


def test_a_seat_whose_snapshot_has_the_entry_is_not_told_again() -> None:
    hub = hub_at()
    _, line = seat(hub, last_id="6-2002")
    run(hub.tell(PUBLISHED, item()))
    assert line.frames == []


def test_a_fan_out_stops_between_slices() -> None:
    hub = hub_at()
    for n in range(450):
        seat(hub, participant=n)
    assert run(hub.tell(PUBLISHED, item(author=999))) == 2
    times = iter(range(10_000))
    slow = Hub(lambda: next(times) * 0.01)  # every look at the clock is 10 ms later
    for n in range(64):
        seat(slow, participant=n)
    assert run(slow.tell(PUBLISHED, item(author=999))) == 4


def test_a_seat_that_does_not_read_misses_events_then_starts_anew() -> None:
    hub = hub_at(5.0)
    lagging, line = seat(hub, participant=1)
    _, healthy = seat(hub, participant=2)
    line.unread = BACKLOG_LIMIT + 1
    run(hub.tell(PUBLISHED, item(author=99)))
    hub.sweep(6.0)
    assert line.frames == []
    assert len(healthy.frames) == 1
    line.unread = 0
    run(hub.tell(HIDDEN, item(state=State.HIDDEN, author=99)))
    assert line.frames == []  # one was missed: nothing more before it starts anew
    hub.sweep(7.0)
    assert line.said() == [{"t": "resync", "reason": "lagging"}]
    assert not lagging.is_admitted
    assert lagging not in hub.seats


def test_a_seat_that_never_reads_again_is_cut_off() -> None:
    hub = hub_at(5.0)
    _, line = seat(hub)
    line.unread = BACKLOG_LIMIT + 1
    run(hub.broadcast(PING))
    hub.sweep(5.0 + LAG_LIMIT_S)
    assert not line.is_cut
    hub.sweep(5.1 + LAG_LIMIT_S)
    assert line.said()[-1]["t"] == "bye"
    assert line.said()[-1]["code"] == "too_slow"
    assert line.is_cut
    assert hub.seats == set()


def test_a_seat_that_skipped_a_tally_gets_all_counts_with_the_next() -> None:
    hub = hub_at()
    b = board(item(votes=1), item("q2", votes=5), item("q3", state=State.HIDDEN, votes=4))
    (slow, slow_line), (_, quick_line), (_, staff_line) = seat(hub), seat(hub, 2), seat(hub, 3, staff=True)
    for one in hub.seats:
        one.v = b.v
    slow_line.unread = TALLY_BACKLOG + 1
    for v, votes in ((3, {"q1": 2}), (4, {"q1": 3, "q3": 5})):
        since = b.v
        changed = b.count(v, votes)
        run(hub.tally(since, changed, b, aud=2))
        slow_line.unread = 0
    assert [m["q"] for m in quick_line.said()] == [{"q1": 2}, {"q1": 3}]
    assert [m["q"] for m in slow_line.said()] == [{"q1": 3, "q2": 5}]
    assert [m["q"] for m in staff_line.said()] == [{"q1": 2}, {"q1": 3, "q3": 5}]
    assert slow.v == 4


def test_a_snapshot_holds_what_the_view_may_know() -> None:
    b = board(
        item(author=7, conf=True), item("q2", state=State.PENDING, author=8), item("q3", state=State.HIDDEN, author=7)
    )
    snapshots = Snapshots(b)

    def given(participant: int, staff: bool) -> dict[str, Any]:
        one, line = seat(None, participant, staff)
        snapshots.give(one, ["q1"] if participant == 8 else [], 3)
        assert one.last_id == b.last_id
        return line.said()[0]

    assert [q["id"] for q in given(6, False)["questions"]] == ["q1"]
    mine = given(7, False)
    assert [q["id"] for q in mine["questions"]] == ["q1", "q3"]
    assert mine["me"] == {"voted": [], "mine": ["q1", "q3"]}
    assert mine["questions"][0]["author"] is None
    assert [q["id"] for q in given(8, False)["questions"]] == ["q1", "q2"]
    assert given(8, False)["me"]["voted"] == ["q1"]
    assert [q["id"] for q in given(9, True)["questions"]] == ["q1", "q2", "q3"]


def test_a_snapshot_follows_the_board() -> None:
    b = board(item(state=State.PENDING))
    snapshots = Snapshots(b)
    one, line = seat()
    snapshots.give(one, [], 0)
    b.apply(PUBLISHED)
    snapshots.give(one, [], 0)
    assert [len(m["questions"]) for m in line.said()] == [0, 1]


def test_two_tabs_are_one_person_and_staff_is_no_audience() -> None:
    hub = hub_at()
    first, _ = seat(hub, participant=1)
    second, _ = seat(hub, participant=1)
    seat(hub, participant=2, staff=True)
    assert hub.audience() == 1
    hub.remove(first)
    assert hub.audience() == 1
    hub.remove(second)
    hub.remove(second)
    assert hub.audience() == 0
