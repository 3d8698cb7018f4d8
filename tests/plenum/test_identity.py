"""Tickets, sessions and keys: nobody forges, stretches or carries one elsewhere."""

import base64
import json

import pytest

from plenum.errors import Forbidden, Unauthorized
from plenum.identity import (
    ALLOWS,
    ANY_EVENT,
    DELIVERY_PERIOD_S,
    FEED,
    LEEWAY_S,
    TICKET_S,
    Principal,
    Role,
    Session,
    Signer,
    clean_name,
)

NOW = 1_800_000_000.0
signer = Signer(b"s" * 32)
ADA = Principal("main", "demo", Role.PRESENTER, "ada", "Ada")


def test_a_ticket_names_its_holder() -> None:
    assert signer.read_ticket(signer.ticket(ADA, NOW), NOW, "demo") == ADA


def test_a_stand_in_stays_one() -> None:
    bot = Principal("main", "demo", Role.PRESENTER, "demo-presenter", stand_in=True)
    assert signer.read_ticket(signer.ticket(bot, NOW), NOW).stand_in


def test_a_ticket_for_any_event_takes_the_event_that_is_asked_for() -> None:
    node = Principal("main", ANY_EVENT, Role.ADMIN, "node")
    assert signer.read_ticket(signer.ticket(node, NOW), NOW, "demo").event == "demo"


def test_a_ticket_ends() -> None:
    token = signer.ticket(ADA, NOW, lifetime_s=60)
    signer.read_ticket(token, NOW + 80)  # leeway for clocks that differ
    with pytest.raises(Unauthorized) as caught:
        signer.read_ticket(token, NOW + 100)
    assert caught.value.code == "ticket_expired"


def test_a_ticket_from_the_future_is_refused() -> None:
    with pytest.raises(Unauthorized):
        signer.read_ticket(signer.ticket(ADA, NOW + 3600), NOW)


def test_a_ticket_is_for_its_event_alone() -> None:
    with pytest.raises(Unauthorized):
        signer.read_ticket(signer.ticket(ADA, NOW), NOW, "other")


def test_every_flipped_bit_is_noticed() -> None:
    token = signer.ticket(ADA, NOW)
    head, body, mark = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=="))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        forged = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(Unauthorized):
            signer.read_ticket(f"{head}.{forged}.{mark}", NOW)


def _encode(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS256", "ES256", ""])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    claims = {"aud": "main:demo", "sub": "x", "role": "admin", "iat": int(NOW), "exp": int(NOW) + 60}
    with pytest.raises(Unauthorized):
        signer.read_ticket(f"{_encode({'alg': algorithm})}.{_encode(claims)}.", NOW)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ä.ö.ü", "x" * 5000])
def test_junk_is_refused_in_one_way(token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        signer.read_ticket(token, NOW)
    assert caught.value.code == "bad_ticket"


def test_another_installations_ticket_is_refused() -> None:
    with pytest.raises(Unauthorized):
        signer.read_ticket(Signer(b"t" * 32).ticket(ADA, NOW), NOW)


def test_a_session_is_no_ticket_and_a_ticket_no_session() -> None:
    session = Session("main", "ada", "Ada", {"demo": Role.PRODUCER}, NOW + 60)
    cookie = signer.session(session, NOW)
    assert signer.read_session(cookie, NOW) == session
    with pytest.raises(Unauthorized):
        signer.read_ticket(cookie, NOW)
    with pytest.raises(Unauthorized):
        signer.read_session(signer.ticket(ADA, NOW), NOW)


def test_a_weaker_invitation_does_not_replace_a_stronger_one() -> None:
    session = Session("main", "ada", "", {"demo": Role.PRODUCER}, NOW)
    assert session.with_role("demo", Role.VIEWER).principal("demo").role is Role.PRODUCER
    assert session.with_role("other", Role.VIEWER).principal("other").role is Role.VIEWER


def test_a_role_everywhere_counts_in_each_event() -> None:
    session = Session("main", "ada", "", {ANY_EVENT: Role.PRODUCER, "demo": Role.VIEWER}, NOW)
    assert session.principal("demo").role is Role.PRODUCER


def test_nobody_acts_beyond_their_role() -> None:
    for held, allowed in ALLOWS.items():
        who = Principal("main", "demo", held, "x")
        for role in Role:
            assert who.may_act_as(role) == (role in allowed)
    with pytest.raises(Forbidden):
        Principal("main", "demo", Role.VIEWER, "x").require(Role.PRODUCER)


def test_a_feed_ticket_opens_the_feed_for_as_long_as_the_delivery_key_and_nothing_else() -> None:
    producer = Principal("main", "demo", Role.PRODUCER, "ada", "Ada")
    token = signer.feed_ticket(producer, NOW)
    late = NOW + DELIVERY_PERIOD_S
    assert signer.read_ticket(token, late, "demo", FEED) == Principal("main", "demo", Role.VIEWER, "ada", "Ada")
    with pytest.raises(Unauthorized, match="expired"):
        signer.read_ticket(token, late + LEEWAY_S + 1, "demo", FEED)
    with pytest.raises(Unauthorized, match="another use") as caught:
        signer.read_ticket(token, NOW, "demo")
    assert caught.value.code == "bad_ticket"


def test_a_ticket_for_everything_opens_the_feed_too() -> None:
    assert signer.read_ticket(signer.ticket(ADA, NOW), NOW, "demo", FEED) == ADA


def test_a_feed_ticket_lives_no_shorter_than_others_where_keys_change_often() -> None:
    assert Signer(b"s" * 32, delivery_period_s=60).feed_ticket_s == TICKET_S


def test_a_csrf_token_belongs_to_its_session() -> None:
    ada = Session("main", "ada", "", {}, NOW)
    bob = Session("main", "bob", "", {}, NOW)
    assert signer.csrf_matches(ada, signer.csrf(ada))
    assert not signer.csrf_matches(bob, signer.csrf(ada))
    assert not signer.csrf_matches(ada, "")


def test_a_delivery_key_outlives_one_rotation_and_no_more() -> None:
    short = Signer(b"s" * 32, delivery_period_s=100)
    key = short.delivery_key("main", "demo", NOW)
    assert short.delivery_key("main", "demo", NOW) == key
    assert short.delivery_key_valid(key, "main", "demo", NOW + 100)
    assert not short.delivery_key_valid(key, "main", "demo", NOW + 200)
    assert not short.delivery_key_valid(key, "main", "other", NOW)


def test_a_person_has_another_hash_in_each_event() -> None:
    assert signer.person_hash("a", "ada") != signer.person_hash("b", "ada")
    assert "ada" not in signer.person_hash("a", "ada")


def test_a_name_is_one_clean_line() -> None:
    assert clean_name("  Ada\r\n\x1b[31m Lovelace\u202e ") == "Ada [31m Lovelace"
    assert len(clean_name("x" * 500)) == 64
