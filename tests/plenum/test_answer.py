"""What aiortc gets, and what the presenter gets."""

from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from plenum.answer import canonical_offer, read_transport, write_answer
from plenum.errors import PlenumError
from plenum.offer import Transport, read_offer
from tests.plenum.test_offer import CHROMIUM, FINGERPRINT, H264, OPUS, offer, section

LOCAL = Transport("ufra", "p" * 22, (FINGERPRINT,), "active", ("f 1 udp 1 127.0.0.1 5000 typ host",))
LINES = CHROMIUM.split("\r\n")


def test_no_candidate_of_the_offer_reaches_aiortc():
    canonical = canonical_offer(read_offer(CHROMIUM))
    assert "candidate" in CHROMIUM
    assert "candidate" not in canonical
    assert ".local" not in canonical


def test_aiortc_reads_the_canonical_offer():
    parsed = SessionDescription.parse(canonical_offer(read_offer(CHROMIUM)))
    assert [(media.kind, media.rtp.muxId, media.direction) for media in parsed.media] == [
        ("audio", "0", "sendonly"),
        ("video", "1", "sendonly"),
    ]
    assert [codec.name for media in parsed.media for codec in media.rtp.codecs] == ["opus", "H264"]
    assert not any(media.ice_candidates or media.ice_candidates_complete for media in parsed.media)


def test_sections_that_are_not_needed_are_refused_in_the_answer_and_not_in_words():
    data = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:1", "a=sctp-port:5000"]
    screen = section("video", "96", *H264, mid="2")
    watching = section("audio", "111", *OPUS, mid="3", direction="recvonly")
    read = read_offer(offer(section("video", "96", *H264), data, screen, watching, group="BUNDLE 0 1 2 3"))
    assert [part.codec is not None for part in read.sections] == [True, False, False, False]
    answer = write_answer(read, LOCAL, 1)
    assert "a=group:BUNDLE 0\r\n" in answer
    assert answer.count("m=") == 4
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in answer
    assert "m=audio 0 " in answer


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.text(max_size=12), st.integers(0, 40)), max_size=6))
def test_a_mutated_offer_is_taken_or_refused_but_never_raises_anything_else(changes: list[tuple[int, str, int]]):
    lines = LINES[:]
    for at, text, column in changes:
        lines[at] = lines[at][:column] + text + lines[at][column + len(text) :]
    try:
        read = read_offer("\r\n".join(lines))
        SessionDescription.parse(canonical_offer(read))
        SessionDescription.parse(write_answer(read, LOCAL, 1))
    except PlenumError as error:
        assert error.code == "bad_offer"


def test_the_answer_uses_the_offers_numbers_and_is_complete():
    answer = write_answer(read_offer(CHROMIUM), LOCAL, 7)
    assert "m=video 5000 UDP/TLS/RTP/SAVPF 108 109" in answer
    assert answer.count("a=candidate:f 1 udp 1 127.0.0.1 5000 typ host") == 2
    assert answer.count("a=end-of-candidates") == 2
    assert "a=recvonly" in answer
    assert "x-google-start-bitrate" in answer
    assert "a=rtcp-rsize" in answer


def test_other_bandwidth_control_is_left_out_only_where_transport_cc_is_spoken():
    with_it = write_answer(read_offer(CHROMIUM), LOCAL, 1)
    assert "transport-cc" in with_it
    assert "goog-remb" not in with_it
    assert "abs-send-time" not in with_it
    old = section("video", "96", *H264, "a=rtcp-fb:96 goog-remb", "a=rtcp-fb:* nack pli")
    without = write_answer(read_offer(offer(old)), LOCAL, 1)
    assert "a=rtcp-fb:96 goog-remb" in without
    assert "a=rtcp-fb:96 nack pli" in without


def test_our_own_parameters_are_read_from_what_aiortc_wrote():
    assert read_transport(write_answer(read_offer(CHROMIUM), LOCAL, 1)) == LOCAL
