"""What is kept and what is dropped when the transcoder does not read."""

from ingest.backlog import RESERVE, Backlog
from ingest.samples import HEADER, SampleCodec, SampleReader, audio_sample, video_sample

LIMIT = 10_000


def video(size: int, *, keyframe: bool = False):
    return video_sample(SampleCodec.H264, 0, 0, bytes(size - HEADER.size), keyframe=keyframe)


def drained(backlog: Backlog, count: int) -> bytes:
    """Read so many bytes, a few at a time."""
    read = b""
    while count and (head := backlog.head()) is not None:
        piece = min(count, 700, len(head))
        read += bytes(head[:piece])
        backlog.written(piece)
        count -= piece
    return read


def test_samples_come_out_whole_however_the_socket_takes_them():
    backlog = Backlog(LIMIT)
    samples = [video(3000, keyframe=True), audio_sample(1, 2, b"sound"), video(2000)]
    for sample in samples:
        assert backlog.offer(sample)
    assert SampleReader().feed(drained(backlog, LIMIT)) == samples
    assert backlog.size == 0


def test_a_full_backlog_drops_video_up_to_the_next_key_frame():
    backlog = Backlog(LIMIT)
    assert backlog.offer(video(9000, keyframe=True))
    assert not backlog.offer(video(2000))
    drained(backlog, 9000)
    assert not backlog.offer(video(100))
    assert backlog.offer(video(100, keyframe=True))
    assert backlog.offer(video(100))
    assert backlog.dropped == 2


def test_a_key_frame_is_asked_for_when_there_is_room_again():
    backlog = Backlog(LIMIT)
    backlog.offer(video(9000, keyframe=True))
    backlog.offer(video(2000))
    assert not backlog.wants_keyframe
    drained(backlog, 5000)
    assert backlog.wants_keyframe
    backlog.offer(video(100, keyframe=True))
    assert not backlog.wants_keyframe


def test_sound_goes_on_longer_but_not_for_ever():
    backlog = Backlog(LIMIT)
    backlog.offer(video(9900, keyframe=True))
    taken = sum(backlog.offer(audio_sample(0, 0, bytes(1000))) for _ in range(1000))
    assert 0 < taken < 1000
    assert backlog.size <= LIMIT + RESERVE
