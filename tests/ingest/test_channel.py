"""One event's feed as its subscribers see it."""

from __future__ import annotations

import pytest

from ingest.channel import CHANNELS_MAX, ENDED, SUBSCRIBERS_MAX, TOO_SLOW, Channel, Channels, Subscriber
from plenum.errors import Unavailable
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import (
    EVERYTHING,
    Bye,
    Kind,
    Resume,
    Subscribe,
    as_bye,
    as_programme,
    pack_init,
    pack_part,
    unpack,
)

VIDEO = Rendition(0, "720p", RenditionKind.VIDEO, 2_500_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
SMALL = Rendition(1, "360p", RenditionKind.VIDEO, 700_000, "avc1.42c01e", 90_000, 640, 360, 30.0)
AUDIO = Rendition(2, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
LADDER = (VIDEO, SMALL, AUDIO)
LIVE = Programme(LADDER, ProgrammeState.LIVE, epoch=1, on_air="Anna")


def live_channel() -> Channel:
    channel = Channel("town-hall")
    channel.announce(LIVE, 0.0)
    add_inits(channel, 1)
    return channel


def add_inits(channel: Channel, init_id: int) -> None:
    for rendition in LADDER:
        message = pack_init(Init(rendition.id, init_id, 1, b"init"))
        channel.add_init(unpack(message)[0], message)


def add(channel: Channel, msn: int, index: int, *, init_id: int = 1, now: float = 0.0, size: int = 50) -> None:
    """The part of this place in all renditions; audio is independent throughout."""
    for rendition in LADDER:
        independent = index == 0 or rendition is AUDIO
        part = Part(rendition.id, init_id, 1, msn, index, 0, 18_000, 0, independent, False, False, bytes(size))
        message = pack_part(part)
        channel.add_part(unpack(message)[0], message, now)


class Listener:
    """A subscriber, and what it has been sent, readably."""

    def __init__(self, channel: Channel) -> None:
        self.woken = 0
        self.subscriber = Subscriber(self._wake)
        self.channel = channel
        channel.join(self.subscriber, 0.0)

    def choose(self, *names: str) -> Listener:
        self.channel.choose(self.subscriber, Subscribe(names), 0.0)
        return self

    def resume(self, msn: int, part: int, epoch: int = 1) -> Listener:
        self.channel.choose(self.subscriber, Resume(epoch, msn, part, (EVERYTHING,)), 0.0)
        return self

    def heard(self) -> list[str]:
        return [readable(message) for message in iter(lambda: self.subscriber.outbox.take(0.0), None)]

    def _wake(self) -> None:
        self.woken += 1


def readable(message: bytes) -> str:
    header, payload = unpack(message)
    name = LADDER[header.rendition].name if header.rendition < 3 else ""
    match header.kind:
        case Kind.RENDITIONS:
            return str(as_programme(payload).state)
        case Kind.BYE:
            return f"bye {as_bye(payload).code}"
        case Kind.PART | Kind.GAP:
            return f"{header.kind.name.lower()} {name} {header.msn}.{header.part}"
        case _:
            return f"{header.kind.name.lower()} {name}".strip()


def test_an_event_that_is_not_live_yet_says_waiting() -> None:
    assert Listener(Channel("later")).choose(EVERYTHING).heard() == ["waiting"]


def test_the_programme_comes_first_then_init_segments_then_the_current_segment() -> None:
    channel = live_channel()
    for now, place in enumerate(((1, 0), (1, 1), (2, 0), (2, 1))):
        add(channel, *place, now=float(now))
    assert Listener(channel).choose("720p", "audio").heard() == [
        "live",
        "init 720p",
        "part 720p 2.0",
        "init audio",
        "part audio 2.0",
        "part 720p 2.1",
        "part audio 2.1",
    ]


def test_everything_is_every_rendition_and_nothing_is_the_state_alone() -> None:
    channel = live_channel()
    everything, nothing = Listener(channel).choose(EVERYTHING), Listener(channel).choose()
    add(channel, 1, 0)
    assert len(everything.heard()) == 1 + 2 * len(LADDER)
    assert nothing.heard() == ["live"]


def test_names_may_be_chosen_before_there_are_renditions() -> None:
    channel = Channel("town-hall")
    early = Listener(channel).choose("360p")
    channel.announce(LIVE, 0.0)
    add_inits(channel, 1)
    add(channel, 1, 0)
    assert early.heard() == ["waiting", "live", "init 360p", "part 360p 1.0"]


def test_the_programme_is_told_again_only_when_it_changes() -> None:
    channel = live_channel()
    listener = Listener(channel)
    channel.announce(LIVE, 0.0)
    channel.announce(Programme(LADDER, ProgrammeState.SLATE, epoch=1), 0.0)
    assert listener.heard() == ["live", "slate"]


def test_a_new_encoder_s_init_segment_comes_before_its_first_part() -> None:
    channel = live_channel()
    add(channel, 1, 0)
    listener = Listener(channel).choose("360p")
    add_inits(channel, 2)
    add(channel, 2, 0, init_id=2)
    assert listener.heard() == ["live", "init 360p", "part 360p 1.0", "init 360p", "part 360p 2.0"]


def test_a_broken_connection_goes_on_after_the_part_it_had() -> None:
    channel = live_channel()
    for place in ((1, 0), (1, 1), (2, 0)):
        add(channel, *place)
    parts = [heard for heard in Listener(channel).resume(1, 0).heard() if heard.startswith("part 720p")]
    assert parts == ["part 720p 1.1", "part 720p 2.0"]


def test_a_resume_from_nothing_gets_all_there_is() -> None:
    channel = live_channel()
    for place in ((1, 0), (1, 1), (2, 0)):
        add(channel, *place)
    heard = Listener(channel).resume(0, 0, epoch=0).heard()
    assert [part for part in heard if part.startswith("part 720p")] == [
        "part 720p 1.0",
        "part 720p 1.1",
        "part 720p 2.0",
    ]


def test_who_missed_more_than_is_held_is_told_of_the_gap_and_starts_with_the_current_segment() -> None:
    channel = live_channel()
    for msn in range(1, 40):
        add(channel, msn, 0, now=msn * 2.0)
        add(channel, msn, 1, now=msn * 2.0 + 1)
    heard = Listener(channel).resume(2, 1).heard()
    assert [entry for entry in heard if "720p" in entry] == [
        "gap 720p 39.0",
        "init 720p",
        "part 720p 39.0",
        "part 720p 39.1",
    ]


def test_a_resume_in_another_epoch_starts_with_the_current_segment() -> None:
    channel = live_channel()
    add(channel, 1, 0)
    add(channel, 2, 0)
    heard = Listener(channel).resume(1, 0, epoch=9).heard()
    assert [entry for entry in heard if entry.startswith("part 720p")] == ["part 720p 2.0"]


def test_who_joins_where_no_segment_start_is_held_waits_for_the_next_independent_part() -> None:
    channel = live_channel()
    listener = Listener(channel).choose("720p")
    add(channel, 1, 3)
    add(channel, 2, 0)
    assert listener.heard() == ["live", "init 720p", "part 720p 2.0"]


def test_another_choice_ends_what_is_not_wanted_and_starts_the_new_one_with_the_current_segment() -> None:
    channel = live_channel()
    listener = Listener(channel).choose("720p", "audio")
    add(channel, 1, 0)
    listener.heard()
    listener.choose("360p", "audio")
    add(channel, 1, 1)
    assert listener.heard() == ["init 360p", "part 360p 1.0", "part 360p 1.1", "part audio 1.1"]


def test_after_the_end_comes_nothing_and_late_subscribers_get_what_is_held_and_the_end() -> None:
    channel = live_channel()
    add(channel, 1, 0)
    listener = Listener(channel).choose("360p")
    channel.end(Programme(LADDER, ProgrammeState.ENDED, epoch=1), 0.0)
    assert listener.heard() == ["live", "init 360p", "part 360p 1.0", "ended", "end"]
    assert listener.subscriber.farewell is ENDED
    assert Listener(channel).choose("360p").heard() == ["ended", "init 360p", "part 360p 1.0", "end"]


def test_a_subscriber_that_cannot_follow_is_told_bye_and_nobody_else_notices() -> None:
    channel = live_channel()
    slow, quick = Listener(channel).choose("720p"), Listener(channel).choose("720p")
    for msn in range(1, 10):
        for part in range(10):
            add(channel, msn, part, now=msn * 2.0, size=900_000)
            quick.heard()
    assert slow.subscriber.farewell is TOO_SLOW
    assert quick.subscriber.farewell is None
    assert slow.heard()[-1] == "bye too_slow"


def test_a_farewell_is_said_once_and_the_last_thing_said() -> None:
    channel = live_channel()
    listener = Listener(channel).choose("720p")
    channel.dismiss_all(Bye("restarting", 500), 0.0)
    channel.dismiss_all(Bye("restarting", 500), 0.0)
    add(channel, 1, 0)
    assert listener.heard() == ["live", "bye restarting"]


def test_everything_that_is_to_be_sent_wakes_the_connection() -> None:
    channel = live_channel()
    listener = Listener(channel).choose("720p")
    woken = listener.woken
    add(channel, 1, 0)
    assert listener.woken == woken + 1


def test_more_subscribers_than_an_origin_feeds_are_refused() -> None:
    channel = live_channel()
    first = Listener(channel)
    for _ in range(SUBSCRIBERS_MAX - 1):
        Listener(channel)
    with pytest.raises(Unavailable) as refused:
        Listener(channel)
    assert refused.value.code == "too_many_subscribers"
    channel.leave(first.subscriber)
    Listener(channel)


def test_a_channel_without_programme_goes_with_its_last_subscriber() -> None:
    channels = Channels()
    channel = channels.open("later")
    listener = Listener(channel)
    channels.release(channel)
    assert channels.open("later") is channel
    channel.leave(listener.subscriber)
    channels.release(channel)
    assert channels.open("later") is not channel


def test_a_channel_with_a_programme_stays() -> None:
    channels = Channels()
    channel = channels.open("town-hall")
    channel.is_on = True
    channels.release(channel)
    assert channels.open("town-hall") is channel


def test_an_ended_event_is_known_as_ended_also_when_its_channel_is_gone() -> None:
    channels = Channels()
    channels.note_ended("town-hall", Programme((), ProgrammeState.ENDED, epoch=4))
    assert Listener(channels.open("town-hall")).choose(EVERYTHING).heard() == ["ended", "end"]


def test_channels_are_bounded() -> None:
    channels = Channels()
    for number in range(CHANNELS_MAX):
        channels.open(f"event-{number}")
    with pytest.raises(Unavailable) as refused:
        channels.open("one-more")
    assert refused.value.code == "too_many_events"
