"""What a viewer is sent, when it keeps up and when it does not."""

from __future__ import annotations

from plenum.media import Rendition
from plenum.wire import EVERYTHING, Header, Kind, Progress, as_programme, unpack
from sfu.frames import Frame
from sfu.viewer import TOO_SLOW, Viewer
from sfu.window import Window
from tests.sfu.feed_parts import HIGH, LADDER, LOW, SOUND, init, part, programme, segment, window

MANY = 1_000_000
"""More unsent bytes than a viewer of 720p may have, and less than gets one sent away."""


def headers(written: list[bytes]) -> list[Header]:
    """The feed messages in what was written; the WebSocket header before each is 2, 4 or 10 bytes."""
    return [unpack(message[{126: 4, 127: 10}.get(message[1], 2) :])[0] for message in written]


def told(written: list[bytes]) -> list[str]:
    """`PART 0 5.3` for kind, rendition, place."""
    return [f"{h.kind.name} {h.rendition} {h.msn}.{h.part}" for h in headers(written)]


class Feed:
    """A viewer, the window, and everything offered as a room would."""

    def __init__(self, *names: str, window: Window | None = None) -> None:
        self.viewer = Viewer()
        self.window = window or globals()["window"]()
        self.viewer.choose(names)
        assert self.window.programme_frame is not None
        self.viewer.adopt(as_programme(self.window.programme_frame.payload))
        self.unsent = 0
        self.now = 0.0

    def give(self, *frames: Frame) -> list[str]:
        out: list[str] = []
        for one in frames:
            self.window.accept(one)
            out += told(self.viewer.offer(one, self.window, self.unsent, self.now))
        return out

    def start(self) -> list[str]:
        return [line for one in self.viewer.start(self.window) for line in self.give(one)]


def test_a_new_viewer_gets_init_and_the_current_segment() -> None:
    feed = Feed("720p", window=window(segment(5), part(6, 0), part(6, 1)))
    assert feed.start() == ["INIT 0 0.0", "PART 0 6.0", "PART 0 6.1"]
    assert feed.give(part(6, 2)) == ["PART 0 6.2"]


def test_sound_and_picture_start_in_the_same_segment_in_order_of_time() -> None:
    feed = Feed("720p", "audio", window=window(segment(5), segment(5, SOUND), part(6, 0), part(6, 0, SOUND)))
    assert feed.start() == ["INIT 0 0.0", "PART 0 6.0", "INIT 2 0.0", "PART 2 6.0"]


def test_only_what_was_chosen_is_sent() -> None:
    feed = Feed("720p")
    assert feed.give(part(5, 0, LOW), part(5, 0, SOUND), part(5, 0)) == ["INIT 0 0.0", "PART 0 5.0"]


def test_nothing_is_sent_before_a_choice() -> None:
    feed = Feed(window=window(segment(5)))
    assert feed.start() == []
    assert feed.give(part(6, 0)) == []


def test_an_edge_gets_every_rendition() -> None:
    feed = Feed(EVERYTHING)
    given = feed.give(*[part(5, 0, rendition) for rendition in LADDER])
    assert given == [line for r in (0, 1, 2) for line in (f"INIT {r} 0.0", f"PART {r} 5.0")]


def test_a_viewer_never_starts_in_the_middle_of_a_segment() -> None:
    feed = Feed("720p")
    feed.window = window(segment(5, parts=4))
    assert feed.give(part(5, 4), part(5, 5)) == []
    assert feed.give(part(6, 0)) == ["INIT 0 0.0", "PART 0 6.0"]


def test_parts_sent_on_joining_are_not_sent_again() -> None:
    feed = Feed("720p", window=window(segment(5)))
    assert len(feed.start()) == 11
    assert told(feed.viewer.offer(part(5, 9), feed.window, 0, 0.0)) == []


def test_a_new_encoder_sends_its_init_segment_first() -> None:
    feed = Feed("720p")
    feed.give(*segment(5))
    feed.window.accept(init(HIGH, 2))
    assert feed.give(part(6, 0, init_id=2, discontinuity=True)) == ["INIT 0 0.0", "PART 0 6.0"]


def test_a_viewer_that_does_not_keep_up_skips_to_the_next_independent_part() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0), part(5, 1))
    feed.unsent = MANY
    assert feed.give(part(5, 2), part(5, 3)) == []
    feed.unsent = 0
    assert feed.give(part(5, 4)) == []
    assert feed.give(part(6, 0), part(6, 1)) == ["GAP 0 6.0", "PART 0 6.0", "PART 0 6.1"]
    assert feed.viewer.skips == 1


