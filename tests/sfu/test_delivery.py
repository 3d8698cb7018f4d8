"""The whole way from a real origin through a front to a viewer."""

from __future__ import annotations

from plenum.media import ProgrammeState
from plenum.wire import Kind
from tests.sfu.feed_front import EVENT, Front
from tests.sfu.feed_media import AUDIO, LARGE, Film, programme
from tests.sfu.feed_origin import Origin


async def test_a_viewer_gets_the_programme_then_inits_then_the_current_segment(
    origin: Origin, front: Front, film: Film
) -> None:
    await origin.begin(film, 3)
    watcher = await front.watch("360p", "audio")
    header, _ = await watcher.next()
    assert header.kind is Kind.RENDITIONS
    seen = [(await watcher.next())[0] for _ in range(2 + 21)]
    assert {h.rendition for h in seen} == {LARGE.id, AUDIO.id}
    for rendition in (LARGE.id, AUDIO.id):
        kinds = [(h.kind, h.msn, h.part) for h in seen if h.rendition == rendition]
        assert kinds[0] == (Kind.INIT, 0, 0)
        assert kinds[1:] == [(Kind.PART, 2, part) for part in range(len(kinds) - 1)]


async def test_the_parts_arrive_as_the_origin_sent_them(origin: Origin, front: Front, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p")
    received = {}
    while len(received) < 10:
        header, payload = await watcher.next()
        if header.kind is Kind.PART:
            received[header.part] = bytes(payload)
    assert [received[part.index] for part in film.media[0].segments[0]] == [
        part.data for part in film.media[0].segments[0]
    ]


async def test_the_front_knows_the_programme_and_who_watches(origin: Origin, front: Front, film: Film) -> None:
    heard = []
    front.delivery.on_programme.append(lambda event, told: heard.append((event, told.state)))
    assert front.delivery.programme(EVENT) is None
    watcher = await front.watch()
    await watcher.until(Kind.RENDITIONS)
    assert front.delivery.programme(EVENT) == programme()
    assert front.delivery.viewers(EVENT) == 1
    assert front.delivery.audiences() == {EVENT: 1}
    await origin.turn(ProgrammeState.SLATE)
    await watcher.until(Kind.RENDITIONS)
    assert heard == [(EVENT, ProgrammeState.LIVE), (EVENT, ProgrammeState.SLATE)]
