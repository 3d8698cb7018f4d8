"""The guard's rules, against messages made by aioice itself."""

import base64
import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from plenum.datagrams import (
    ADDRESSES_MAX,
    CHECKS_BURST,
    MEDIA_BPS_MAX,
    MEDIA_BURST_BYTES,
    QUEUE_MAX,
    DatagramGuard,
    Verdict,
    parse_stun,
)

UFRAG, PASSWORD = "ours", "p" * 22
THEIRS, THEIR_PASSWORD = "them", "q" * 22
BROWSER = ("198.51.100.7", 50000)
STRANGER = ("203.0.113.9", 4444)
DTLS_HELLO = bytes([22]) + bytes(20)
SRTP = bytes([128]) + bytes(20)
# The malformed message that ended in an uncaught struct.error (ROBUSTNESS.md D5).
BAD_LENGTH = base64.b64decode("AQMAEQMaAAAAAAAAAKmpqampqakaAAAEAAj7AAADABEDGgAAAQ==")


def check(username: str = f"{UFRAG}:{THEIRS}", password: str | None = PASSWORD) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 2
    if password:
        message.add_message_integrity(password.encode())
    return bytes(message)


def answer(transaction: bytes, password: str = THEIR_PASSWORD) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction)
    message.attributes["XOR-MAPPED-ADDRESS"] = BROWSER
    message.add_message_integrity(password.encode())
    return bytes(message)


def judge(guard: DatagramGuard, data: bytes, source=BROWSER, transactions=(), queued=0, now_s=0.0) -> Verdict:
    return guard.judge(
        data,
        source,
        transactions=transactions,
        remote_ufrag=THEIRS,
        remote_password=THEIR_PASSWORD,
        queued=queued,
        now_s=now_s,
    )


@pytest.fixture
def guard() -> DatagramGuard:
    return DatagramGuard(UFRAG, PASSWORD)


def test_media_passes_only_from_an_address_that_showed_the_credentials(guard: DatagramGuard):
    assert judge(guard, DTLS_HELLO) is Verdict.UNKNOWN_SOURCE
    assert judge(guard, check()) is Verdict.REQUEST
    assert judge(guard, DTLS_HELLO) is Verdict.MEDIA
    assert judge(guard, SRTP) is Verdict.MEDIA
    assert judge(guard, SRTP, STRANGER) is Verdict.UNKNOWN_SOURCE


def test_an_answer_to_our_own_check_proves_an_address_too(guard: DatagramGuard):
    transaction = b"t" * 12
    assert judge(guard, answer(transaction), transactions=[transaction]) is Verdict.ANSWER
    assert judge(guard, SRTP) is Verdict.MEDIA


@pytest.mark.parametrize(
    "data",
    [
        check(password=None),
        check(password="x" * 22),
        check(username=f"other:{THEIRS}"),
        check(username=f"{UFRAG}:other"),
        check(username=UFRAG),
        answer(b"f" * 12),
        answer(b"f" * 12, password="x" * 22),
        bytes(stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION)),
    ],
    ids=[
        "no password",
        "wrong password",
        "not our name",
        "not their name",
        "half a name",
        "answer to nothing",
        "answer with a wrong password",
        "allocation",
        "indication",
    ],
)
def test_stun_without_our_credentials_passes_nothing_and_proves_nothing(guard: DatagramGuard, data: bytes):
    assert judge(guard, data) is Verdict.UNAUTHENTICATED
    assert not guard.knows(BROWSER)


@pytest.mark.parametrize("data", [b"", b"\x16", bytes(3000)])
def test_datagrams_of_impossible_sizes_are_dropped(guard: DatagramGuard, data: bytes):
    judge(guard, check())
    assert judge(guard, data) is Verdict.SHORT


@pytest.mark.parametrize("data", [bytes([22]) + bytes(11), bytes([128]) + bytes(10)])
def test_less_than_a_header_is_dropped_even_from_a_proven_address(guard: DatagramGuard, data: bytes):
    judge(guard, check())
    assert judge(guard, data) is Verdict.SHORT


