"""A real Valkey and a front of the questions tier on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plenum.identity import Signer
from plenum.store import Embedded
from tests.qna.pages import Front


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with Embedded(tmp_path / "store") as server:
        yield server


@pytest.fixture
def signer() -> Signer:
    return Signer(b"a secret of thirty-two bytes or so")


@pytest.fixture
async def front(valkey: Embedded, signer: Signer) -> AsyncIterator[Front]:
    async with Front(valkey.url, signer) as front:
        yield front
