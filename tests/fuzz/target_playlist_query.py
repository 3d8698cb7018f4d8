"""A playlist request's query, from the bytes in the request line to whether it is answered, waits or is refused."""

from __future__ import annotations

import functools

from yarl import URL

from plenum.wire import pack_end
from sfu.directives import check_ahead, parse, satisfied
from sfu.frames import frame
from sfu.window import Track, Window
from tests.fuzz.allowance import only
from tests.fuzz.target_feed import HIGH, message, opening

PART_S = 0.2
_HELD = 12


def target(data: bytes) -> None:
    # As aiohttp does it: the request line is decoded with surrogates for what is not UTF-8, never refused here.
    query = URL.build(path="/", query_string=data.decode("utf-8", "surrogateescape"), encoded=True).query
    with only("bad_directive"):
        asked = parse(query)
        assert asked.part is None or asked.msn is not None
        assert asked.msn is None or 0 <= asked.msn < 10**10
        for track in _tracks():
            with only("too_far_ahead"):
                check_ahead(asked, track, PART_S)
                answered = satisfied(asked, track)
                if asked.msn is not None and track.position and asked.msn < track.position[0]:
                    assert answered, "the past is waited for"
                if asked.msn is not None and track.position and asked.msn > track.position[0]:
                    assert not answered, "the future was answered"


@functools.cache
def _tracks() -> tuple[Track, ...]:
    """Nothing held, a segment open, and one closed."""
    windows = (Window(), Window(), Window())
    live = [message(msn, index, last=index == 1) for msn in range(1, _HELD) for index in range(2)]
    for window, messages in zip(windows, ([], [*live, message(_HELD, 0)], [*live, pack_end(1)]), strict=True):
        for one in [*opening(), *messages]:
            window.accept(frame(one))
    return tuple(window.tracks[HIGH.id] for window in windows)


SEEDS = [
    b"_HLS_msn=12&_HLS_part=1",
    b"_HLS_msn=11&_HLS_part=0&_HLS_skip=YES",
    b"_HLS_part=3",
    b"_HLS_msn=9999999999&_HLS_skip=v2",
    b"%5FHLS_msn=1%32&x=%ff&_HLS_msn=-1&_HLS_part=\xd9\xa3",
    b"",
]
TOKENS = [b"_HLS_msn=", b"_HLS_part=", b"_HLS_skip=", b"YES", b"%", b"&", b"+", b";", b"\xd9\xa3", b"%0a", b"14", b"00"]
MAX_LEN = 512
