"""Transport-wide feedback, read back by a decoder written from the draft."""

import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from ingest.transport_cc import DELTA_US, REFERENCE_US, STATUSES_MAX, TransportFeedback


def decode(fci: bytes) -> tuple[int, dict[int, int | None]]:
    """Number of the report, and arrival (µs, None: lost) by sequence number."""
    base, count = struct.unpack_from("!HH", fci)
    at_us = int.from_bytes(fci[4:7], "big") * REFERENCE_US
    symbols: list[int] = []
    offset = 8
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", fci, offset)
        offset += 2
        if chunk & 0x8000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
    arrivals: dict[int, int | None] = {}
    for index, symbol in enumerate(symbols[:count]):
        number = (base + index) & 0xFFFF
        arrivals[number] = None
        if symbol:
            size = 1 if symbol == 1 else 2
            delta = fci[offset] if symbol == 1 else struct.unpack_from("!h", fci, offset)[0]
            offset += size
            at_us += delta * DELTA_US
            arrivals[number] = at_us
    assert offset == len(fci)
    return fci[7], arrivals


def test_arrivals_are_told_to_a_quarter_of_a_millisecond():
    feedback = TransportFeedback()
    times = {10: 5_000_000, 11: 5_000_300, 12: 5_070_000, 13: 5_250_000}
    for number, at in times.items():
        feedback.arrived(number, at)
    _, arrivals = decode(feedback.report() or b"")
    assert all(abs((arrivals[number] or 0) - at) <= DELTA_US for number, at in times.items())


def test_lost_packets_are_told_also_between_two_reports():
    feedback = TransportFeedback()
    for number in (65534, 0):
        feedback.arrived(number, 1_000_000)
    assert list(decode(feedback.report() or b"")[1].values()) == [1_000_000, None, 1_000_000]
    feedback.arrived(3, 1_050_000)
    number, arrivals = decode(feedback.report() or b"")
    assert number == 1
    assert [key for key, at in arrivals.items() if at is None] == [1, 2]


def test_nothing_arrived_is_no_report():
    feedback = TransportFeedback()
    assert feedback.report() is None
    feedback.arrived(1, 1)
    feedback.report()
    assert feedback.report() is None


def test_a_long_run_is_split_between_reports():
    feedback = TransportFeedback()
    for number in range(STATUSES_MAX + 10):
        feedback.arrived(number, 1_000_000 + number)
    assert len(decode(feedback.report() or b"")[1]) == STATUSES_MAX
    assert len(decode(feedback.report() or b"")[1]) == 10


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.integers(0, 65535))
def test_any_pattern_of_loss_and_jitter_is_read_back(seed: int, loss: float, first: int):
    chance = random.Random(seed)
    feedback = TransportFeedback()
    at, told = 9_000_000, {}
    for number in range(first, first + 200):
        at += chance.randint(0, 90_000)
        if chance.random() >= loss:
            told[number & 0xFFFF] = at + chance.randint(-20_000, 20_000)
            feedback.arrived(number & 0xFFFF, told[number & 0xFFFF])
    report = feedback.report()
    if report is None:
        assert not told
        return
    _, arrivals = decode(report)
    heard = {number: when for number, when in arrivals.items() if when is not None}
    assert heard.keys() == told.keys()
    assert all(abs(heard[number] - told[number]) <= DELTA_US for number in told)
