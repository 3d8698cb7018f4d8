"""The picture of a viewer that leaves its choice to us. Rules only.

`Selector` chooses, `Picture` carries it out: parts that the network does not take yet are held here, as references to
frames that everybody shares, so that they can be thrown away when the choice falls on something smaller. What was given
to the transport can not be taken back: that is one part at a time, and what the kernel has in flight.
"""

from __future__ import annotations

from collections import deque

import msgspec

from plenum.media import PART_S, SEGMENT_S, Programme, RenditionKind
from plenum.wire import Flag, Selected, pack_padding, pack_selected
from sfu.frames import Frame, Position, frame
from sfu.lateness import FLOOR_BYTES, Rung, Signs
from sfu.line import BUSY_BYTES, RATE_LONG_S, TRAIN_BYTES, Line
from sfu.selector import Choice, Selector, Sound
from sfu.stream import Passing, Stream
from sfu.window import Window

ROOM_BYTES = 8 * 1024
"""More is given to the transport when less than this is left, here and in the kernel, beyond what is usual on its way here:
what was given away can not be thrown away, and the word of another picture waits behind it."""
USUAL_PARTS = 25
PROMPT_S = 0.8
"""A line that brought within so long what was more on its way than usual has a long way, or had a key frame to bring. So much
of what was held is given to it at once; one part to a line that carries less than the picture."""
PADDING_LEAST_BYTES = 4 * 1024
"""The viewer times what comes behind the part: behind a proxy that is all that tells."""
CATCH_UP_S = 0.5
SKIP_HELD_S = 0.39
"""So much is held of a late picture that has no smaller one. As much again is on its way, and a page has less in hand: its
picture stands still already, and goes on sooner with a key frame that nothing is before."""
PARTS = round(SEGMENT_S / PART_S)
DRAIN_S = 1.0
"""A picture begins again on a line that needs no longer than this for what is on its way."""
BEHIND_LEAST_S = 0.5
"""So much less picture received than sent is an ordinary way from here to there."""


class Held(msgspec.Struct, frozen=True):
    """A part with what must be sent before it, until the network has room."""

    messages: list[bytes]
    size: int
    starts: bool
    """A segment."""
    position: Position
    picture_s: float


