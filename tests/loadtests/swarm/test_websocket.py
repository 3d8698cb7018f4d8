from __future__ import annotations

import pytest

from loadtests.swarm.websocket import BINARY, TEXT, BadFrame, frame_at, masked, refusal, upgrade

KEY = b"sixteen bytes ok"


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_length_is_found_when_all_of_it_is_there(length: int) -> None:
    medium, large = bytes((0x82, 126)) + length.to_bytes(4, "big")[2:], bytes((0x82, 127)) + length.to_bytes(8, "big")
    head = bytes((0x82, length)) if length < 126 else medium if length < 65_536 else large
    whole = b"xx" + head + bytes(length)
    assert frame_at(whole, 2) == (BINARY, 2 + len(head), len(whole))
    assert frame_at(whole[:-1], 2) is None


@pytest.mark.parametrize("first", [b"\x02\x01x", b"\xc2\x01x", b"\x82\x81abcdx", b"\x83\x01x"])
def test_what_no_server_may_send_is_refused(first: bytes) -> None:
    with pytest.raises(BadFrame):
        frame_at(first, 0)


def test_our_own_frames_are_masked() -> None:
    assert masked(TEXT, b"hi") == b"\x81\x82\0\0\0\0hi"
    assert masked(TEXT, bytes(300))[:4] == b"\x81\xfe\x01\x2c"


def test_an_upgrade_counts_only_with_the_answer_to_its_own_key() -> None:
    good = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s"
    assert b"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==" in upgrade("ws://host/feed", KEY, "p", {})
    assert refusal(good % b"nonsense", KEY) == "the upgrade was not for this key"
    assert refusal(b"HTTP/1.1 503 Full\r\n", KEY) == "the upgrade was answered 503"
