"""What a receiver report says."""

from ingest.arrivals import Arrivals
from plenum.rtcp import SenderReport
from plenum.rtp import RtpPacket


def packet(sequence: int, timestamp: int = 0) -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1, b"x")


def test_loss_is_counted_since_the_report_before():
    arrivals = Arrivals(90_000)
    for sequence in (65534, 65535, 1):  # 0 is missing
        arrivals.add(packet(sequence), 0)
    first = arrivals.report(1, 0)
    assert (first.packets_lost, first.fraction_lost, first.highest_sequence) == (1, 64, 65537)
    for sequence in range(2, 12):
        arrivals.add(packet(sequence), 0)
    second = arrivals.report(1, 0)
    assert (second.packets_lost, second.fraction_lost) == (1, 0)


def test_duplicates_never_make_the_loss_of_an_interval_negative():
    arrivals = Arrivals(90_000)
    for _ in range(5):
        arrivals.add(packet(7), 0)
    assert (arrivals.report(1, 0).fraction_lost, arrivals.interval_loss) == (0, 0.0)


def test_jitter_is_the_mean_deviation_in_ticks():
    arrivals = Arrivals(90_000)
    for number in range(200):
        late_us = 1000 * (number % 2)
        arrivals.add(packet(number, number * 3000), number * 100_000 // 3 + late_us)
    assert 80 <= arrivals.report(1, 0).jitter <= 92  # 1 ms is 90 ticks


def test_the_last_sender_report_is_quoted_with_its_age():
    arrivals = Arrivals(48_000)
    arrivals.add(packet(1), 0)
    assert arrivals.report(1, 5).since_last_report == 0
    arrivals.sender_reported(SenderReport(1, 0x11112222_33334444, 0), 1_000_000)
    report = arrivals.report(1, 1_500_000)
    assert (report.last_report, report.since_last_report) == (0x22223333, 32768)
