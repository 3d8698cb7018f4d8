"""Offers that are taken, offers that are refused and with which sentence, answers, and the resource's rules."""

from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from plenum.errors import (
    BadInput,
    PlenumError,
    PreconditionFailed,
    PreconditionRequired,
    Unprocessable,
    UnsupportedMedia,
)
from plenum.signalling import (
    FRAGMENT,
    OFFER_MAX,
    Transport,
    check_offer_type,
    check_patch,
    etag_of,
    ice_links,
    read_offer,
    read_transport,
    uses_transport_cc,
    write_answer,
)

CHROMIUM = (Path(__file__).parent / "offers" / "chromium.sdp").read_bytes().decode()
FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
LOCAL = Transport("ufra", "p" * 22, (FINGERPRINT,), "active", ("f 1 udp 1 127.0.0.1 5000 typ host",))


def section(kind="video", formats="96", *lines: str, mid="0", port=9, direction="sendonly") -> list[str]:
    return [
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {formats}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        f"a={direction}",
        "a=rtcp-mux",
        *lines,
    ]


VP8 = ("a=rtpmap:96 VP8/90000",)
H264 = ("a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f")
OPUS = ("a=rtpmap:111 opus/48000/2",)


def offer(*sections: list[str], group="BUNDLE 0 1", transport=True) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:{group}"]
    if transport:
        lines += ["a=ice-ufrag:abcd", "a=ice-pwd:" + "x" * 22, f"a=fingerprint:{FINGERPRINT}", "a=setup:actpass"]
    return "\r\n".join(lines + [line for part in sections for line in part]) + "\r\n"


def refusal(text: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read_offer(text)
    assert caught.value.code == "bad_offer"
    assert caught.value.status == 400
    return caught.value.message


# --- reading ---


def test_chromiums_offer_is_taken_with_h264_although_vp8_comes_first():
    read = read_offer(CHROMIUM)
    video, audio = read.codec("video"), read.codec("audio")
    assert (video.name, video.profile_level_id, video.payload_type, video.rtx_payload_type) == (
        "H264",
        "42e01f",
        108,
        109,
    )
    assert (audio.name, audio.payload_type) == ("opus", 111)
    assert all(uses_transport_cc(section) for section in read.used)


def test_no_candidate_of_the_offer_reaches_aiortc():
    canonical = read_offer(CHROMIUM).canonical
    assert "candidate" in CHROMIUM
    assert "candidate" not in canonical
    assert ".local" not in canonical


def test_aiortc_reads_the_canonical_offer():
    parsed = SessionDescription.parse(read_offer(CHROMIUM).canonical)
    assert [(media.kind, media.rtp.muxId, media.direction) for media in parsed.media] == [
        ("audio", "0", "sendonly"),
        ("video", "1", "sendonly"),
    ]
    assert [codec.name for media in parsed.media for codec in media.rtp.codecs] == ["opus", "H264"]
    assert not any(media.ice_candidates or media.ice_candidates_complete for media in parsed.media)


def test_constrained_baseline_is_preferred_to_baseline_and_that_to_vp8():
    lines = (
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 H264/90000",
        "a=fmtp:97 packetization-mode=1;profile-level-id=42001f",
        "a=rtpmap:98 H264/90000",
        "a=fmtp:98 packetization-mode=1;profile-level-id=42E034",
    )
    assert read_offer(offer(section("video", "96 97 98", *lines))).codec("video").payload_type == 98
    assert read_offer(offer(section("video", "96 97", *lines))).codec("video").payload_type == 97
    assert read_offer(offer(section("video", "96", *lines))).codec("video").name == "VP8"


def test_video_alone_and_audio_alone_are_taken_without_a_bundle():
    assert read_offer(offer(section("video", "96", *VP8), group="LS 0")).codec("audio") is None
    assert read_offer(offer(section("audio", "111", *OPUS), group="LS 0")).codec("video") is None


def test_a_bundle_only_section_is_alive_although_its_port_is_zero():
    second = [*section("audio", "111", *OPUS, mid="1", port=0), "a=bundle-only"]
    assert read_offer(offer(section("video", "96", *H264), second)).codec("audio") is not None


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


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "Send an SDP offer"),
        ("v=0\0", "Send an SDP offer"),
        ("v=0\r\nnonsense", "Send an SDP offer"),
        ("v=0", "neither video nor audio"),
        (b"v=0\r\n\xff\xfe", "not text"),
        ("v=0\r\n" + "a=x\r\n" * OFFER_MAX, "32 KiB"),
        (offer(*[section(mid=str(number)) for number in range(5)]), "more than 4 media sections"),
        (offer(section("video", "98", "a=rtpmap:98 VP9/90000")), "Offer H.264 constrained baseline"),
        (offer(section("video", "96", "a=rtpmap:96 H264/90000")), "packetization-mode=1"),
        (
            offer(section("video", "96", H264[0], "a=fmtp:96 packetization-mode=1;profile-level-id=640c1f")),
            "constrained baseline",
        ),
        (offer(section("audio", "0", "a=rtpmap:0 PCMU/8000")), "Opus"),
        (offer(section("video", "96", *VP8, direction="recvonly")), "sends neither"),
        (offer(section("video", "96", *VP8, port=0)), "sends neither"),
        (offer(section("video", "96", *VP8), section("audio", "111", *OPUS, mid="1"), group="BUNDLE 0"), "max-bundle"),
        (offer([line for line in section("video", "96", *VP8) if line != "a=rtcp-mux"]), "a=rtcp-mux"),
        (offer(section("video", "96", *VP8)).replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "encrypted"),
        (offer(section("video", "96", *VP8), transport=False), "a=ice-ufrag"),
        (offer(section("video", "96", *VP8)).replace("a=ice-pwd:xx", "a=ice-pwd:x\tx"), "a=ice-pwd"),
        (offer(section("video", "96", *VP8)).replace("sha-256", "sha-1"), "a=fingerprint"),
        (offer(section("video", "96", *VP8)).replace(":AB", "", 1), "a=fingerprint"),
        (offer(section("video", "96", *VP8)).replace("actpass", "holdconn"), "a=setup:actpass"),
        (offer(section("video", "96", *VP8)).replace("a=mid:0", "a=mid:" + "m" * 40), "a=mid"),
        (offer(section("video", "96", *VP8), section("audio", "111", *OPUS)), "same a=mid"),
        (offer(["m=video what"]), "media section"),
    ],
)
def test_a_refusal_says_what_to_offer_instead(text: str | bytes, advice: str):
    assert advice in refusal(text)


