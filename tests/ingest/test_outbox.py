"""What one subscriber of the origin is sent, and what is left out when it cannot follow."""

from __future__ import annotations

from ingest.outbox import MAX_MESSAGES, SKIPS_MAX, SKIPS_WINDOW_S, STALLED_S, Outbox
from ingest.ring import Held
from plenum.wire import Flag, Header, Kind, unpack

INIT = b"init"


def part(msn: int, index: int, *, rendition: int = 0, init: int = 1, size: int = 100) -> Held:
    flags = Flag.INDEPENDENT if index == 0 else Flag(0)
    header = Header(Kind.PART, rendition=rendition, flags=flags, init_id=init, epoch=1, msn=msn, part=index)
    return Held(header, f"{rendition}:{msn}.{index}".encode().ljust(size), 0.0)


def drain(outbox: Outbox, now: float = 0.0) -> list[str]:
    """What is sent, readably."""
    sent: list[str] = []
    while (message := outbox.take(now)) is not None:
        if message[:1] == b"\x01":
            header, _ = unpack(message)
            sent.append(f"gap {header.rendition}:{header.msn}.{header.part}")
        else:
            sent.append(message.decode().strip())
    return sent


def test_the_init_segment_goes_before_the_first_part_and_before_the_first_of_another_encoder() -> None:
    outbox = Outbox()
    for held in (part(1, 0), part(1, 1), part(2, 0, init=2)):
        assert outbox.offer(held, INIT, 0.0)
    assert drain(outbox) == ["init", "0:1.0", "0:1.1", "init", "0:2.0"]


def test_a_part_without_its_init_segment_is_of_no_use() -> None:
    outbox = Outbox()
    assert not outbox.offer(part(1, 0), None, 0.0)
    outbox.replay(part(1, 1), None, 0.0)
    assert drain(outbox) == []


def test_what_does_not_fit_is_left_out_up_to_the_next_independent_part_and_a_gap_says_so() -> None:
    outbox = Outbox(max_bytes=250)
    assert [outbox.offer(part(1, index), INIT, 0.0) for index in range(4)] == [True, True, False, False]
    assert drain(outbox) == ["init", "0:1.0", "0:1.1"]
    assert not outbox.offer(part(1, 4), INIT, 1.0)
    assert outbox.offer(part(2, 0), INIT, 1.0)
    assert drain(outbox) == ["gap 0:2.0", "0:2.0"]


def test_other_renditions_go_on_while_one_is_left_out() -> None:
    outbox = Outbox(max_bytes=250)
    for index in range(4):
        outbox.offer(part(1, index), INIT, 0.0)
    drain(outbox)
    assert outbox.offer(part(1, 4, rendition=3), INIT, 0.0)


def test_a_backlog_that_is_too_old_counts_as_full() -> None:
    outbox = Outbox(max_age_s=4.0)
    assert outbox.offer(part(1, 0), INIT, 0.0)
    outbox.take(0.0)
    assert outbox.offer(part(1, 1), INIT, 3.9)
    assert not outbox.offer(part(1, 2), INIT, 4.1)


def test_a_part_larger_than_the_bound_is_sent_when_nothing_else_waits() -> None:
    outbox = Outbox(max_bytes=50)
    assert outbox.offer(part(1, 0), INIT, 0.0)
    assert not outbox.offer(part(1, 1), INIT, 0.0)


def test_what_is_replayed_does_not_count() -> None:
    outbox = Outbox(max_bytes=250)
    for index in range(10):
        outbox.replay(part(1, index), INIT, 0.0)
    assert outbox.size == 0
    assert outbox.offer(part(2, 0), INIT, 0.0)
    assert len(drain(outbox)) == 12


def test_programme_news_is_always_taken() -> None:
    outbox = Outbox(max_bytes=1)
    outbox.offer(part(1, 0), INIT, 0.0)
    outbox.tell(b"news", 0.0)
    assert drain(outbox)[-1] == "news"


def test_bytes_are_given_back_when_they_are_sent() -> None:
    outbox = Outbox()
    outbox.offer(part(1, 0), INIT, 0.0)
    assert outbox.size == 100
    drain(outbox)
    assert outbox.size == 0
    assert outbox.take(0.0) is None


def skip_once(outbox: Outbox, msn: int, now: float) -> None:
    for index in range(4):
        outbox.offer(part(msn, index), INIT, now)
    drain(outbox, now)


def test_who_falls_behind_again_and_again_is_given_up() -> None:
    outbox = Outbox(max_bytes=250)
    for msn in range(1, SKIPS_MAX + 1):
        assert not outbox.is_hopeless(float(msn))
        skip_once(outbox, msn, float(msn))
    assert outbox.is_hopeless(float(SKIPS_MAX))


def test_a_hiccup_now_and_then_is_forgiven() -> None:
    outbox = Outbox(max_bytes=250)
    for msn in range(1, 10):
        skip_once(outbox, msn, msn * SKIPS_WINDOW_S)
        assert not outbox.is_hopeless(msn * SKIPS_WINDOW_S)


def test_who_takes_nothing_at_all_is_given_up() -> None:
    outbox = Outbox()
    outbox.replay(part(1, 0), INIT, 0.0)
    assert not outbox.is_hopeless(STALLED_S)
    assert outbox.is_hopeless(STALLED_S + 0.1)


def test_who_takes_a_long_replay_slowly_is_not_given_up() -> None:
    outbox = Outbox()
    for index in range(60):
        outbox.replay(part(1, index), INIT, 0.0)
    for second in range(50):
        assert not outbox.is_hopeless(second)
        outbox.take(second)


def test_small_messages_are_bounded_too() -> None:
    outbox = Outbox()
    for _ in range(MAX_MESSAGES + 1):
        outbox.tell(b"news", 0.0)
    assert outbox.is_hopeless(0.0)
