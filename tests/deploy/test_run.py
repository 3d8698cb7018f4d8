"""`plenum run` as a process of its own, with all of its children; one platform for every look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from deploy.cli import app
from loadtests.running_platform import Platform

SECRET = "a very good secret from a file"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "data").mkdir(mode=0o755)
    running = Platform(folder / "data", env={"PLENUM_AUTH__SECRET_FILE": str(folder / "secret")})
    await running.start()
    yield running
    with suppress(ProcessLookupError):  # the last test has stopped it
        await running.stop()


async def command(platform: Platform, *arguments: str) -> tuple[int, str, str]:
    options = [*arguments, "--data-dir", str(platform.data_dir)]
    result = await asyncio.to_thread(CliRunner().invoke, app, options)
    return result.exit_code, result.stdout, result.stderr


async def test_the_platform_runs_with_its_secret_in_a_file(platform: Platform) -> None:
    assert platform.find("deploy.process front")
    assert not (platform.data_dir / "secret.key").exists()
    assert await command(platform, "event", "list", "--json") == (0, "[]\n", "")


async def test_what_it_keeps_is_for_our_user_alone(platform: Platform) -> None:
    store = platform.data_dir / "store"
    kept = [platform.data_dir, platform.data_dir / "run", store, *store.rglob("*")]
    assert any(path.suffix == ".aof" for path in kept)
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


async def test_who_reads_what_strangers_send_knows_no_secret(platform: Platform) -> None:
    for name in ("ingest.peer", "ingest.transcoder"):
        pids = platform.find(name)
        assert pids
        for pid in pids:
            assert b"PLENUM_" not in Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_token_is_made_for_an_event_that_there_is(platform: Platform) -> None:
    status, _, error = await command(platform, "token", "create", "--event", "typo", "--role", "viewer")
    assert (status, "unknown_event" in error) == (1, True)
    await command(platform, "event", "create", "Town hall")
    event = (await command(platform, "event", "list", "--json"))[1].partition('"id": "')[2].partition('"')[0]
    status, token, error = await command(platform, "token", "create", "--event", event, "--role", "viewer")
    assert (status, token.count("."), error) == (0, 2, "")


async def test_its_settings_are_gone_when_it_has_ended(platform: Platform) -> None:
    assert (platform.data_dir / "run" / "settings.json").exists()
    await platform.stop()
    assert not (platform.data_dir / "run" / "settings.json").exists()
