from __future__ import annotations

from ingest.capture_wall import CaptureWall


def test_the_lead_is_taken_off_from_the_first_segment_on() -> None:
    wall = CaptureWall(1_000_000_000)
    wall.want(80_000)
    assert wall.wall_us(0, 2_000_000) == 1_000_000_000 + 2_000_000 - 80_000


def test_all_renditions_get_the_same_answer_for_a_segment() -> None:
    wall = CaptureWall(0)
    first = wall.wall_us(0, 0)
    wall.want(300_000)
    assert wall.wall_us(0, 0) == first


def test_a_change_is_spread_over_segments() -> None:
    wall = CaptureWall(0)
    wall.wall_us(0, 0)
    wall.want(250_000)
    assert [-wall.wall_us(msn, 0) for msn in (1, 2, 3, 4)] == [100_000, 200_000, 250_000, 250_000]


def test_a_presenter_whose_clock_is_wrong_is_not_believed() -> None:
    wall = CaptureWall(0)
    wall.want(50_000)
    wall.want(-40_000)
    wall.want(3_600_000_000)
    assert wall.wall_us(0, 0) == -50_000


def test_a_rendition_that_lags_by_a_segment_is_still_answered_alike() -> None:
    wall = CaptureWall(0)
    before = wall.wall_us(0, 0)
    for msn in range(1, 20):
        wall.want(msn * 20_000)
        ahead = wall.wall_us(msn, 0)
        assert wall.wall_us(msn - 1, 0) == before
        before = ahead
