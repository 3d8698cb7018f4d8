"""The rules of a session's HTTP resource."""

import pytest

from plenum.errors import PreconditionFailed, PreconditionRequired, Unprocessable, UnsupportedMedia
from plenum.settings import IceServerSettings
from plenum.signalling import FRAGMENT, check_offer_type, check_patch, etag_of, ice_links


def test_the_offers_type_must_be_sdp():
    check_offer_type("application/sdp")
    with pytest.raises(UnsupportedMedia):
        check_offer_type("application/json")


ETAG = etag_of("answer")
TRICKLE = "a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 198.51.100.7 1 typ host\r\n"


def test_trickled_candidates_of_the_running_session_are_fine():
    check_patch(FRAGMENT, ETAG, ETAG, "abcd", TRICKLE)
    check_patch(FRAGMENT, f'"other", {ETAG}', ETAG, "abcd", "")


@pytest.mark.parametrize(
    ("content_type", "if_match", "body", "error"),
    [
        ("application/sdp", ETAG, TRICKLE, UnsupportedMedia),
        (FRAGMENT, "", TRICKLE, PreconditionRequired),
        (FRAGMENT, '"other"', TRICKLE, PreconditionFailed),
        (FRAGMENT, "*", TRICKLE, Unprocessable),
        (FRAGMENT, ETAG, TRICKLE.replace("abcd", "new1"), Unprocessable),
    ],
)
def test_other_patches_are_refused_by_their_cause(content_type, if_match, body, error):
    with pytest.raises(error):
        check_patch(content_type, if_match, ETAG, "abcd", body)


def test_ice_servers_are_links():
    stun = IceServerSettings(urls=["stun:stun.example.org"])
    assert ice_links([stun]) == ['<stun:stun.example.org>; rel="ice-server"']


def test_a_turn_server_comes_with_what_opens_it():
    turn = IceServerSettings(
        urls=["turn:turn.example.org?transport=udp", "turns:turn.example.org:443"], username='o"ne', credential="b\\c"
    )
    opens = 'username="o\\"ne"; credential="b\\\\c"; credential-type="password"'
    assert ice_links([turn]) == [
        f'<turn:turn.example.org?transport=udp>; rel="ice-server"; {opens}',
        f'<turns:turn.example.org:443>; rel="ice-server"; {opens}',
    ]