def test_video_skips_while_the_sound_goes_on() -> None:
    feed = Feed("720p", "audio")
    feed.give(part(5, 0), part(5, 0, SOUND))
    feed.unsent = MANY
    assert feed.give(part(5, 1), part(5, 1, SOUND), part(5, 2, SOUND)) == ["PART 2 5.1", "PART 2 5.2"]


def test_an_independent_part_does_not_help_who_is_still_behind() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    feed.unsent = MANY
    assert feed.give(part(5, 1), part(6, 0)) == []


def test_a_viewer_that_is_stuck_is_sent_away() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    feed.unsent = MANY
    feed.give(part(5, 1))
    for number in range(6):
        feed.now = number * 2.0
        assert feed.viewer.farewell is None
        assert feed.give(part(6 + number, 0)) == []
    assert feed.viewer.farewell == TOO_SLOW


def test_a_viewer_that_recovers_is_not_sent_away() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    for number in range(20):
        feed.now = number * 2.0
        feed.unsent = 0 if number % 3 == 2 else MANY
        feed.give(part(6 + number, 0), part(6 + number, 1))
    assert feed.viewer.farewell is None


def test_too_many_unsent_bytes_send_away_at_once() -> None:
    feed = Feed("720p", "audio")
    feed.unsent = 2 * 1024 * 1024 + 1
    assert feed.give(part(5, 0)) == []
    assert feed.viewer.farewell == TOO_SLOW
    assert feed.give(part(5, 0, SOUND)) == []


def test_a_listener_has_a_smaller_bound_than_a_watcher() -> None:
    listener, watcher = Feed("audio"), Feed("720p", "audio")
    listener.unsent = watcher.unsent = 600_000
    listener.give(part(5, 0, SOUND))
    watcher.give(part(5, 0, SOUND))
    assert listener.viewer.farewell == TOO_SLOW
    assert watcher.viewer.farewell is None


def test_a_player_that_reports_an_old_picture_skips_although_the_network_takes_all() -> None:
    feed = Feed("720p")
    for msn in range(5, 9):
        feed.give(*segment(msn))
    feed.now = 8.0
    feed.viewer.report(Progress(msn=5, part=2, lag_ms=7_000), 8.0)
    assert feed.give(part(9, 0), part(9, 1)) == []
    feed.viewer.report(Progress(msn=9, part=0, lag_ms=900), 9.0)
    assert feed.give(part(9, 2)) == []
    assert feed.give(part(10, 0)) == ["GAP 0 10.0", "PART 0 10.0"]


def test_an_old_report_says_nothing() -> None:
    feed = Feed("720p")
    feed.viewer.report(Progress(msn=1, part=0, lag_ms=0), 0.0)
    feed.now = 60.0
    assert feed.give(part(5, 0), part(5, 1))[-1] == "PART 0 5.1"


def test_a_player_that_reports_nonsense_only_harms_itself() -> None:
    feed = Feed("720p")
    feed.viewer.report(Progress(msn=-(10**18), part=10**18, lag_ms=-5), 0.0)
    feed.viewer.report(Progress(msn=10**18, part=-(10**18), lag_ms=-5), 0.0)
    assert feed.give(part(5, 0)) == ["INIT 0 0.0", "PART 0 5.0"]


def test_a_switch_goes_on_with_the_old_rendition_until_the_new_one_can_start() -> None:
    feed = Feed("720p", "audio")
    feed.give(*[part(5, i, r) for i in range(3) for r in LADDER])
    feed.viewer.choose(["360p", "audio"])
    assert feed.start() == []
    assert feed.give(part(5, 3), part(5, 3, LOW), part(5, 3, SOUND)) == ["PART 0 5.3", "PART 2 5.3"]
    feed.give(*segment(5)[4:], *segment(5, LOW)[4:])
    assert feed.give(part(6, 0, LOW), part(6, 0), part(6, 1), part(6, 1, LOW)) == [
        "INIT 1 0.0",
        "PART 1 6.0",
        "PART 1 6.1",
    ]


def test_a_switch_that_is_taken_back_in_time_changes_nothing() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    feed.viewer.choose(["360p"])
    feed.viewer.choose(["720p"])
    assert feed.give(part(5, 1), part(6, 0, LOW)) == ["PART 0 5.1"]


def test_the_picture_can_be_switched_off_at_once() -> None:
    feed = Feed("720p", "audio")
    feed.give(part(5, 0), part(5, 0, SOUND))
    feed.viewer.choose(["audio"])
    assert feed.give(part(5, 1), part(5, 1, SOUND)) == ["PART 2 5.1"]


