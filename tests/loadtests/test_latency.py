"""Figures of the latency benchmark; the measurement itself runs in tests/system."""

from __future__ import annotations

import pytest

from loadtests.bench.latency import summary


def test_the_middle_and_the_late_ones_are_told() -> None:
    latency = summary("push", {"delays": [*range(400, 600)], "unread": 3, "stalls": 1})
    assert latency.p50_ms == pytest.approx(499.5)
    assert latency.p95_ms == pytest.approx(589, abs=2)
    assert (latency.largest_ms, latency.unread, latency.stalls, latency.frames) == (599, 3, 1, 200)


def test_a_viewer_who_saw_no_readable_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="no picture"):
        summary("hls", {"delays": [], "unread": 50, "stalls": 0})
