"""What the pages can learn of events and do with them, and who may."""

import pytest

from plenum.identity import FEED, Role
from tests.player.conftest import Client, Site

NEW = {"title": "Town hall", "language": "de", "moderation": "post", "starts_at": 1_800_000_000}


async def create(site: Site, client: Client, **headers: str) -> dict[str, object]:
    answer = await client.post("/api/v1/events", json=NEW, headers=await site.form(client) | headers)
    assert answer.status == 201, await answer.text()
    made: dict[str, object] = await answer.json()
    return made


async def test_a_producer_creates_an_event(site: Site) -> None:
    client = await site.producer()
    made = await create(site, client)
    assert {key: made[key] for key in NEW} == NEW
    assert (made["state"], made["role"]) == ("scheduled", "producer")
    assert site.stage.made == [made["id"]]
    assert (await (await client.get("/api/v1/events")).json()) == {"events": [made], "may_create": True}


async def test_a_repeated_request_creates_one_event(site: Site) -> None:
    client = await site.producer()
    first = await create(site, client, **{"Idempotency-Key": "k1"})
    assert await create(site, client, **{"Idempotency-Key": "k1"}) == first
    assert len((await (await client.get("/api/v1/events")).json())["events"]) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": " "}, "bad_title"),
        ({"language": "fr"}, "bad_json"),
        ({"starts_at": -1}, "bad_start"),
        ({"x": 1}, "bad_json"),
    ],
)
async def test_a_wrong_event_is_refused(site: Site, change: dict[str, object], code: str) -> None:
    client = await site.producer()
    answer = await client.post("/api/v1/events", json=NEW | change, headers=await site.form(client))
    assert (answer.status, (await answer.json())["code"]) == (400, code)


async def test_an_employee_sees_what_they_are_invited_to_and_creates_nothing(site: Site) -> None:
    made = await create(site, await site.producer())
    await create(site, await site.producer())
    client = await site.invited(str(made["id"]), Role.VIEWER)
    listed = await (await client.get("/api/v1/events")).json()
    assert ([e["id"] for e in listed["events"]], listed["may_create"]) == ([made["id"]], False)
    answer = await client.post("/api/v1/events", json=NEW, headers=await site.form(client))
    assert answer.status == 403


async def test_joining_gives_all_that_a_page_needs(site: Site) -> None:
    made = await create(site, await site.producer())
    client = await site.invited(str(made["id"]), Role.VIEWER)
    joined = await (await client.get(f"/api/v1/events/{made['id']}/join")).json()
    who = site.signer.read_ticket(joined["ticket"], joined["server_time_ms"] / 1000, str(made["id"]))
    assert who.role is Role.VIEWER
    late = joined["server_time_ms"] / 1000 + joined["feed_ticket_lifetime_s"]
    assert site.signer.read_ticket(joined["feed_ticket"], late, str(made["id"]), FEED).role is Role.VIEWER
    assert joined["feed"] == [f"/live/{made['id']}/feed"]
    assert joined["qna"] == f"/qna/{made['id']}/socket"
    assert joined["hls"].startswith(f"/live/{made['id']}/")
    assert joined["dvr"] == joined["hls"].replace("index", "dvr")


async def test_an_event_that_is_over_names_its_recording_only_where_there_is_one(site: Site) -> None:
    producer = await site.producer()
    made = await create(site, producer)
    path = f"/api/v1/events/{made['id']}"
    await producer.post(f"{path}/end", json={}, headers=await site.form(producer))
    assert (await (await producer.get(f"{path}/join")).json())["dvr"] == ""
    site.stage.recorded.add(str(made["id"]))
    joined = await (await producer.get(f"{path}/join")).json()
    assert joined["dvr"] == joined["hls"].replace("index", "dvr")


async def test_the_state_of_an_event_is_there_for_pages_without_a_feed(site: Site) -> None:
    made = await create(site, await site.producer())
    client = await site.invited(str(made["id"]), Role.VIEWER)
    shown = await (await client.get(f"/api/v1/events/{made['id']}")).json()
    assert (shown["title"], shown["viewers"], shown["programme"]) == ("Town hall", 7, None)


async def test_links_open_the_pages_they_promise(site: Site) -> None:
    producer = await site.producer()
    made = await create(site, producer)
    links = (await (await producer.get(f"/api/v1/events/{made['id']}/links")).json())["links"]
    assert [link["role"] for link in links] == ["viewer", "presenter", "producer"]
    for link in links:
        path = link["url"].removeprefix(site.origin)
        answer = await (await site.visitor()).get(path, allow_redirects=False)
        assert answer.headers["Location"].endswith(str(made["id"]))
    qr = await producer.get(f"/api/v1/events/{made['id']}/links/viewer/qr.svg")
    assert (qr.status, qr.content_type) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", ["links", "links/viewer/qr.svg", "whip-card"])
async def test_an_employee_gets_no_links_and_no_token(site: Site, path: str) -> None:
    made = await create(site, await site.producer())
    client = await site.invited(str(made["id"]), Role.VIEWER)
    assert (await client.get(f"/api/v1/events/{made['id']}/{path}")).status == 403


async def test_the_card_for_obs_holds_a_presenters_token(site: Site) -> None:
    made = await create(site, await site.producer())
    client = await site.invited(str(made["id"]), Role.PRESENTER)
    card = await (await client.get(f"/api/v1/events/{made['id']}/whip-card")).json()
    assert card["url"] == f"{site.origin}/whip/{made['id']}"
    assert site.signer.read_ticket(card["token"], card["expires_at"] - 1, str(made["id"])).role is Role.PRESENTER


async def test_ending_an_event_reaches_the_other_tiers(site: Site) -> None:
    client = await site.producer()
    made = await create(site, client)
    answer = await client.post(f"/api/v1/events/{made['id']}/end", headers=await site.form(client))
    assert (await answer.json())["state"] == "ended"
    assert site.stage.over == [made["id"]]


async def test_only_a_producer_ends_an_event(site: Site) -> None:
    made = await create(site, await site.producer())
    for role in (Role.VIEWER, Role.PRESENTER):
        client = await site.invited(str(made["id"]), role)
        answer = await client.post(f"/api/v1/events/{made['id']}/end", headers=await site.form(client))
        assert answer.status == 403
    assert site.stage.over == []


@pytest.mark.parametrize("path", ["/api/v1/events/nothing", "/api/v1/events/nothing/join"])
async def test_an_unknown_event_is_a_clear_answer(site: Site, path: str) -> None:
    client = await site.producer()
    answer = await client.get(path)
    assert (answer.status, (await answer.json())["code"]) == (404, "unknown_event")


@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/api/v1/events/x", "/api/v1/events/x/join", "/api/v1/events/x/links"]
)
async def test_a_stranger_learns_nothing(site: Site, path: str) -> None:
    answer = await (await site.visitor()).get(path)
    assert (answer.status, (await answer.json())["code"]) == (401, "no_session")


async def test_somebody_invited_elsewhere_learns_nothing(site: Site) -> None:
    client = await site.invited("other", Role.PRODUCER)
    answer = await client.get("/api/v1/events/demo")
    assert (answer.status, (await answer.json())["code"]) == (403, "not_invited")
