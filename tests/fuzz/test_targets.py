"""Every target runs over its seeds and some thousands of changed ones, so that none rots; and it finds what is wrong."""

import importlib
import random
import time

import pytest

from plenum.errors import BadInput
from tests.fuzz.allowance import TooSlow, only, run_once
from tests.fuzz.mutate import mutants
from tests.fuzz.pieces import join, split
from tests.fuzz.targets import TARGETS, load

MUTANTS = 500
"""For each target: all of them together stay below ten seconds. The search is `make fuzz`'s."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_uncaught_comes_of_the_seeds_and_their_mutants(name: str) -> None:
    target = load(name)
    for data in (*target.seeds, *mutants(target.seeds, target.tokens, MUTANTS, target.max_len, random.Random(name))):
        try:
            run_once(target.run, data, limit_s=0.25)  # a busy machine; `make fuzz` holds to the real limit
        except Exception as error:
            error.add_note(f"{name}: {data!r}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_fits_into_its_target(name: str) -> None:
    target = load(name)
    assert target.seeds
    assert max(map(len, target.seeds)) <= target.max_len


BREAKS = {
    # What a target must see: the function that it feeds fails in an untyped way.
    "stun": "plenum.datagrams.parse_stun",
    "rtp": "plenum.rtp._find_one_byte",
    "rtcp": "plenum.rtcp._nacked",
    "rtp_stream": "plenum.rtp_stream._fragments",
    "offer": "plenum.offer._is_fingerprint",
    "frames": "ingest.frames._aggregated",
    "reorder": "ingest.reorder.Reorder._gives_up",
    "reception": "ingest.transport_cc.TransportFeedback._encode",
    "picture_size": "ingest.picture_size._skip_high_fields",
    "samples": "ingest.rtp_clock.ntp_to_unix_us",
    "control": "ingest.control._to_ingest",
    "output": "ingest.output_check.OutputCheck._check_place",
    "cmaf": "ingest.cmaf._elementary_stream",
    "feed": "sfu.window.Track._bridge",
    "feed_client": "plenum.wire._client_decoder",
    "playlist_query": "sfu.directives.advance_part_limit",
    "masking": "plenum.masking._payload_size",
    "qna_protocol": "qna.protocol._echo",
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_defect_behind_a_target_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = load(name)

    def broken(*_: object, **__: object) -> object:
        raise IndexError("a defect")

    broken.decode = broken  # type: ignore[attr-defined]
    monkeypatch.setattr(BREAKS[name], broken)
    with pytest.raises(IndexError):
        for seed in target.seeds:
            target.run(seed)


def test_an_error_that_is_not_documented_is_a_finding() -> None:
    with only("bad_rtp"):
        raise BadInput("documented", code="bad_rtp")
    with pytest.raises(BadInput), only("bad_rtp"):
        raise BadInput("another", code="bad_frame")


def test_an_input_that_takes_too_long_every_time_is_a_finding() -> None:
    def slow(data: bytes) -> None:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass

    run_once(slow, b"", limit_s=0.5)
    with pytest.raises(TooSlow):
        run_once(slow, b"", limit_s=0.01)


def test_one_slow_run_is_the_garbage_collectors() -> None:
    runs: list[bytes] = []

    def slow_at_first(data: bytes) -> None:
        runs.append(data)
        until = time.thread_time() + (0.02 if len(runs) == 1 else 0)
        while time.thread_time() < until:
            pass

    run_once(slow_at_first, b"", limit_s=0.01)
    assert len(runs) == 2


def test_pieces_come_back_as_they_were() -> None:
    assert split(join([b"", b"a", b"bc" * 200])) == [b"", b"a", b"bc" * 200]
    assert split(b"\0\5ab") == [b"ab"]
    assert split(b"\0") == []


def test_mutants_are_the_same_every_time_and_not_the_seeds() -> None:
    def made() -> list[bytes]:
        return list(mutants([b"seed"], [b"token"], 200, 64, random.Random(1)))

    assert made() == made()
    assert len(set(made())) > 100
    assert max(map(len, made())) <= 64


def test_every_target_has_its_module_and_every_module_is_a_target() -> None:
    from pathlib import Path

    modules = {path.stem.removeprefix("target_") for path in Path(__file__).parent.glob("target_*.py")}
    assert modules == set(TARGETS) == set(BREAKS)
    assert all(importlib.import_module(f"tests.fuzz.target_{name}").__doc__ for name in TARGETS)
