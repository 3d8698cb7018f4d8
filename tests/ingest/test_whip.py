"""The WHIP endpoint over HTTP: who may post what, the session's resource, and a real publisher through it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import ClientSession

from ingest.samples import SampleKind
from plenum.errors import Conflict
from plenum.identity import Role
from plenum.offer import OFFER_MAX
from plenum.settings import IceServerSettings
from plenum.signalling import FRAGMENT, SDP
from plenum.whip_client import WhipPublisher
from tests.ingest.test_peers import OFFER
from tests.whip_stage import EVENT, Stage, ticket, whip_stage

OFFER_UFRAG = re.search(r"a=ice-ufrag:(\S+)", OFFER)[1]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with whip_stage() as stage:
        yield stage


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def headers(subject: str = "anna", content_type: str = SDP, **more: str) -> dict[str, str]:
    extra = {name.replace("_", "-"): value for name, value in more.items()}
    return {"Authorization": f"Bearer {ticket(subject)}", "Content-Type": content_type} | extra


async def post(
    http: ClientSession, stage: Stage, body: str | bytes = OFFER, **kwargs
) -> tuple[int, Mapping[str, str], str]:
    async with http.post(stage.url, data=body, **kwargs) as response:
        return response.status, response.headers, await response.text()


async def code_of(http: ClientSession, stage: Stage, body: str | bytes = OFFER, **kwargs) -> tuple[int, str]:
    async with http.post(stage.url, data=body, **kwargs) as response:
        assert response.content_type == "application/problem+json"
        return response.status, (await response.json())["code"]


async def test_an_offer_is_answered_with_a_session_of_its_own(stage: Stage, http: ClientSession):
    status, answer, sdp = await post(http, stage, headers=headers())
    assert status == 201
    assert answer["Content-Type"] == SDP
    assert re.fullmatch(rf"/whip/{EVENT}/[\w-]{{21,}}", answer["Location"])
    assert re.fullmatch(r'"\w{24}"', answer["ETag"])
    assert answer["Cache-Control"] == "no-store"
    assert sdp.startswith("v=0\r\n")


async def test_a_publisher_s_pictures_go_through_the_endpoint_and_stop_with_delete(stage: Stage):
    publisher = WhipPublisher(stage.url, ticket())
    await publisher.start()
    peer = await stage.peer()
    audience = stage.audience(peer)
    pictures = await audience.pictures(30)
    samples = await audience.until(lambda all_: any(s.kind is SampleKind.CLOCK for s in all_))
    assert pictures[0].keyframe
    assert any(s.kind is SampleKind.AUDIO for s in samples)
    await publisher.stop()
    assert await peer.ended == "closed"
    assert not stage.programmes.sessions


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 401, "no_session"),
        ({"Authorization": "Bearer nonsense"}, 401, "bad_ticket"),
        ({"Authorization": f"Bearer {ticket(event='other')}"}, 401, "bad_ticket"),
        ({"Authorization": f"Bearer {ticket(role=Role.VIEWER)}"}, 403, "role_needed"),
        ({"Authorization": f"Bearer {ticket()}", "Content-Type": "application/json"}, 415, "not_sdp"),
    ],
)
async def test_who_may_not_post_is_told_why(stage: Stage, http: ClientSession, sent: dict, status: int, code: str):
    assert await code_of(http, stage, headers={"Content-Type": SDP} | sent) == (status, code)
    assert not stage.programmes.sessions


async def test_bad_offers_are_the_posters_fault(stage: Stage, http: ClientSession):
    assert await code_of(http, stage, "hello", headers=headers()) == (400, "bad_offer")
    assert await code_of(http, stage, b"\xff\xfe", headers=headers()) == (400, "bad_offer")
    assert await code_of(http, stage, "v=0\r\n" * OFFER_MAX, headers=headers()) == (413, "body_too_large")


async def test_ten_thousand_candidates_cost_no_time(stage: Stage, http: ClientSession):
    many = OFFER + "a=candidate:1 1 udp 1 198.51.100.7 5 typ host\r\n" * 400
    assert (await post(http, stage, many, headers=headers()))[0] == 201
    more = OFFER + "a=candidate:1 1 udp 1 198.51.100.7 5 typ host\r\n" * 10_000
    assert await code_of(http, stage, more, headers=headers()) == (413, "body_too_large")


async def test_failed_posts_are_limited_by_address_and_then_even_good_ones_wait(stage: Stage, http: ClientSession):
    for _ in range(5):
        assert (await code_of(http, stage, "hello", headers=headers()))[0] == 400
    async with http.post(stage.url, data=OFFER, headers=headers()) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0


async def test_a_second_presenter_is_told_who_is_on_air(stage: Stage, http: ClientSession):
    assert (await post(http, stage, headers=headers("anna")))[0] == 201
    async with http.post(stage.url, data=OFFER, headers=headers("boris")) as response:
        problem = await response.json()
    assert (response.status, problem["code"], problem["on_air"]) == (409, "on_air", "Anna")


async def test_asking_again_while_somebody_is_on_air_is_no_failure(stage: Stage, http: ClientSession):
    assert (await post(http, stage, headers=headers("anna")))[0] == 201
    for _ in range(8):
        assert await code_of(http, stage, headers=headers("boris")) == (409, "on_air")
    assert (await post(http, stage, headers=headers("anna")))[0] == 201


async def test_wrong_tokens_are_limited(stage: Stage, http: ClientSession):
    wrong = {"Content-Type": SDP, "Authorization": "Bearer nonsense"}
    statuses = [(await code_of(http, stage, headers=wrong))[0] for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2


async def test_presenters_are_told_of_the_ice_servers(http: ClientSession):
    servers = [
        IceServerSettings(urls=["stun:stun.example.org"]),
        IceServerSettings(urls=["turn:turn.example.org"], username="u", credential="c"),
    ]
    async with whip_stage(ice_servers=servers) as stage:
        _, answer, _ = await post(http, stage, headers=headers())
        assert answer.getall("Link") == [
            '<stun:stun.example.org>; rel="ice-server"',
            '<turn:turn.example.org>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
        ]


async def test_the_same_presenter_replaces_their_own_session(stage: Stage, http: ClientSession):
    await post(http, stage, headers=headers())
    first = await stage.peer()
    assert (await post(http, stage, headers=headers()))[0] == 201
    assert await first.ended == "replaced"


async def test_a_post_after_a_broken_connection_names_the_session_that_broke(stage: Stage, http: ClientSession):
    assert (await post(http, stage, headers=headers(Plenum_Replaces="a-session_1")))[0] == 201
    assert (await post(http, stage, headers=headers()))[0] == 201
    assert stage.programmes.replaces == ["a-session_1", ""]
    for nonsense in ("a b", "../x", "A" * 65):
        assert await code_of(http, stage, headers=headers(Plenum_Replaces=nonsense)) == (400, "bad_replaces")


async def test_trickle_is_accepted_and_a_restart_is_not(stage: Stage, http: ClientSession):
    _, answer, _ = await post(http, stage, headers=headers())
    url = stage.base + answer["Location"]
    fragment = f"a=ice-ufrag:{OFFER_UFRAG}\r\na=ice-pwd:x\r\n"

    async def patch(body: str, content_type: str = FRAGMENT, **more: str) -> int:
        async with http.patch(url, data=body, headers=headers(content_type=content_type, **more)) as response:
            return response.status

    assert await patch(fragment, If_Match=answer["ETag"]) == 204
    assert await patch(fragment) == 428
    assert await patch(fragment, If_Match='"other"') == 412
    assert await patch("a=ice-ufrag:new1\r\n", If_Match="*") == 422
    assert await patch(fragment, SDP, If_Match=answer["ETag"]) == 415


async def test_a_session_belongs_to_who_opened_it(stage: Stage, http: ClientSession):
    _, answer, _ = await post(http, stage, headers=headers("anna"))
    url = stage.base + answer["Location"]
    async with http.delete(url, headers=headers("boris")) as response:
        assert (response.status, (await response.json())["code"]) == (403, "not_your_session")
    async with http.delete(url) as response:
        assert response.status == 401
    async with http.delete(url, headers=headers("anna")) as response:
        assert response.status == 200
    async with http.delete(url, headers=headers("anna")) as response:
        assert (response.status, (await response.json())["code"]) == (404, "no_such_session")


async def test_guessed_sessions_do_not_exist(stage: Stage, http: ClientSession):
    for guess in ("x", "A" * 22, "A" * 65, "..%2f..", "a/b"):
        async with http.delete(f"{stage.url}/{guess}", headers=headers()) as response:
            assert response.status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_other_methods_are_refused_with_those_allowed(stage: Stage, http: ClientSession, method: str):
    async with http.request(method, stage.url, headers=headers()) as response:
        assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")


async def test_options_say_what_may_be_posted(stage: Stage, http: ClientSession):
    async with http.options(stage.url) as response:
        assert (response.status, response.headers["Accept-Post"]) == (204, SDP)


async def test_a_foreign_presenter_s_publisher_shows_the_server_s_reason(stage: Stage, http: ClientSession):
    assert (await post(http, stage, headers=headers("anna")))[0] == 201
    with pytest.raises(Conflict) as caught:
        await WhipPublisher(stage.url, ticket("boris")).start()
    assert (caught.value.code, caught.value.message) == ("on_air", "Anna is on air.")
    assert caught.value.extra == {"on_air": "Anna"}
