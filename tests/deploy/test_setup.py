"""What `make test` installs must not start servers on somebody's machine."""

import subprocess
from pathlib import Path

import pytest

from deploy import setup


def test_while_packages_are_installed_no_service_may_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(setup, "POLICY", policy)
    with setup.no_service_starts():
        assert subprocess.run([policy, "nginx", "start"], check=False).returncode == 101
    assert not policy.exists()


def test_a_machine_s_own_policy_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")
    monkeypatch.setattr(setup, "POLICY", policy)
    with setup.no_service_starts():
        assert policy.read_text() == "theirs"
    assert policy.read_text() == "theirs"


def test_without_rights_to_install_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "has", lambda program: program != "nginx")
    monkeypatch.setattr(setup, "may_apt", lambda: False)
    assert setup.programs() == 1
    assert "The tests need nginx: please install" in capsys.readouterr().err
