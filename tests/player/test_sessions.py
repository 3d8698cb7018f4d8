"""Invitation links become sessions, and only our own pages may change one."""

import pytest

from plenum.errors import Unavailable
from plenum.identity import Role
from tests.player.conftest import Client, Site


@pytest.mark.parametrize(
    ("role", "page"),
    [(Role.VIEWER, "/watch/demo"), (Role.PRESENTER, "/studio/demo"), (Role.PRODUCER, "/console/demo")],
)
async def test_a_link_leads_to_the_page_of_its_role(site: Site, role: Role, page: str) -> None:
    client = await site.visitor()
    code, _ = await site.registry.link("demo", role)
    answer = await client.get(f"/j/{code}", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, page)
    session = await (await client.get("/api/v1/session")).json()
    assert session["roles"] == {"demo": role}


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    client = await site.visitor()
    code, _ = await site.registry.link("demo", Role.VIEWER)
    cookie = (await client.get(f"/j/{code}", allow_redirects=False)).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_a_wrong_link_says_so(site: Site) -> None:
    client = await site.visitor()
    answer = await client.get("/j/nonsense", allow_redirects=False)
    assert answer.headers["Location"] == "/?error=link_invalid"


async def guess(client: Client, times: int, **headers: str) -> list[str]:
    """Where a browser is led by links that are nobody's."""
    answers = [await client.get(f"/j/{n:016d}", headers=headers, allow_redirects=False) for n in range(times)]
    assert {answer.status for answer in answers} == {303}
    return [answer.headers["Location"] for answer in answers]


async def test_guessing_links_is_slowed_down(site: Site) -> None:
    led = await guess(await site.visitor(), 25)
    assert led[:20] == ["/?error=link_invalid"] * 20
    assert set(led[21:]) == {"/?error=rate_limited"}


async def test_a_link_that_is_valid_works_however_many_were_wrong(site: Site) -> None:
    client = await site.visitor()
    await guess(client, 25)
    code, _ = await site.registry.link("demo", Role.VIEWER)
    assert (await client.get(f"/j/{code}", allow_redirects=False)).headers["Location"] == "/watch/demo"


async def test_without_a_proxy_nobody_chooses_the_address_they_are_counted_by(site: Site) -> None:
    client = await site.visitor()
    await guess(client, 25)
    assert await guess(client, 1, **{"X-Forwarded-For": "198.51.100.7"}) == ["/?error=rate_limited"]


async def test_a_store_that_is_away_is_a_sentence_on_a_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: str) -> None:
        raise Unavailable("The store is away.", code="store_unavailable", retry_s=2)

    monkeypatch.setattr(site.registry, "redeem", away)
    answer = await (await site.visitor()).get("/j/whatever", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/?error=store_unavailable")


async def test_a_program_that_asks_for_json_gets_the_problem_itself(site: Site) -> None:
    client = await site.visitor()
    accept = {"Accept": "application/json"}
    answers = [await client.get(f"/j/{n:016d}", headers=accept, allow_redirects=False) for n in range(25)]
    assert (answers[0].status, (await answers[0].json())["code"]) == (404, "link_invalid")
    assert (answers[24].status, (await answers[24].json())["code"]) == (429, "rate_limited")
    assert int(answers[24].headers["Retry-After"]) > 0


async def test_a_second_invitation_adds_to_the_first(site: Site) -> None:
    client = await site.invited("one", Role.VIEWER)
    code, _ = await site.registry.link("two", Role.PRODUCER)
    await client.get(f"/j/{code}", allow_redirects=False)
    session = await (await client.get("/api/v1/session")).json()
    assert session["roles"] == {"one": "viewer", "two": "producer"}


async def test_without_a_session_there_is_none(site: Site) -> None:
    answer = await (await site.visitor()).get("/api/v1/session")
    assert answer.status == 401
    assert (await answer.json())["code"] == "no_session"


async def test_a_person_names_themselves(site: Site) -> None:
    client = await site.invited("demo", Role.VIEWER)
    answer = await client.patch("/api/v1/session", json={"name": " Ada\n"}, headers=await site.form(client))
    assert (await answer.json())["name"] == "Ada"
    assert (await (await client.get("/api/v1/session")).json())["name"] == "Ada"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1", "http://127.0.0.1:1"])
async def test_another_site_cannot_change_a_session(site: Site, origin: str | None) -> None:
    client = await site.invited("demo", Role.VIEWER)
    headers = await site.form(client)
    headers.pop("Origin")
    if origin is not None:
        headers["Origin"] = origin
    answer = await client.patch("/api/v1/session", json={"name": "Eve"}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (403, "foreign_origin")


async def test_a_form_without_its_token_is_refused(site: Site) -> None:
    client = await site.invited("demo", Role.VIEWER)
    answer = await client.patch("/api/v1/session", json={"name": "Eve"}, headers={"Origin": site.origin})
    assert (answer.status, (await answer.json())["code"]) == (403, "bad_csrf_token")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name":3}', b'{"name":"x","role":"admin"}'])
async def test_a_wrong_body_is_refused(site: Site, body: bytes) -> None:
    client = await site.invited("demo", Role.VIEWER)
    headers = await site.form(client) | {"Content-Type": "application/json"}
    answer = await client.patch("/api/v1/session", data=body, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_json")


async def test_an_oversize_body_is_refused(site: Site) -> None:
    client = await site.invited("demo", Role.VIEWER)
    answer = await client.patch("/api/v1/session", json={"name": "x" * 20_000}, headers=await site.form(client))
    assert answer.status == 413
