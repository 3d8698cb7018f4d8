"""How a programme goes on from what it remembers: no number twice, the same time line where that is possible."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.record import (
    AGE_MAX_S,
    INIT_AHEAD,
    MSN_AHEAD,
    Now,
    Plan,
    Record,
    begun,
    continued,
    exact,
    next_run,
    reserved,
    resumed,
    unreadable,
)
from plenum.media import SEGMENT_S

NOW = Now(monotonic_us=5_000_000, wall_us=1_700_000_000_000_000, boot="a")
LATER = Now(monotonic_us=65_000_000, wall_us=1_700_000_060_000_000, boot="a")


def running(**changes: object) -> Record:
    return msgspec.structs.replace(begun(Record("town-hall"), NOW), **changes)


def test_time_zero_is_when_somebody_is_on_air_for_the_first_time() -> None:
    record = begun(Record("town-hall"), NOW)
    assert (record.epoch, record.zero_us, record.zero_wall_us) == (1, NOW.monotonic_us, NOW.wall_us)
    assert record.started_at_ms == 1_700_000_000_000
    assert record.is_running


def test_an_event_that_nobody_opened_and_one_that_is_over_do_not_run() -> None:
    assert not Record("town-hall").is_running
    assert not running(ended_at_ms=1).is_running


def test_on_the_same_boot_the_time_line_goes_on() -> None:
    assert continued(running(), LATER) == running()


def test_after_a_reboot_a_new_epoch_begins_and_the_numbers_go_on() -> None:
    rebooted = Now(monotonic_us=1_000_000, wall_us=LATER.wall_us, boot="b")
    record = continued(running(msn=40, init_id=3), rebooted)
    assert (record.epoch, record.zero_us, record.zero_wall_us) == (2, 1_000_000, LATER.wall_us)
    assert (record.msn, record.init_id) == (40, 3)
    assert record.started_at_ms == running().started_at_ms


def test_a_machine_without_a_boot_id_never_claims_to_be_the_same() -> None:
    assert continued(running(boot=""), msgspec.structs.replace(LATER, boot="")).epoch == 2


def test_a_wall_clock_that_was_set_is_followed_and_one_that_drifts_is_not() -> None:
    hour_us = 3_600_000_000
    moved = continued(running(), msgspec.structs.replace(LATER, wall_us=LATER.wall_us + hour_us))
    assert moved.zero_wall_us == NOW.wall_us + hour_us
    drifted = continued(running(), msgspec.structs.replace(LATER, wall_us=LATER.wall_us + 500_000))
    assert drifted.zero_wall_us == NOW.wall_us


def test_each_transcoder_gets_new_numbers_and_the_same_zero() -> None:
    record, first = next_run(running(title="Town hall", language="de"), Plan(("720p",), 0, "superfast"))
    assert (first.first_msn, first.init_id, first.discontinuity, first.fps) == (1, 1, False, 0)
    assert (first.title, first.language, first.ladder) == ("Town hall", "de", ("720p",))
    _, second = next_run(msgspec.structs.replace(record, msn=17, fps=25), Plan())
    assert (second.first_msn, second.init_id, second.discontinuity, second.fps) == (18, 2, True, 25)
    assert (second.zero_us, second.epoch) == (first.zero_us, first.epoch)


def test_the_setting_decides_about_the_rate() -> None:
    assert next_run(running(fps=25), Plan(fps=30))[1].fps == 30


def test_what_is_written_covers_numbers_not_yet_in_use() -> None:
    written = reserved(running(msn=10, init_id=2), 100.0)
    assert (written.msn, written.init_id, written.closed) == (10 + MSN_AHEAD, 2 + INIT_AHEAD, False)


def test_after_a_graceful_stop_the_numbers_go_on_without_a_hole_however_long_it_took() -> None:
    assert resumed(exact(running(msn=10), 100.0), 100_000.0).msn == 10


def test_a_file_older_than_the_reservation_reaches_is_aged() -> None:
    written = reserved(running(msn=10), 100.0)
    assert resumed(written, 100.0 + 2 * SEGMENT_S).msn == 10 + MSN_AHEAD
    assert resumed(written, 100.0 + 30 * SEGMENT_S).msn >= 10 + 30
    assert resumed(written, 100.0 + 10 * AGE_MAX_S).msn <= 10 + MSN_AHEAD + AGE_MAX_S / SEGMENT_S + 1


def test_a_wall_clock_set_back_takes_no_number_away() -> None:
    assert resumed(reserved(running(msn=10), 1_000.0), 10.0).msn == 10 + MSN_AHEAD


@given(msn=st.integers(0, 10_000), stalled_s=st.floats(0, AGE_MAX_S), down_s=st.floats(0, 1_000))
def test_no_number_comes_twice_however_long_the_disk_stood(msn: int, stalled_s: float, down_s: float) -> None:
    written = reserved(running(msn=msn), 50.0)
    in_use = msn + int(stalled_s / SEGMENT_S)
    assert resumed(written, 50.0 + stalled_s + down_s).msn >= min(in_use, msn + int(AGE_MAX_S / SEGMENT_S))


@pytest.mark.parametrize("field", ["msn", "init_id", "epoch"])
def test_in_place_of_a_damaged_file_come_numbers_that_nobody_counted_to(field: str) -> None:
    assert getattr(unreadable("town-hall", 1_700_000_000.0), field) == 1_700_000_000


def test_a_damaged_record_runs_on_in_a_new_epoch() -> None:
    record = unreadable("town-hall", 1_700_000_000.0)
    assert record.is_running
    assert continued(record, LATER).epoch == record.epoch + 1
