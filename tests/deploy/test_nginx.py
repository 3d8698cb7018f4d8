"""nginx in front, for real: what passes, what is kept for all, what is believed, who is cut off."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy import assemble
from deploy.cli import app
from deploy.reverse_proxy import Site, configuration, site
from plenum.errors import BadInput
from plenum.media import Programme
from plenum.settings import ServerSettings
from plenum.wire import SUBPROTOCOL, Kind, Subscribe, encode_client, unpack
from tests.deploy.nginx_stage import EVENT, HEADER_TIMEOUT_S, Behind, Nginx, NoPages, behind_nginx
from tests.sfu.conformance.follow import Follower
from tests.sfu.feed_media import Film
from tests.sfu.feed_programme import make_programme
from tests.sfu.llhls_check import fetcher

PACE_S = 0.02
"""Between two messages of the feed: faster than in life."""
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
H2_SETTINGS = 4


@pytest.fixture(scope="module")
def made() -> tuple[Programme, Film]:
    return make_programme()


@pytest.fixture
async def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Behind]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assemble, "Assets", NoPages)
    async with behind_nginx(tmp_path) as stage:
        yield stage


@pytest.fixture
async def live(behind: Behind, made: tuple[Programme, Film]) -> AsyncIterator[Behind]:
    """Three whole segments are there; `keep_telling` goes on from them."""
    behind.origin.programme, film = made
    async with watching(behind) as socket:  # keeps the relay
        await socket.send_str(encode_client(Subscribe(("audio",))))
        await socket.receive(5)
        await behind.origin.begin(film, 3)
        await until_position(behind, (2, 9))
        yield behind


def watching(behind: Behind) -> aiohttp.client._WSRequestContextManager:
    return behind.http.ws_connect(f"/live/{EVENT}/feed", protocols=(SUBPROTOCOL,), max_msg_size=0)


async def until_position(behind: Behind, at: tuple[int, int]) -> None:
    url = f"{behind.hls}/240p/media.m3u8?_HLS_msn={at[0]}&_HLS_part={at[1]}"
    async with behind.http.get(url) as answer:
        assert answer.status == 200


def asked_of_the_front() -> float:
    """Bytes that the front sent to those who pull."""
    return REGISTRY.get_sample_value("plenum_edge_sent_bytes_total", {"transport": "hls"}) or 0.0


async def test_nginx_takes_what_we_write(tmp_path: Path) -> None:
    tested = await Nginx(tmp_path, ["127.0.0.1:8080", "[::1]:8081", "unix:/run/plenum/front.sock"]).run("-t")
    _, said = await tested.communicate()
    assert (tested.returncode, b"warn" in said) == (0, False), said.decode()


async def test_browsers_get_http2(behind: Behind) -> None:
    trust = behind.nginx.trust
    trust.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection("localhost", behind.nginx.port, ssl=trust)
    tls = writer.get_extra_info("ssl_object")
    assert (tls.selected_alpn_protocol(), tls.version()) == ("h2", "TLSv1.3")
    writer.write(H2_PREFACE)
    assert (await reader.readexactly(9))[3] == H2_SETTINGS
    writer.close()


async def test_tls_before_1_2_is_refused(behind: Behind) -> None:
    old = behind.nginx.trust
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"protocol version|unsupported"):
        await asyncio.open_connection("localhost", behind.nginx.port, ssl=old)


async def test_plain_http_is_sent_on_and_other_names_are_refused(behind: Behind) -> None:
    plain = f"http://127.0.0.1:{behind.nginx.http_port}/watch/demo?a=1"
    async with aiohttp.ClientSession() as http, http.get(plain, allow_redirects=False) as answer:
        assert answer.status == 308
        assert answer.headers["Location"] == f"{behind.nginx.url}/watch/demo?a=1"
    async with behind.http.get("/api/v1/session", headers={"Host": "elsewhere.example"}) as answer:
        assert answer.status == 421
    async with behind.http.get("/api/v1/session") as answer:
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_the_feed_passes(live: Behind) -> None:
    async with watching(live) as socket:
        await socket.send_str(encode_client(Subscribe(("240p",))))
        kinds = [unpack((await socket.receive(5)).data)[0].kind for _ in range(3)]
    assert kinds == [Kind.RENDITIONS, Kind.INIT, Kind.PART]


async def test_question_sockets_pass(behind: Behind) -> None:
    async with behind.http.ws_connect(f"/qna/{EVENT}/socket", protocols=("plenum.qna.1",)) as socket:
        assert socket.protocol == "plenum.qna.1"


async def test_a_blocking_reload_is_held_and_answered_with_the_part(live: Behind, made: tuple[Programme, Film]) -> None:
    asking = asyncio.create_task(fetched(live, "/240p/media.m3u8?_HLS_msn=3&_HLS_part=0"))
    await asyncio.sleep(0.2)
    assert not asking.done()
    for message in made[1].parts(3):
        await live.origin.tell(message)
    status, body, _ = await asking
    assert (status, b"3.0.m4s" in body) == (200, True)


async def test_what_never_changes_is_asked_of_the_front_once(live: Behind) -> None:
    for path in ("/240p/2.3.m4s", "/240p/2.m4s", "/240p/init-1.mp4"):
        first = await fetched(live, path)
        before = asked_of_the_front()
        assert await fetched(live, f"{path}?CMCD=br%3D1") == (200, first[1], "HIT")
        assert asked_of_the_front() == before
        assert first[2] == "MISS"


async def test_files_of_recordings_are_not_fetched_whole_into_the_cache(live: Behind) -> None:
    assert (await fetched(live, "/240p/dvr-1.mp4"))[2] == ""


@pytest.mark.alone
async def test_a_herd_on_a_part_costs_the_front_one_request_and_nobody_half_a_second(live: Behind) -> None:
    before, began = asked_of_the_front(), time.monotonic()
    answers = await asyncio.gather(*(fetched(live, "/240p/2.4.m4s") for _ in range(60)))
    size = len(answers[0][1])
    assert {(status, len(body)) for status, body, _ in answers} == {(200, size)}
    assert asked_of_the_front() - before < 10 * size
    assert time.monotonic() - began < 0.45


async def test_refusals_are_not_kept(live: Behind, made: tuple[Programme, Film]) -> None:
    assert (await fetched(live, "/240p/3.m4s"))[0] == 404
    for msn in (3, 4):
        for message in made[1].parts(msn):
            await live.origin.tell(message)
    await until_position(live, (4, 0))
    assert (await fetched(live, "/240p/3.m4s"))[0] == 200


async def test_pull_through_nginx_breaks_no_rule(live: Behind, made: tuple[Programme, Film]) -> None:
    film = made[1]

    async def tell() -> None:
        for msn in range(3, film.length):
            for message in film.parts(msn):
                await asyncio.sleep(PACE_S)
                await live.origin.tell(message)
        await live.origin.end()

    telling = asyncio.create_task(tell())
    follower = Follower(fetcher(live.http), f"{live.nginx.url}{live.hls}/index.m3u8", time.monotonic)
    await follower.run(20)
    await telling
    assert dict(follower.tally.kept) == {}
    assert follower.counts.segments == 3 * film.length


async def test_who_a_client_claims_to_be_is_not_believed(behind: Behind) -> None:
    """Twenty wrong links a minute and address: twenty-one, each with another claim."""

    async def led(n: int) -> str:
        claims = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded"), f"198.51.100.{n}")
        async with behind.http.get("/j/nonsense", headers=claims, allow_redirects=False) as answer:
            return answer.headers["Location"]

    assert [await led(n) for n in range(21)] == ["/?error=link_invalid"] * 20 + ["/?error=rate_limited"]


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_who_never_ends_a_header_is_cut_off(behind: Behind, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("localhost", behind.nginx.port, ssl=behind.nginx.trust)
    writer.write(sent)
    with_an_answer_or_without = await asyncio.wait_for(_to_the_end(reader), HEADER_TIMEOUT_S + 2)
    assert b" 200 " not in with_an_answer_or_without
    writer.close()


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def fetched(behind: Behind, path: str) -> tuple[int, bytes, str]:
    async with behind.http.get(behind.hls + path, headers={"Accept-Encoding": "identity"}) as answer:
        return answer.status, await answer.read(), answer.headers.get("X-Cache-Status", "")


def test_the_command_prints_a_configuration_for_the_settings() -> None:
    options = ("--cert", "/etc/c.pem", "--key", "/etc/k.pem", "--public-url", "https://live.example.org:8443")
    done = CliRunner().invoke(app, ["nginx", *options, "--upstream", "10.0.0.1:80", "--upstream", "10.0.0.2:80"])
    assert done.exit_code == 0
    for wanted in (
        "server_name live.example.org;",
        "listen [::]:8443 ssl",
        "server 10.0.0.1:80;\n    server 10.0.0.2:80",
    ):
        assert wanted in done.stdout
    assert "@" not in done.stdout
    assert "--tls proxy" in done.stderr


@pytest.mark.parametrize(
    ("server", "cert"),
    [(ServerSettings(), Path("c")), (ServerSettings(public_url="https://a.example"), None)],
)
def test_what_is_missing_is_said(server: ServerSettings, cert: Path | None) -> None:
    with pytest.raises(BadInput) as caught:
        site(server, cert, cert, [])
    assert caught.value.code == "bad_nginx_value"


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Site("a; return 200", Path("/c"), Path("/k"), ["h:1"]),
        lambda: Site("a", Path("/c d"), Path("/k"), ["h:1"]),
        lambda: Site("a", Path("/c"), Path("/k"), ["h"]),
        lambda: Site("a", Path("/c"), Path("/k"), ["h:1"], https="x;"),
    ],
)
def test_what_nginx_would_read_as_something_else_is_refused(bad: Callable[[], Site]) -> None:
    with pytest.raises(BadInput):
        configuration(bad())
