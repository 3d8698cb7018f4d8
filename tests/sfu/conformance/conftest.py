"""The programme that the tests of conformance read, made once."""

from __future__ import annotations

import pytest

from plenum.media import Programme
from tests.sfu.feed_media import Film
from tests.sfu.feed_programme import make_programme


@pytest.fixture(scope="session")
def made() -> tuple[Programme, Film]:
    return make_programme()


@pytest.fixture(scope="session")
def programme(made: tuple[Programme, Film]) -> Programme:
    return made[0]


@pytest.fixture(scope="session")
def pictures(made: tuple[Programme, Film]) -> Film:
    return made[1]
