"""Offers that are taken, and offers that are refused and with which sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plenum.errors import BadInput
from plenum.offer import ABS_SEND_TIME_URI, OFFER_MAX, TRANSPORT_CC_URI, read_offer, uses_transport_cc

CHROMIUM = (Path(__file__).parent / "offers" / "chromium.sdp").read_bytes().decode()
FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)


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
        (offer(section("video", "96", *VP8), ["m=audio 0 RTP/AVP  ", "a=mid:1"]), "media section"),
        (offer(section("video", "72", "a=rtpmap:72 VP8/90000")), "no codec"),
    ],
)
def test_a_refusal_says_what_to_offer_instead(text: str | bytes, advice: str):
    assert advice in refusal(text)


LINES = CHROMIUM.split("\r\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_bad_offer(body: bytes):
    refusal(b"v=0\r\n" + body)


def test_letters_that_only_look_like_ours_when_case_is_ignored_make_no_fingerprint():
    # U+017F matches an s without regard to case, but its lower case is itself: no such algorithm, a KeyError.
    body = offer(section("video", "96", *VP8)).replace("sha-256", "\u017fha-256").encode()
    assert b"fingerprint:\xc5\xbfha-256 AB:" in body
    assert "a=fingerprint" in refusal(body)


def test_an_extension_that_is_offered_often_is_answered_once():
    offered = [f"a=extmap:{number} {uri}" for number in (3, 3, 4) for uri in (TRANSPORT_CC_URI, ABS_SEND_TIME_URI)]
    [video] = read_offer(offer(section("video", "96", *VP8, *offered * 20))).sections
    assert video.extensions == ((3, TRANSPORT_CC_URI), (4, ABS_SEND_TIME_URI))