@pytest.mark.parametrize("first", [4, 19, 64, 127, 192, 255])
def test_bytes_of_no_known_protocol_are_dropped(guard: DatagramGuard, first: int):
    judge(guard, check())
    assert judge(guard, bytes([first]) + bytes(20)) is Verdict.UNKNOWN_PROTOCOL


def test_what_finds_a_full_queue_is_dropped(guard: DatagramGuard):
    judge(guard, check())
    assert judge(guard, SRTP, queued=QUEUE_MAX - 1) is Verdict.MEDIA
    assert judge(guard, SRTP, queued=QUEUE_MAX) is Verdict.QUEUE_FULL


def test_more_media_than_a_presenter_may_send_is_dropped_and_passes_again_later(guard: DatagramGuard):
    judge(guard, check())
    packet = SRTP + bytes(1000 - len(SRTP))
    passed = [judge(guard, packet) for _ in range(MEDIA_BURST_BYTES // 1000 + 5)]
    assert passed == [Verdict.MEDIA] * (MEDIA_BURST_BYTES // 1000) + [Verdict.TOO_FAST] * 5
    second = [judge(guard, packet, now_s=0.1 * turn) for turn in range(1, 11) for _ in range(1000)]
    assert second.count(Verdict.MEDIA) * 8000 == pytest.approx(MEDIA_BPS_MAX, rel=0.01)


def test_a_strangers_flood_uses_up_nobody_elses_allowance(guard: DatagramGuard):
    judge(guard, check())
    for _ in range(5000):
        judge(guard, SRTP + bytes(1000), STRANGER)
        judge(guard, check("ours:them", "guess"), STRANGER)
    assert judge(guard, SRTP) is Verdict.MEDIA
    assert judge(guard, check()) is Verdict.REQUEST


def test_checks_with_the_right_password_are_rationed_too(guard: DatagramGuard):
    verdicts = [judge(guard, check()) for _ in range(int(CHECKS_BURST) + 1)]
    assert verdicts[-2:] == [Verdict.REQUEST, Verdict.TOO_FAST]
    assert judge(guard, check(), now_s=1.0) is Verdict.REQUEST


def test_malformed_stun_is_dropped(guard: DatagramGuard):
    whole = check()
    wrong_cookie = whole[:4] + b"\0\0\0\0" + whole[8:]
    wrong_fingerprint = whole[:-1] + bytes([whole[-1] ^ 1])
    short_priority = struct.pack("!HHI12s", 1, 8, 0x2112A442, b"t" * 12) + struct.pack("!HH", 0x24, 2) + b"ab\0\0"
    for data in (BAD_LENGTH, whole[:-4], whole + b"\0\0\0\0", wrong_cookie, wrong_fingerprint, short_priority):
        assert judge(guard, data) is Verdict.MALFORMED


def test_a_changed_message_does_not_pass(guard: DatagramGuard):
    whole = bytearray(check()[:-8])  # without the fingerprint, which would notice first
    whole[2:4] = struct.pack("!H", len(whole) - 20)
    assert judge(guard, bytes(whole)) is Verdict.REQUEST
    whole[24] ^= 1
    assert judge(guard, bytes(whole)) is Verdict.UNAUTHENTICATED


def test_the_number_of_proven_addresses_is_bounded(guard: DatagramGuard):
    for port in range(ADDRESSES_MAX + 1):
        judge(guard, check(), ("198.51.100.7", 1000 + port))
    assert not guard.knows(("198.51.100.7", 1000))
    assert guard.knows(("198.51.100.7", 1000 + ADDRESSES_MAX))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_guard_raise_or_pass(data: bytes):
    assert not judge(DatagramGuard(UFRAG, PASSWORD), data).passes
    parse_stun(bytes([0, 1]) + data)


@given(st.integers(0, len(check()) - 9), st.integers(1, 255))  # FINGERPRINT, the last 8, is not signed
def test_a_damaged_check_never_passes(at: int, change: int):
    damaged = bytearray(check())
    damaged[at] ^= change
    assert not judge(DatagramGuard(UFRAG, PASSWORD), bytes(damaged)).passes
