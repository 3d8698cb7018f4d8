"""The installation's secret."""

import stat
from pathlib import Path

import pytest

from deploy import secret
from plenum.errors import BadInput
from plenum.identity import Principal, Role

ADA = Principal("main", "demo", Role.VIEWER, "ada")


def test_a_made_secret_is_private_and_stays(tmp_path: Path) -> None:
    token = secret.signer("", tmp_path).ticket(ADA, 1000)
    assert secret.signer("", tmp_path).read_ticket(token, 1000) == ADA
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        secret.signer("hunter2", tmp_path)
    assert caught.value.code == "weak_secret"
