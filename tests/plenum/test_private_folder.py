"""Folders for our own user."""

import stat
from pathlib import Path

import pytest

from plenum.private_folder import make_private


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_a_new_folder_and_one_that_was_open_are_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for name in ("new", "old"):
        make_private(tmp_path / name)
        assert mode(tmp_path / name) == 0o700


def test_a_folder_that_everybody_shares_stays_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o1777
    tmp_path.chmod(0o700)


def test_a_folder_of_somebody_else_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    (tmp_path / "volume").mkdir(mode=0o755)
    make_private(tmp_path / "volume")
