"""The transcoder as a process: real sockets, real encoders, presenters that send in real time."""

from __future__ import annotations

import asyncio
import io
import socket
from itertools import pairwise
from pathlib import Path

import av
import pytest

from ingest.control import Air, Configure, Detach, Ready, Refused, Showing, Shown, Stats, encode_control
from ingest.samples import SampleCodec, SampleKind, video_sample
from loadtests.films import Film
from loadtests.reading import barcode, in_order, offsets, read_beeps, read_pictures
from plenum.media import VIDEO_TIMESCALE
from tests.ingest.test_picture_size import encoded
from tests.transcoder_stage import Transcoder, encoded_film, now_us, transcoder

VP8_BOMB = b"\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(100)
"""A key frame whose header says 16383 by 16383."""
SMALL = Film(320, 180, 30, 4.0)
LADDER = ("360p", "240p")


class Recorded:
    """One programme of a jittery presenter, played once for all tests that look at what came out."""

    def __init__(self) -> None:
        asyncio.run(self._record())

    async def _record(self) -> None:
        film = encoded_film(Film(640, 360, 30, 6.0))
        async with transcoder(fps=30, ladder=LADDER) as running:
            await running.heard(Ready)
            presenter = await running.present("a")
            await presenter.play(film, jitter_s=0.03)
            self.exit_code = await running.stop()
        self.running = running
        presenter.close()


@pytest.fixture(scope="module")
def recorded() -> Transcoder:
    made = Recorded()
    assert made.exit_code == 0
    return made.running


@pytest.mark.parametrize("name", LADDER)
def test_a_film_that_arrives_with_jitter_is_shown_whole(recorded: Transcoder, name: str) -> None:
    numbers = read_pictures(recorded.film(name)).numbers
    assert in_order(numbers, range(30, 170)) >= 0.99


def test_flashes_and_beeps_stay_together(recorded: Transcoder) -> None:
    apart = offsets(read_pictures(recorded.film("360p")).flashes_s, read_beeps(recorded.film("audio")))
    assert len(apart) >= 4
    assert max(map(abs, apart)) <= 0.06


def test_key_frames_stand_at_the_same_instants_in_all_renditions(recorded: Transcoder) -> None:
    keys = [read_pictures(recorded.film(name)).keys_s for name in LADDER]
    assert keys[0] == keys[1]
    assert [later - earlier for earlier, later in pairwise(keys[0])] == pytest.approx([2.0] * (len(keys[0]) - 1))


def test_a_segment_has_the_same_number_at_the_same_instant_everywhere(recorded: Transcoder) -> None:
    starts: dict[int, list[float]] = {}
    for rendition in recorded.renditions:
        for part in recorded.of(rendition.name):
            if part.index == 0:
                starts.setdefault(part.msn, []).append(part.start / rendition.timescale)
    assert all(max(times) - min(times) <= 0.011 for times in starts.values())


def test_no_track_has_a_hole_or_an_overlap(recorded: Transcoder) -> None:
    for rendition in recorded.renditions:
        for before, after in pairwise(recorded.of(rendition.name)):
            assert after.start == before.start + before.duration


def test_the_first_decode_time_is_the_programmes_time(recorded: Transcoder) -> None:
    first = recorded.of("360p")[0]
    ready_s = (recorded.arrived_us[0] - recorded.settings.zero_us) / 1e6
    assert 0 <= ready_s - first.start / VIDEO_TIMESCALE < 2


def test_wall_clocks_are_those_of_the_capture(recorded: Transcoder) -> None:
    settings = recorded.settings
    for part in recorded.of("360p")[-10:]:
        lead_us = settings.zero_wall_us + part.start * 1_000_000 // VIDEO_TIMESCALE - part.wall_us
        assert 0 < lead_us <= 200_000  # the playout delay