def test_a_page_that_chooses_after_it_saw_the_programme_starts_at_once() -> None:
    feed = Feed(window=window(segment(5), part(6, 0)))
    feed.start()
    feed.viewer.choose(["720p"])
    assert feed.start() == ["INIT 0 0.0", "PART 0 6.0"]


def test_a_picture_switched_on_again_starts_at_once_while_the_sound_goes_on() -> None:
    feed = Feed("audio")
    feed.give(part(5, 0, SOUND), part(5, 0), part(5, 1))
    feed.viewer.choose(["720p", "audio"])
    assert feed.start() == ["INIT 0 0.0", "PART 0 5.0", "PART 0 5.1"]
    assert feed.give(part(5, 1, SOUND)) == ["PART 2 5.1"]


def test_a_viewer_that_comes_back_gets_what_it_missed() -> None:
    feed = Feed("720p", "audio", window=window(segment(5), segment(5, SOUND), part(6, 0), part(6, 0, SOUND)))
    missed = feed.viewer.resume((5, 8), feed.window)
    given = [line for one in missed for line in feed.give(one)]
    assert given == ["INIT 0 0.0", "PART 0 5.9", "INIT 2 0.0", "PART 2 5.9", "PART 0 6.0", "PART 2 6.0"]


def test_a_viewer_that_was_away_too_long_starts_anew_and_is_told_of_the_gap() -> None:
    feed = Feed("720p", window=window(segment(50), part(51, 0)))
    missed = feed.viewer.resume((5, 8), feed.window)
    assert [line for one in missed for line in feed.give(one)] == ["GAP 0 51.0", "INIT 0 0.0", "PART 0 51.0"]


def test_a_viewer_that_missed_more_than_it_may_have_unsent_starts_anew() -> None:
    feed = Feed("720p", window=window(*[segment(msn, size=30_000) for msn in range(50, 56)]))
    missed = feed.viewer.resume((50, 8), feed.window)
    assert [line for one in missed for line in feed.give(one)][:3] == ["GAP 0 55.0", "INIT 0 0.0", "PART 0 55.0"]


def test_a_viewer_that_claims_the_future_starts_anew() -> None:
    feed = Feed("720p", window=window(segment(50)))
    missed = feed.viewer.resume((4_000_000_000, 8), feed.window)
    assert [line for one in missed for line in feed.give(one)][:2] == ["INIT 0 0.0", "PART 0 50.0"]


def test_parts_lost_inside_this_edge_are_told_as_a_gap() -> None:
    feed = Feed("720p", "audio")
    feed.give(part(5, 0), part(5, 0, SOUND))
    for lost in (part(5, 1), part(5, 1, SOUND)):
        feed.window.accept(lost)
    assert feed.give(part(5, 2), part(5, 2, SOUND)) == ["GAP 2 5.2", "PART 2 5.2"]
    assert feed.give(part(6, 0)) == ["GAP 0 6.0", "PART 0 6.0"]


def test_a_programme_that_changes_its_ladder_is_followed_by_name() -> None:
    feed = Feed("720p", "360p")
    feed.give(part(5, 0), part(5, 0, LOW))
    moved = Rendition(**({f: getattr(HIGH, f) for f in HIGH.__struct_fields__} | {"id": 7}))
    changed = programme(ladder=(moved, SOUND))
    feed.window.accept(changed)
    feed.window.accept(init(moved))
    feed.viewer.adopt(as_programme(changed.payload))
    assert feed.give(part(6, 0, LOW), part(6, 0, moved)) == ["INIT 7 0.0", "PART 7 6.0"]


def test_an_origin_that_comes_back_without_renditions_changes_nothing_for_the_viewer() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    feed.viewer.adopt(as_programme(programme(ladder=()).payload))
    assert feed.give(part(5, 1)) == ["PART 0 5.1"]


def test_the_gap_names_the_part_it_goes_on_with() -> None:
    feed = Feed("720p")
    feed.give(part(5, 0))
    feed.window.accept(part(5, 1))
    written = feed.viewer.offer(part(6, 0), feed.window, 0, 0.0)
    skipped, resumed = headers(written)
    assert (skipped.kind, skipped.rendition, skipped.epoch, skipped.start) == (Kind.GAP, 0, 1, resumed.start)


def test_a_choice_made_while_the_ladder_changes_waits_for_the_news() -> None:
    feed = Feed("audio")
    feed.window.accept(programme(ladder=(SOUND,)))
    feed.viewer.choose(["720p", "audio"])
    assert feed.start() == []