class Picture:
    """What is chosen, held and on its way."""

    def __init__(self, line: Line, sound_is_here: bool) -> None:
        self.selector = Selector()
        self.sound_is_here = sound_is_here
        self.is_given_up = False
        """A line like this one was, by the page: it did not carry what was on its way."""
        self.news: list[bytes] = []
        """Messages that say what was chosen, to be written before all else."""
        self.turns: list[str] = []
        """Directions in which the choice went, to be counted."""
        self.position: Position | None = None
        """The newest part of any picture that was given to the transport."""
        self._line = line
        self._held: deque[Held] = deque()
        self._held_bytes = 0
        self._on_its_way: deque[int] = deque(maxlen=USUAL_PARTS)
        self._more: tuple[int, float] | None = None
        self._lately: deque[tuple[int, float]] = deque(maxlen=PARTS)

    @property
    def waits(self) -> bool:
        """A look between two parts makes sense."""
        return bool(self._held or self.news) or self.selector.is_off or self._line.is_timing

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def ladder(self, programme: Programme, most: str, why: str) -> Choice | None:
        """The programme has these renditions, and this is the largest that is wanted."""
        rungs = [Rung(r.name, r.bitrate_bps) for r in programme.renditions if r.kind is RenditionKind.VIDEO]
        sound_bps = sum(r.bitrate_bps for r in programme.renditions if r.kind is RenditionKind.AUDIO)
        return self.selector.offer(rungs, most, Sound(sound_bps, self.sound_is_here), why)  # type: ignore[arg-type]

    def tell(self, choice: Choice) -> None:
        """Say so to the viewer; throw away what is held of a picture that stops here."""
        self.news.append(frame(pack_selected(Selected(choice.name, choice.abandoned, choice.why))).wire)
        if choice.direction == "down":
            self._line.narrowed()
        if choice.direction:
            self.turns.append(choice.direction)
        if choice.abandoned:
            self.drop()

    def say_idle(self) -> None:
        """To who finds its line late: there is nothing on its way, what is late is the programme."""
        self.news.append(frame(pack_padding(0)).wire)

    def drop(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def release_all(self) -> list[bytes]:
        """Nothing follows any more: what is held goes out, however long the line takes for it."""
        out = [*self.news, *(message for held in self._held for message in held.messages)]
        self.news = []
        self.drop()
        return out

    def look(self, unsent: int, in_flight: int, position: Position | None, is_due: bool, now: float) -> Choice | None:
        """Whether something else is to be sent, by what waits right now; the old picture stands at this position."""
        self._line.look(unsent + in_flight, now)
        self._learn_usual(is_due, now)
        waiting = self._line.unsent + self._held_bytes
        return self.selector.look(
            Signs(
                is_due=is_due,
                backlog=waiting,
                # What is held counts twice: an ordinary line never makes a part wait here.
                waiting_s=self._line.waiting_s + 2 * self.held_s,
                sends_bps=self._sends_bps(),
                on_its_way=max(waiting, self._line.outstanding(now)),
                carries_bps=self._line.carries_bps(),
                carries_at_best_bps=self._line.carries_bps(RATE_LONG_S),
                could_carry_bps=self._line.could_carry_bps(),
                is_drained=self._is_drained(now),
                independent_in_s=SEGMENT_S - (position[1] + 1) * PART_S if position else 0.0,
            ),
            now,
        )

    def may_pass(self, now: float) -> bool:
        """The parts that follow may be written unasked, as long as the line has taken all when the next one is there."""
        is_idle = not self._held and not self.news and self._line.unsent < BUSY_BYTES
        return is_idle and not self._line.is_late(now) and self.selector.is_settled(now)

    def passed(self, passing: Passing) -> None:
        """One was, on an idle line: what holding and releasing would have noted of it."""
        self._on_its_way.append(0)
        self._lately.append((passing.size, passing.picture_s))
        self.position = passing.position

    def hold(self, stream: Stream, part: Frame, messages: list[bytes], now: float) -> None:
        """To be sent as soon as there is room."""
        size, picture_s = sum(map(len, messages)), stream.seconds_of(part)
        self._held.append(Held(messages, size, Flag.INDEPENDENT in part.header.flags, part.position, picture_s))
        self._held_bytes += size
        self._lately.append((size, picture_s))
        if stream.rendition.name == self.selector.name:
            self.selector.began(now)
            self.selector.sent(picture_s)

    def skips_to(self, part: Frame, now: float) -> bool:
        """At a segment's start: what is held of those before would come too late, and make all that follows late. It goes."""
        is_late = self.held_s >= SKIP_HELD_S and self.selector.is_smallest_late(now)
        is_late = is_late and Flag.INDEPENDENT in part.header.flags
        if is_late:
            self.drop()
        return is_late

    @property
    def held_s(self) -> float:
        return sum(held.picture_s for held in self._held)

    def release(self, unsent: int, now: float) -> list[bytes]:
        """What the line has room for now."""
        out = self.news
        self.news = []
        for message in out:
            self._line.wrote(len(message))
        room_s = self._room_s(unsent)
        while self._held and room_s > 0.01 and not self._line.is_full(now):
            held = self._held.popleft()
            self._held_bytes -= held.size
            room_s -= held.picture_s
            self._line.wrote(held.size, held.position, held.picture_s)
            self.position = held.position
            out = [*out, *held.messages]
            is_to_time = held.starts and self.selector.may_grow and self.selector.is_calm
            if is_to_time and self._line.unsent < BUSY_BYTES:
                out.append(frame(pack_padding(max(PADDING_LEAST_BYTES, TRAIN_BYTES - held.size))).wire)
                self._line.wrote(len(out[-1]))
        if out and self.selector.may_grow:
            self._line.time()
        return out

    def _learn_usual(self, is_due: bool, now: float) -> None:
        """How much of the parts before is still on its way when the next one is there."""
        waiting = self._line.unsent
        if is_due and waiting < self._usual + ROOM_BYTES:
            self._on_its_way.append(waiting)
        elif is_due and self._more is None:
            self._more = waiting, now
        elif self._more is not None and waiting < BUSY_BYTES:
            (more, since), self._more = self._more, None
            if now - since < PROMPT_S:
                self._on_its_way.append(more)

    @property
    def _usual(self) -> float:
        return max(self._on_its_way) if len(self._on_its_way) >= PARTS else float("inf")

    def _room_s(self, unsent: int) -> float:
        """So many seconds of picture may be given away now."""
        if unsent >= ROOM_BYTES or self._line.unsent >= self._usual + ROOM_BYTES:
            return 0.0
        carries_bps = self._line.carries_bps()
        return PROMPT_S if carries_bps is None or carries_bps >= self._sends_bps() else PART_S

    def first_parts(self, stream: Stream, part: Frame, window: Window, now: float) -> list[Frame]:
        """What a picture that does not flow yet begins with at this part: nothing, the part, or its segment until here.

        The segment until here, where nothing of it was sent and the line has it sooner than the next one begins.
        """
        if self.selector.is_changing and not self._may_begin(now):
            return []
        if Flag.INDEPENDENT in part.header.flags:
            return [part]
        parts = [
            one for one in window.tracks[part.header.rendition].since(part.header.msn) if one.position <= part.position
        ]
        if not parts or Flag.INDEPENDENT not in parts[0].header.flags:
            return []
        if self.position is not None and parts[0].position <= self.position:
            return []
        carries_bps = self._line.carries_bps() or stream.rendition.bitrate_bps * (1 if self.is_given_up else 2)
        size = sum(len(one.wire) for one in parts)
        left_s = SEGMENT_S - (part.header.part + 1) * PART_S
        if self.is_given_up:  # what comes late once stays late on a line that hardly carries more than this
            left_s = min(left_s, CATCH_UP_S)
        return parts if size * 8 / carries_bps <= left_s else []

    def _sends_bps(self) -> float:
        """What the picture really takes, which may be much less than it was encoded for."""
        picture_s = sum(length_s for _, length_s in self._lately)
        return sum(size for size, _ in self._lately) * 8 / picture_s if picture_s else 0.0

    def _may_begin(self, now: float) -> bool:
        carries_bps = self._line.carries_bps()
        unsent = self._line.unsent + self._held_bytes
        if carries_bps is None:
            return unsent <= 2 * FLOOR_BYTES
        return max(unsent, self._line.on_its_way(now, carries_bps)) * 8 <= DRAIN_S * carries_bps

    def _is_drained(self, now: float) -> bool:
        behind = self._line.behind_s if self._line.is_fresh(now) else None
        return self._line.unsent + self._held_bytes <= FLOOR_BYTES and (behind or 0.0) <= BEHIND_LEAST_S
