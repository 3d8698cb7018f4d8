"""Who is asking, and what an error looks like."""

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict

from plenum.clock import SystemClock
from plenum.errors import Conflict, Forbidden, TooMany, Unauthorized
from plenum.identity import Principal, Role, Session, Signer
from plenum.web import CSRF_HEADER, HEADER_FIELDS, PARSER_LIMITS, SESSION_COOKIE, Gate, application, client_address

signer = Signer(b"w" * 32)
clock = SystemClock()
gate = Gate(signer, "main", clock, public_url="https://live.example.org/")


def ticket(role: Role = Role.VIEWER, event: str = "demo", tenant: str = "main") -> str:
    return signer.ticket(Principal(tenant, event, role, "ada"), clock.wall())


def cookie(**roles: Role) -> str:
    session = Session("main", "ada", "Ada", dict(roles), clock.wall() + 60)
    return f"{SESSION_COOKIE}={signer.session(session, clock.wall())}"


def request(method: str = "GET", **headers: str) -> web.Request:
    return make_mocked_request(method, "/", headers={"Host": "here"} | headers)


def test_a_bearer_ticket_opens_its_event_and_role() -> None:
    asked = request(Authorization=f"Bearer {ticket(Role.PRODUCER)}")
    assert gate.principal(asked, "demo", Role.PRODUCER).subject == "ada"
    with pytest.raises(Unauthorized):
        gate.principal(asked, "other")
    with pytest.raises(Forbidden):
        gate.principal(request(Authorization=f"Bearer {ticket()}"), "demo", Role.PRODUCER)


def test_another_customers_ticket_opens_nothing() -> None:
    with pytest.raises(Unauthorized):
        gate.ticket(ticket(tenant="other"), "demo")


def test_a_cookie_reads_but_changes_nothing_without_our_own_form() -> None:
    gate.principal(request(Cookie=cookie(demo=Role.PRODUCER)), "demo", Role.PRODUCER)
    with pytest.raises(Forbidden) as caught:
        gate.principal(request("POST", Cookie=cookie(demo=Role.PRODUCER), Origin="https://evil.example"), "demo")
    assert caught.value.code == "foreign_origin"
    session = Session("main", "ada", "Ada", {"demo": Role.PRODUCER}, clock.wall() + 60)
    ours = {"Origin": "http://here", CSRF_HEADER: signer.csrf(session), "Cookie": cookie(demo=Role.PRODUCER)}
    assert gate.principal(request("POST", **ours), "demo").role is Role.PRODUCER


@pytest.mark.parametrize("origin", ["http://here", "https://live.example.org"])
def test_our_own_pages_open_sockets(origin: str) -> None:
    gate.check_socket_origin(request(Origin=origin))


@pytest.mark.parametrize(
    "origin", ["", "null", "http://here.evil.example", "https://here", "http://here:81", "http://HERE/", "file://", "http://live.example.org"]
)  # fmt: skip
def test_other_sites_open_no_socket(origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    with pytest.raises(Forbidden):
        gate.check_socket_origin(request(**headers))


def test_a_program_with_a_ticket_needs_no_origin() -> None:
    gate.check_socket_origin(request(Authorization=f"Bearer {ticket()}"))
    with pytest.raises(Unauthorized):
        gate.check_socket_origin(request(Authorization="Bearer junk"))


async def _refuse(_: web.Request) -> web.Response:
    raise Conflict("Ada is on air.", code="on_air", on_air="Ada")


async def _later(_: web.Request) -> web.Response:
    raise TooMany("Slowly.", retry_s=2.2)


async def _break(_: web.Request) -> web.Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/refuse", 409, "on_air"), ("/later", 429, "too_many"), ("/break", 500, "internal"), ("/none", 404, "not_found")],
)
async def test_errors_are_problem_documents(path: str, status: int, code: str) -> None:
    app = application()
    app.add_routes([web.get("/refuse", _refuse), web.get("/later", _later), web.get("/break", _break)])
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(path)
        document = await answer.json(content_type="application/problem+json")
        assert (answer.status, document["status"], document["code"]) == (status, status, code)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "ZeroDivision" not in document["detail"]
        assert answer.headers.get("Retry-After") == ("2" if path == "/later" else None)
        assert document.get("on_air") == ("Ada" if path == "/refuse" else None)


@pytest.mark.parametrize(
    ("trusts_proxy", "forwarded", "address"),
    [
        (False, ["203.0.113.9"], "unknown"),  # nobody vouches for it
        (True, ["203.0.113.9"], "203.0.113.9"),
        (True, ["198.51.100.1, 10.0.0.1 , 203.0.113.9"], "203.0.113.9"),  # the client wrote the first two
        (True, ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (True, [], "unknown"),
        (True, [" "], "unknown"),
        (True, ["x" * 5000], "x" * 64),
    ],
)
def test_the_address_is_what_our_own_proxy_saw(trusts_proxy: bool, forwarded: list[str], address: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    assert client_address(make_mocked_request("GET", "/", headers=headers), trusts_proxy) == address


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-A": "x" * 4000}, 200),
        ({"X-A": "x" * 9000}, 400),
        ({"X-A": "x" * 4000, "X-B": "x" * 4000, "X-C": "x" * 400}, 431),
        ({f"X-{number}": "x" for number in range(HEADER_FIELDS + 1)}, 400),
    ],
)
async def test_headers_have_a_bound(headers: dict[str, str], status: int) -> None:
    app = application()
    app.add_routes([web.get("/", _fine)])
    runner = web.AppRunner(app, **PARSER_LIMITS)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with (
        ClientSession() as http,
        http.get(f"http://127.0.0.1:{runner.addresses[0][1]}/", headers=headers) as answer,
    ):
        assert answer.status == status
        if status == 431:
            assert (await answer.json(content_type="application/problem+json"))["code"] == "headers_too_large"
    await runner.cleanup()


async def _fine(_: web.Request) -> web.Response:
    return web.Response(text="fine")