LINES = CHROMIUM.split("\r\n")


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.text(max_size=12), st.integers(0, 40)), max_size=6))
def test_a_mutated_offer_is_taken_or_refused_but_never_raises_anything_else(changes: list[tuple[int, str, int]]):
    lines = LINES[:]
    for at, text, column in changes:
        lines[at] = lines[at][:column] + text + lines[at][column + len(text) :]
    try:
        read = read_offer("\r\n".join(lines))
        SessionDescription.parse(read.canonical)
        SessionDescription.parse(write_answer(read, LOCAL, 1))
    except PlenumError as error:
        assert error.code == "bad_offer"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_bad_offer(body: bytes):
    refusal(b"v=0\r\n" + body)


# --- answering ---


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


# --- the resource ---


def test_the_offers_type_must_be_sdp():
    check_offer_type("application/sdp")
    with pytest.raises(UnsupportedMedia):
        check_offer_type("application/json")


ETAG = etag_of("answer")
TRICKLE = "a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 198.51.100.7 1 typ host\r\n"


def test_trickled_candidates_of_the_running_session_are_fine():
    check_patch(FRAGMENT, ETAG, ETAG, "abcd", TRICKLE)
    check_patch(FRAGMENT, f'"other", {ETAG}', ETAG, "abcd", "")


@pytest.mark.parametrize(
    ("content_type", "if_match", "body", "error"),
    [
        ("application/sdp", ETAG, TRICKLE, UnsupportedMedia),
        (FRAGMENT, "", TRICKLE, PreconditionRequired),
        (FRAGMENT, '"other"', TRICKLE, PreconditionFailed),
        (FRAGMENT, "*", TRICKLE, Unprocessable),
        (FRAGMENT, ETAG, TRICKLE.replace("abcd", "new1"), Unprocessable),
    ],
)
def test_other_patches_are_refused_by_their_cause(content_type, if_match, body, error):
    with pytest.raises(error):
        check_patch(content_type, if_match, ETAG, "abcd", body)


def test_ice_servers_are_links():
    assert ice_links(["stun:stun.example.org"]) == ['<stun:stun.example.org>; rel="ice-server"']
