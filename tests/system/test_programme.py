"""`plenum present` of a film with numbered frames: what viewers get is decoded and held against the film."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from loadtests.api_client import Api
from loadtests.films import Film, looped, make_film, real_film
from loadtests.presenting import presenting
from loadtests.reading import Pictures, in_order, offsets, read_beeps, read_pictures, similarity
from loadtests.recording import Recording, recording
from loadtests.running_platform import ROOT, Platform
from plenum.identity import Role
from plenum.media import ProgrammeState
from tests.system.conftest import Come
from tests.system.watching import until_moving

FILMS = ROOT / ".cache" / "films"
FILM = Film(seconds=24)
SEGMENTS = 6
SETTLING_S = 1.0
STATED = {"720p": (1280, 720), "480p": (854, 480), "360p": (640, 360)}
NAMES = list(STATED)


def made_film() -> Path:
    """Made once, then kept: it is the same for the same words in `loadtests/films.py`."""
    path = FILMS / f"made-{FILM.height}p{FILM.fps}-{FILM.seconds:.0f}s.mp4"
    if not path.exists():
        FILMS.mkdir(parents=True, exist_ok=True)
        fresh = make_film(path.with_name(f"fresh-{path.name}"), FILM)
        fresh.replace(path)
    return path


@dataclass(frozen=True)
class Seen:
    """One film as viewers got it."""

    source: Path
    tape: Recording
    pictures: dict[str, Pictures]
    first_msn: int


async def _broadcast(platform: Platform, api: Api, source: Path, title: str) -> Seen:
    event = await api.create(title)
    ticket = platform.ticket(event, Role.VIEWER)
    async with recording(platform.url, event, ticket) as tape, presenting(platform, event, str(source)):
        await tape.until_state(ProgrammeState.LIVE)
        first = max((part.msn for parts in tape.parts.values() for part in parts), default=0) + 1
        await tape.until(lambda: all(len([m for m in tape.segments(n) if m >= first]) >= SEGMENTS for n in NAMES), 60)
    await api.end(event)
    return Seen(source, tape, {name: read_pictures(tape.film(name, first)) for name in NAMES}, first)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def numbered(platform: Platform, api: Api) -> AsyncIterator[Seen]:
    yield await _broadcast(platform, api, made_film(), "Numbered film")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bunny(platform: Platform, api: Api, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    long = looped(real_film(FILMS), tmp_path_factory.mktemp("bunny") / "long.mp4", times=5)
    yield await _broadcast(platform, api, long, "Real film")


@pytest.mark.parametrize("name", NAMES)
async def test_ninety_nine_of_a_hundred_frames_arrive_in_order(numbered: Seen, name: str) -> None:
    pictures = numbered.pictures[name]
    settled = [f.number for f in pictures.shown if f.at_s >= pictures.shown[0].at_s + SETTLING_S]
    readable = [number for number in settled if number is not None]
    assert in_order(settled, range(readable[0], readable[-1] + 1)) >= 0.99
    assert len(readable) / len(settled) >= 0.99


@pytest.mark.parametrize("name", NAMES)
async def test_each_rendition_of_the_numbered_film_has_its_stated_size_and_bitrate(numbered: Seen, name: str) -> None:
    _check_size_and_bitrate(numbered, name)


@pytest.mark.parametrize("name", NAMES)
async def test_each_rendition_of_the_real_film_has_its_stated_size_and_bitrate(bunny: Seen, name: str) -> None:
    _check_size_and_bitrate(bunny, name)


async def test_renditions_have_their_keyframes_at_the_same_instants(numbered: Seen) -> None:
    largest = numbered.pictures["720p"].keys_s
    assert len(largest) >= SEGMENTS
    assert [round(b - a, 3) for a, b in pairwise(largest)] == [2.0] * (len(largest) - 1)
    for name in NAMES[1:]:
        assert numbered.pictures[name].keys_s == pytest.approx(largest, abs=0.001)


async def test_the_same_instant_shows_the_same_frame_in_all_renditions(numbered: Seen) -> None:
    by_time = [{round(f.at_s, 3): f.number for f in p.shown} for p in numbered.pictures.values()]
    common = set.intersection(*(set(times) for times in by_time))
    assert len(common) >= SEGMENTS * 2 * FILM.fps * 0.9
    assert all(len({times[at] for times in by_time} - {None}) <= 1 for at in common)


async def test_sound_and_picture_are_at_most_80_ms_apart(numbered: Seen) -> None:
    beeps = read_beeps(numbered.tape.film("audio", numbered.first_msn))
    apart = offsets(numbered.pictures["720p"].flashes_s, beeps)
    assert len(apart) >= SEGMENTS
    print("sound after picture, ms:", [round(one * 1000) for one in apart])  # noqa: T201
    assert max(map(abs, apart)) <= 0.080


async def test_the_top_rendition_looks_like_its_source(numbered: Seen) -> None:
    readable = [n for n in numbered.pictures["720p"].numbers if n is not None]
    likeness = similarity(
        numbered.tape.film("720p", numbered.first_msn), numbered.source, range(readable[0] + FILM.fps, readable[-1])
    )
    print("SSIM of 720p:", round(likeness, 4))  # noqa: T201
    assert likeness >= 0.93


async def test_a_film_at_25_frames_a_second_is_shown_at_25(bunny: Seen) -> None:
    pictures = bunny.pictures["720p"]
    steps = {round(b.at_s - a.at_s, 3) for a, b in pairwise(pictures.shown)}
    assert steps == {0.04}


async def test_two_presenters_with_different_films_are_one_playlist_and_no_page_reloads(
    platform: Platform, api: Api, come: Come, tmp_path: Path
) -> None:
    other = Film(960, 540, 25, 20)
    second = make_film(tmp_path / "second.webm", other)  # VP8, another size, another rate
    event = await api.create("One after the other")
    viewer = await come("viewer")
    page = await viewer.open((await api.links(event))["viewer"])
    await page.evaluate("globalThis.sameDocument = true")
    async with recording(platform.url, event, platform.ticket(event, Role.VIEWER)) as tape:
        async with presenting(platform, event, str(made_film()), name="One"):
            await tape.until_state(ProgrammeState.LIVE)
            await until_moving(page, 20)
            await tape.until_segments(3)
            assert tape.programme.on_air == "One"
        await tape.until_state(ProgrammeState.SLATE)
        async with presenting(platform, event, str(second), name="Two"):
            await tape.until_state(ProgrammeState.LIVE)
            newest = max(part.msn for parts in tape.parts.values() for part in parts)
            await until_moving(page)
            await tape.until(lambda: all(max(tape.segments(name)) >= newest + 4 for name in NAMES))
            assert tape.programme.on_air == "Two"
        playlist = await _text(platform.url + (await api.join(event))["hls"].replace("index", "720p/media"))
    await api.end(event)
    assert tape.faults == []
    assert await page.evaluate("globalThis.sameDocument === true")
    assert playlist.count("#EXT-X-MAP") == 1
    assert "#EXT-X-DISCONTINUITY" not in playlist.splitlines()
    for name in NAMES:
        pictures = read_pictures(tape.film(name))
        assert (pictures.width, pictures.height) == STATED[name]
        # A busy machine makes longer pictures, to the end of their part at most; more would be a hole.
        assert max(b.at_s - a.at_s for a, b in pairwise(pictures.shown)) <= 0.201
        late = [n for n in read_pictures(tape.film(name, newest + 1)).numbers if n is not None]
        shown = set(late)
        assert in_order(late, range(min(shown), max(shown) + 1)) >= 0.99, "the second film's own pictures"
    viewer.assert_content()


async def _text(address: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        assert answer.status == 200
        return await answer.text()


def _check_size_and_bitrate(seen: Seen, name: str) -> None:
    stated, pictures = seen.tape.rendition(name), seen.pictures[name]
    assert (pictures.width, pictures.height) == (stated.width, stated.height) == STATED[name]
    assert pictures.bitrate_bps == pytest.approx(stated.bitrate_bps, rel=0.25)
