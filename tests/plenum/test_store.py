"""The embedded Valkey and the script loader, on the real server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plenum.errors import Unavailable
from plenum.store import Embedded, ScriptBook, check_policy, connect, short_socket_path


async def test_an_acknowledged_write_survives_kill_nine(tmp_path: Path) -> None:
    server = Embedded(tmp_path)
    async with server:
        redis = connect(server.url)
        for number in range(200):
            await redis.set(f"k{number}", number)
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        await server.restart()
        assert await redis.dbsize() == 200
        await redis.aclose()


async def test_what_the_store_writes_is_for_our_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o755)
    async with Embedded(folder) as server:
        redis = connect(server.url)
        await redis.set("code", "secret")
        await redis.aclose()
        assert (folder / "appendonlydir").is_dir()
        open_to_others = [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []


async def test_a_folder_belongs_to_one_server(tmp_path: Path) -> None:
    async with Embedded(tmp_path):
        with pytest.raises(Unavailable) as caught:
            await Embedded(tmp_path).start()
    assert caught.value.code == "store_locked"


async def test_the_embedded_server_evicts_nothing(tmp_path: Path) -> None:
    async with Embedded(tmp_path) as server:
        redis = connect(server.url)
        await check_policy(redis)
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(Unavailable) as caught:
            await check_policy(redis)
        await redis.aclose()
    assert caught.value.code == "evicting_store"


async def test_a_script_is_known_again_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "add.lua").write_text("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    book = ScriptBook(tmp_path / "s")
    assert "add" in book
    async with Embedded(tmp_path / "d") as server:
        redis = connect(server.url)
        assert await book.run(redis, "add", ["n"], [2]) == 2
        await redis.script_flush()
        assert await book.run(redis, "add", ["n"], [3]) == 5
        await redis.aclose()


def test_no_server_is_left_behind_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, pathlib\nfrom plenum.store import Embedded\n"
        "async def main():\n    server = Embedded(pathlib.Path(sys.argv[1])); await server.start()\n"
        "    print(server.pid, flush=True); await asyncio.sleep(60)\nasyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        waiting = os.pidfd_open(child)
        parent.kill()
    import select

    ready, _, _ = select.select([waiting], [], [], 5)
    os.close(waiting)
    assert ready, "the server outlived its parent"


def test_a_deep_folder_still_gets_a_socket_that_fits(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    path = short_socket_path(deep, "valkey.sock")
    assert len(os.fsencode(path)) <= 107
    assert short_socket_path(deep, "valkey.sock") == path
    assert short_socket_path(Path("/a"), "b") == Path("/a/b")