def test_a_part_comes_soon_after_its_last_picture(recorded: Transcoder) -> None:
    zero_us = recorded.settings.zero_us
    lags = sorted(
        arrived - zero_us - (part.start + part.duration) * 1_000_000 // VIDEO_TIMESCALE
        for part, arrived in zip(recorded.parts, recorded.arrived_us, strict=True)
        if part.rendition == 0
    )
    assert lags[len(lags) // 2] < 50_000


def test_sound_comes_hardly_later_than_its_picture(recorded: Transcoder) -> None:
    zero_us = recorded.settings.zero_us
    lags = sorted(
        arrived - zero_us - (part.start + part.duration) * 1_000_000 // 48_000
        for part, arrived in zip(recorded.parts, recorded.arrived_us, strict=True)
        if part.rendition == len(LADDER)
    )
    assert lags[len(lags) // 2] < 60_000


def test_statistics_tell_what_happened(recorded: Transcoder) -> None:
    stats = recorded.stats()
    assert (stats.source_width, stats.source_height) == (640, 360)
    assert stats.source_fps == pytest.approx(30, abs=1)
    assert stats.frames > 90
    assert stats.decode_errors == 0


async def test_a_silent_presenter_is_followed_by_the_slate_after_a_second_and_returns() -> None:
    film = encoded_film(SMALL)
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(film[: len(film) // 2])
        silent_us = now_us()
        await running.heard(Showing, lambda showing: showing.state is Shown.LIVE)
        await running.until(lambda: running.showings()[-1].state is Shown.SLATE)
        assert 0.9e6 <= now_us() - silent_us <= 2e6
        await presenter.play(film)
        await running.until(lambda: running.showings()[-1] == Showing(Shown.LIVE, "a"))
        await running.stop()
        presenter.close()
        numbers = read_pictures(running.film("360p")).numbers
        slate = numbers.index(None, next(at for at, number in enumerate(numbers) if number is not None))
        assert numbers[slate : slate + 10] == [None] * 10
        assert not any(part.discontinuity for part in running.parts)


async def test_somebody_else_with_another_codec_and_shape_takes_over_without_a_break() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        first = await running.present("a")
        second = await running.present("b", "Bob", air=False)
        await first.play(encoded_film(Film(320, 180, 30, 2.0)))
        await running.say(Air("b"))
        await second.wish()
        await second.play(encoded_film(Film(180, 320, 30, 2.0), codec=SampleCodec.VP8))
        await running.heard(Showing, lambda showing: showing.source == "b")
        await running.stop()
        pictures = read_pictures(running.film("360p"))
        assert (pictures.width, pictures.height) == (640, 360)
        for before, after in pairwise(running.of("360p")):
            assert after.start == before.start + before.duration
        first.close()
        second.close()


async def test_a_picture_of_another_shape_is_letterboxed() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(encoded_film(Film(480, 360, 30, 2.0), sound=False))
        await running.stop()
        presenter.close()
        with av.open(io.BytesIO(running.film("360p"))) as container:
            last = [frame.to_ndarray()[:360] for frame in container.decode(video=0)][-20]
        assert last[:, :70].max() < 30
        assert barcode.read(last[:, 80:560]) is not None


async def test_null_on_air_is_the_slate_at_once() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(encoded_film(SMALL)[:90])
        await running.heard(Showing, lambda showing: showing.state is Shown.LIVE)
        await running.say(Air(None))
        said_us = now_us()
        await running.until(lambda: running.showings()[-1].state is Shown.SLATE)
        assert now_us() - said_us < 700_000
        presenter.close()


async def test_somebody_with_sound_alone_is_shown_by_name() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a", "Zoë")
        sound = [each for each in encoded_film(Film(320, 180, 30, 3.0)) if each.sample.kind is SampleKind.AUDIO]
        await presenter.play(sound)
        await running.heard(Showing, lambda showing: showing == Showing(Shown.LIVE, "a"))
        await running.stop()
        presenter.close()
        assert len(read_beeps(running.film("audio"))) >= 2


async def test_a_slow_video_encoder_is_made_up_for_by_sender_reports() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(encoded_film(Film(320, 180, 30, 6.0)), video_delay_s=0.15, reports=True)
        await running.stop()
        presenter.close()
        apart = offsets(read_pictures(running.film("360p")).flashes_s, read_beeps(running.film("audio")))
        assert len(apart) >= 3
        assert max(map(abs, apart[1:])) <= 0.08


async def test_the_rate_is_the_first_sources() -> None:
    async with transcoder(fps=0) as running:
        presenter = await running.present("a")
        await presenter.play(encoded_film(Film(320, 180, 25, 2.0)))
        ready = await running.heard(Ready)
        presenter.close()
        assert ready.fps == 25
        assert ready.renditions[0].fps == 25


async def test_without_a_picture_the_rate_is_30_soon() -> None:
    async with transcoder(fps=0) as running:
        presenter = await running.present("a")
        assert (await running.heard(Ready)).fps == 30
        presenter.close()


async def test_a_picture_too_large_is_refused_and_its_socket_closed() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.send(video_sample(SampleCodec.VP8, 0, now_us(), VP8_BOMB, keyframe=True))
        refused = await running.heard(Refused)
        assert (refused.source, refused.code) == ("a", "picture_too_large")
        async with asyncio.timeout(5):
            while await asyncio.get_running_loop().sock_recv(presenter.plug, 100):
                pass
        await running.until(lambda: len(running.parts) > 3)  # the programme goes on
        presenter.close()


@pytest.mark.parametrize("codec", [SampleCodec.VP8, SampleCodec.H264], ids=lambda codec: codec.name)
async def test_bombs_are_refused_before_they_cost_memory(codec: SampleCodec) -> None:
    """Undecoded: libvpx would take 854 MB for the first, libavcodec 124 MB for the second (ROBUSTNESS.md D9)."""
    bomb = VP8_BOMB if codec is SampleCodec.VP8 else encoded("libx264", 8192, 4320, preset="ultrafast")[0]
    async with transcoder() as running:
        good = await running.present("good")
        await running.until(lambda: len(running.parts) > 10)
        before_mb = memory_mb(running.process.pid, "VmRSS")
        for turn in range(1, 21):
            presenter = await running.present(f"bomb-{turn}")
            await presenter.send(video_sample(codec, 0, now_us(), bomb, keyframe=True))
            await running.until(lambda: len(running.refusals()) == turn)  # noqa: B023 - awaited here
            presenter.close()
        assert {refusal.code for refusal in running.refusals()} == {"picture_too_large"}
        grown_mb = memory_mb(running.process.pid, "VmHWM") - before_mb
        print(f"{codec.name}: at most {grown_mb:.1f} MB more")  # noqa: T201
        assert grown_mb <= 50
        good.close()


def memory_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


async def test_nonsense_on_a_sample_socket_costs_only_its_source() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await asyncio.get_running_loop().sock_sendall(presenter.plug, b"\xff" * 100)
        assert (await running.heard(Refused)).code == "bad_sample"
        healthy = await running.present("b")
        await healthy.play(encoded_film(SMALL)[:60])
        await running.heard(Showing, lambda showing: showing.source == "b")
        presenter.close()
        healthy.close()


async def test_sources_have_a_limit() -> None:
    async with transcoder() as running:
        presenters = [await running.present(str(number), air=False) for number in range(9)]
        assert (await running.heard(Refused)).code == "too_many_sources"
        for presenter in presenters:
            presenter.close()


async def test_a_source_that_comes_again_replaces_its_socket_and_stays_on_air() -> None:
    film = encoded_film(SMALL)
    async with transcoder() as running:
        await running.heard(Ready)
        first = await running.present("a")
        await first.play(film[:60])
        await running.heard(Showing, lambda showing: showing.source == "a")
        second = await running.present("a", air=False)
        await second.play(film)
        await running.stop()
        first.close()
        second.close()
        numbers = [number for number in read_pictures(running.film("360p")).numbers if number is not None]
        assert max(numbers) > 100


async def test_a_detached_source_is_gone() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(encoded_film(SMALL)[:60])
        await running.heard(Showing, lambda showing: showing.source == "a")
        await running.say(Detach("a"))
        await running.until(lambda: running.showings()[-1].state is Shown.SLATE)
        presenter.close()


async def test_the_next_transcoder_goes_on_in_the_same_time() -> None:
    async with transcoder() as killed:
        await killed.until(lambda: len(killed.of("360p")) > 12 if killed.parts else False)
        killed.process.kill()
        await killed.process.wait()
    before = killed.of("360p")
    told = killed.settings
    async with transcoder(
        zero_us=told.zero_us,
        zero_wall_us=told.zero_wall_us,
        first_msn=before[-1].msn + 1,
        init_id=2,
        discontinuity=True,
    ) as running:
        await running.until(lambda: len(running.parts) > 12)
        for rendition in running.renditions:
            first, *others = running.of(rendition.name)
            assert (first.msn, first.index, first.discontinuity) == (before[-1].msn + 1, 0, True)
            assert not any(part.discontinuity for part in others)
        assert running.of("360p")[0].start > before[-1].start
        assert (now_us() - told.zero_us) / 1e6 - running.of("360p")[0].start / VIDEO_TIMESCALE < 5
        assert {part.init_id for part in running.parts} == {2}


async def test_it_ends_in_order_and_sends_what_is_open() -> None:
    async with transcoder() as running:
        await running.until(lambda: len(running.parts) > 3)
        assert await running.stop() == 0
        video, audio = running.of("360p")[-1], running.of("audio")[-1]
        ends = (video.start + video.duration) / VIDEO_TIMESCALE, (audio.start + audio.duration) / 48_000
        assert abs(ends[0] - ends[1]) < 0.1


async def test_it_ends_when_ingest_is_gone() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        running.control.shutdown(socket.SHUT_RDWR)
        async with asyncio.timeout(10):
            assert await running.process.wait() == 0


async def test_a_reader_that_does_not_read_ends_it_with_an_error() -> None:
    async with transcoder(collect=False, ladder=("720p", "480p", "360p")) as running:
        presenter = await running.present("a")
        film = encoded_film(Film(640, 360, 30, 12.0))
        playing = asyncio.create_task(presenter.play(film))
        async with asyncio.timeout(30):
            assert await running.process.wait() == 1
        playing.cancel()
        await asyncio.wait({playing})
        presenter.close()


async def test_it_refuses_a_ladder_it_does_not_know() -> None:
    async with transcoder(ladder=("9000p",)) as running:
        async with asyncio.timeout(10):
            assert await running.process.wait() == 1


async def test_it_is_configured_once() -> None:
    async with transcoder() as running:
        await running.heard(Ready)
        assert isinstance(running.settings, Configure)
        running.control.send(encode_control(running.settings))
        async with asyncio.timeout(10):
            assert await running.process.wait() == 1


async def test_progress_is_told_every_second() -> None:
    async with transcoder() as running:
        began_us = now_us()
        await running.until(lambda: len(_stats(running)) >= 3)
        assert now_us() - began_us < 8e6
        counts = [stats.parts for stats in _stats(running)]
        assert counts == sorted(set(counts))


def _stats(running: Transcoder) -> list[Stats]:
    return [message for message in running.said if isinstance(message, Stats)]


async def test_a_key_frame_is_asked_for_on_attaching() -> None:
    async with transcoder() as running:
        presenter = await running.present("a", air=False)
        await presenter.wish()
        presenter.close()


async def test_pictures_are_awaited_from_a_key_frame_on_and_it_is_asked_for_again() -> None:
    film = encoded_film(SMALL, sound=False)
    without_key = [each for each in film if not each.sample.keyframe]
    async with transcoder() as running:
        await running.heard(Ready)
        presenter = await running.present("a")
        await presenter.play(without_key)
        assert presenter.wishes >= 3
        assert running.stats().source_width == 0
        presenter.close()
