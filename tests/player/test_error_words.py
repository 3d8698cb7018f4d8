"""Every code that a page can be told has a sentence in both languages: else a German reader is shown the server's English."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RAISES = (
    *("player/*.py", "qna/*.py", "ingest/whip*.py", "ingest/program*.py", "ingest/peers*.py", "ingest/session*.py"),
    *("plenum/offer.py", "plenum/web.py", "plenum/event.py", "plenum/identity.py", "plenum/pace.py"),
    *("plenum/registry.py", "plenum/signalling.py", "plenum/whip_session.py", "sfu/*.py", "deploy/forward.py"),
)
WORDS = ("errors", "questions")
CODE = re.compile(r'\bcode="([a-z_]+)"|Bye\("([a-z_]+)"')

NOT_FOR_READERS = {
    # A page that is not ours, or a fault in ours: the page sends these things by itself, a person has typed none of them.
    *("bad_message", "bad_cid", "cid_used", "bad_json", "not_json", "bad_event_id", "hello_expected", "hello_timeout"),
    *("bad_subprotocol", "no_subscription", "not_text", "bad_directive", "bad_delivery_key"),
    # Players decide by status or code and say "reconnecting" or "waiting", never these.
    *(
        "no_rendition",
        "not_held",
        "not_live",
        "not_recorded",
        "not_ready",
        "too_far_ahead",
        "too_many_held",
        "too_many_reads",
        "upstream_away",
        "not_started",
    ),
    "ended",
    # WHIP clients other than our pages: we send no PATCH, and our offer is SDP.
    *("bad_replaces", "etag_mismatch", "if_match_needed", "no_ice_restart", "not_sdp", "not_sdp_fragment"),
    # Our own WHIP client (load tests, `plenum present`) says these of the server.
    *("bad_answer", "connection_lost", "never_connected", "unreachable"),
    # Files of the pages, and the platform's own tools.
    *("no_such_asset", "pages_not_built", "event_exists"),
}


def raised() -> set[str]:
    files = [file for pattern in RAISES for file in ROOT.glob(pattern)]
    assert len(files) > 40
    return {one or other for file in files for one, other in CODE.findall(file.read_text())}


def worded(language: str) -> set[str]:
    texts = [(ROOT / f"player/src/i18n/{language}/{name}.ts").read_text() for name in WORDS]
    return {code for text in texts for code in re.findall(r"^ +([a-z_]+):\s*\"", text, re.MULTILINE)}


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_code_that_pages_meet_has_a_sentence(language: str) -> None:
    assert raised() - NOT_FOR_READERS - worded(language) == set()


def test_the_exceptions_are_still_raised_and_have_no_words() -> None:
    assert NOT_FOR_READERS - raised() == set()
    assert NOT_FOR_READERS & worded("en") == set()
