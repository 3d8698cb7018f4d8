"""The pages' reader of the feed (player/src/core/wire.ts) and ours agree on the same bytes.

`feed_messages.json` holds whole messages with what they mean; player/test/core/wire.test.ts reads the same file. After a
change of the layout: python -m tests.player.test_feed_messages
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import (
    Bye,
    Flag,
    Header,
    Kind,
    Move,
    Selected,
    pack,
    pack_bye,
    pack_end,
    pack_init,
    pack_move,
    pack_padding,
    pack_part,
    pack_programme,
    pack_selected,
    unpack,
)

FILE = Path(__file__).with_name("feed_messages.json")

VIDEO = Rendition(0, "720p", RenditionKind.VIDEO, 1_800_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
AUDIO = Rendition(4, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
PROGRAMME = Programme((VIDEO, AUDIO), ProgrammeState.LIVE, 7, on_air="Zoë Müller", started_at_ms=1_795_000_000_123)


def _part(**change: Any) -> Part:
    values: dict[str, Any] = {
        "rendition": 0,
        "init_id": 3,
        "epoch": 7,
        "msn": 4711,
        "index": 9,
        "start": 848_340_000_000,
        "duration": 18_000,
        "wall_us": 1_795_000_000_123_456,
        "independent": False,
        "last": True,
        "discontinuity": False,
        "data": b"moof and mdat",
    }
    return Part(**(values | change))


MESSAGES: dict[str, bytes] = {
    "an init segment": pack_init(Init(4, 0xFFFF_FFFF, 7, b"ftyp and moov")),
    "the last part of a segment": pack_part(_part()),
    "the first part after a new encoder": pack_part(
        _part(msn=4712, index=0, independent=True, last=False, discontinuity=True)
    ),
    "a part that began before 1970": pack_part(_part(wall_us=-1)),
    "a gap": pack(Header(Kind.GAP, rendition=0, epoch=7, msn=4713, part=2)),
    "a programme": pack_programme(PROGRAMME),
    "the end": pack_end(7),
    "a farewell": pack_bye(Bye("restarting", retry_ms=200)),
    "a selection": pack_selected(Selected("480p", abandoned=True, why="slow"), 1),
    "a move": pack_move(Move("draining", within_ms=8_000)),
    "padding": pack_padding(3),
}


def _described(name: str, message: bytes) -> dict[str, Any]:
    header, payload = unpack(message)
    return {
        "name": name,
        "message": message.hex(),
        "kind": header.kind.name,
        "rendition": header.rendition,
        "independent": Flag.INDEPENDENT in header.flags,
        "last": Flag.LAST in header.flags,
        "discontinuity": Flag.DISCONTINUITY in header.flags,
        "init_id": header.init_id,
        "epoch": header.epoch,
        "msn": header.msn,
        "part": header.part,
        "duration": header.duration,
        "start": header.start,
        "wall_us": header.wall_us,
        "payload": bytes(payload).hex(),
    }


def _all() -> list[dict[str, Any]]:
    return [_described(name, message) for name, message in MESSAGES.items()]


@pytest.mark.parametrize("expected", json.loads(FILE.read_text()) if FILE.exists() else [], ids=lambda one: one["name"])
def test_a_message_that_the_pages_can_read_is_what_we_send(expected: dict[str, Any]):
    assert _described(expected["name"], MESSAGES[expected["name"]]) == expected


def test_the_pages_are_tested_with_every_message():
    assert [one["name"] for one in json.loads(FILE.read_text())] == list(MESSAGES)


if __name__ == "__main__":
    FILE.write_text(json.dumps(_all(), indent=1) + "\n")
