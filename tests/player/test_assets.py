"""The pages as a browser asks for them: types, caching, compression, and no way to any other file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from player.assets import IMMUTABLE, PAGES, Assets, same, takes_gzip
from plenum.errors import Unavailable
from plenum.web import application

SCRIPT = b"console.log('a script that is long enough to be worth packing');" * 20


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    for page in PAGES.values():
        (folder / page).write_text(f"<!doctype html><title>{page}</title>")
    (folder / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "inter-9z.woff2").write_bytes(b"wOF2")
    (tmp_path / "secret.js").write_text("never")
    return folder


@pytest.fixture
async def client(dist: Path):
    app = application()
    app.add_routes(Assets(dist).routes())
    async with TestClient(TestServer(app), auto_decompress=False) as browser:
        yield browser


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/", "index.html"),
        ("/watch/town-hall", "watch.html"),
        ("/studio/a", "studio.html"),
        ("/console/a", "console.html"),
    ],
)
async def test_each_address_has_its_page(client: TestClient, address: str, page: str):
    answer = await client.get(address)
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert page in await answer.text()


async def test_pages_are_asked_for_again_and_assets_never(client: TestClient):
    assert (await client.get("/")).headers["Cache-Control"] == "no-cache"
    assert (await client.get("/assets/index-1a2b.js")).headers["Cache-Control"] == IMMUTABLE


async def test_what_the_browser_has_already_is_not_sent_again(client: TestClient):
    first = await client.get("/", headers={"Accept-Encoding": "identity"})
    second = await client.get("/", headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "identity"})
    assert second.status == 304
    assert await second.read() == b""


async def test_a_browser_that_takes_gzip_gets_it_as_it_was_packed_at_build_time(client: TestClient):
    answer = await client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.content_type == "text/javascript"
    assert gzip.decompress(await answer.read()) == SCRIPT


async def test_plain_and_packed_have_different_tags(client: TestClient):
    packed = await client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert await plain.read() == SCRIPT
    assert plain.headers["ETag"] != packed.headers["ETag"]


async def test_what_was_not_packed_is_sent_as_it_is(client: TestClient):
    answer = await client.get("/assets/inter-9z.woff2", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.content_type == "font/woff2"


@pytest.mark.parametrize(
    "name",
    ["unknown.js", "index-1a2b.js.gz", "..%2Findex.html", "..%2F..%2Fsecret.js", "%2Fetc%2Fpasswd", "index-1a2b.js%00"],
)
async def test_only_names_in_the_table_are_served(client: TestClient, name: str):
    async with ClientSession() as raw:
        answer = await raw.get(str(client.make_url("/assets/")) + name, allow_redirects=False)
        assert answer.status == 404
        assert (await answer.json(content_type=None))["code"] in ("no_such_asset", "not_found")


async def test_pages_come_with_the_strict_policy(client: TestClient):
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


async def test_a_head_request_has_no_body(client: TestClient):
    answer = await client.head("/assets/index-1a2b.js")
    assert answer.status == 200
    assert await answer.read() == b""


def test_without_built_pages_the_server_says_what_to_do(tmp_path: Path):
    with pytest.raises(Unavailable, match="make pages") as error:
        Assets(tmp_path)
    assert error.value.code == "pages_not_built"


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("br, deflate", False),
        ("", False),
    ],
)
def test_accept_encoding_is_read_with_its_weights(accepted: str, takes: bool):
    assert takes_gzip(accepted) is takes


def test_a_tag_that_a_proxy_made_weak_is_still_ours():
    assert same('W/"abc"', '"abc"')
    assert same('"x", "abc"', '"abc"')
    assert not same('"ab"', '"abc"')
    assert not same("", '"abc"')
