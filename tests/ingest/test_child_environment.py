"""What the real children of an ingest find in their environment and on their command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.control import Stop, encode_control
from ingest.peers import Peers
from ingest.service import Ingest
from ingest.spare_transcoder import COMMAND, spawn
from plenum.clock import SystemClock
from plenum.rtc_binding import MediaBinding
from plenum.settings import DvrSettings, LogSettings, MediaSettings, RtcSettings
from plenum.web import Gate
from tests.ingest.running_ingest import SIGNER, TENANT

SECRETS = {
    "PLENUM_AUTH__SECRET": "a very good secret",
    "PLENUM_AUTH__SECRET_FILE": "/run/secrets/plenum",
    "PLENUM_REDIS__URL": "redis://:hunter2@store",
    "REDIS_URL": "redis://:hunter2@store",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "Europe/Berlin")


def environment(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def assert_harmless(found: dict[str, str]) -> None:
    assert found["TZ"] == "Europe/Berlin"
    assert [name for name in found if name.startswith("PLENUM_") or name == "REDIS_URL"] == []


async def test_a_transcoder_inherits_no_secret() -> None:
    spawned = await spawn()
    try:
        assert_harmless(environment(spawned.process.pid))
    finally:
        spawned.discard()
        await spawned.process.wait()


async def test_a_peer_inherits_no_secret() -> None:
    peers = Peers(MediaBinding())
    await peers.start()
    try:
        assert_harmless(environment((await peers._next_spare()).pid))
    finally:
        await peers.close()


async def test_peers_and_transcoders_log_as_the_platform_does(tmp_path: Path) -> None:
    clock = SystemClock()
    ingest = Ingest(
        data_dir=tmp_path,
        gate=Gate(SIGNER, TENANT, clock),
        clock=clock,
        media=MediaSettings(),
        rtc=RtcSettings(),
        dvr=DvrSettings(),
        bind=["127.0.0.1"],
        log=LogSettings(level="error", format="console"),
    )
    await ingest.start()
    try:
        peer = await ingest._peers._next_spare()
        transcoder = await ingest._programmes._spares.take()
        try:
            for pid in (peer.pid, transcoder.process.pid):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                assert words[words.index("--log-level") + 1] == "error"
                assert words[words.index("--log-format") + 1] == "console"
        finally:
            transcoder.discard()
            await transcoder.process.wait()
    finally:
        await ingest.close()


@pytest.mark.parametrize(("style", "is_json"), [("json", True), ("console", False)])
async def test_a_transcoder_writes_its_lines_as_it_is_told(
    capfd: pytest.CaptureFixture[str], style: str, is_json: bool
) -> None:
    spawned = await spawn((*COMMAND, "--log-level", "error", "--log-format", style))
    try:
        spawned.control.send(encode_control(Stop()))  # not what comes first: refused, with a line
        assert await spawned.process.wait() == 1
    finally:
        spawned.discard()
    [line] = [line for line in capfd.readouterr().out.splitlines() if "transcoder_refused" in line]
    assert line.startswith("{") is is_json
