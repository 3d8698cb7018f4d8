"""The command says what is wrong in one sentence with a code, and tells what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import secret
from deploy.cli import app
from plenum.identity import Role


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_token_is_for_its_event_and_role(elsewhere: Path) -> None:
    code, out, _ = call("token", "create", "--event", "demo", "--role", "presenter", "--name", "Ada")
    assert code == 0
    claims = secret.signer("", elsewhere / "var")
    import time

    who = claims.read_ticket(out.strip(), time.time(), "demo")
    assert (who.role, who.name) == (Role.PRESENTER, "Ada")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("token", "create", "--event", "demo", "--role", "king"), "bad_role"),
        (("token", "create", "--event", "../x", "--role", "viewer"), "bad_event_id"),
        (("present", "nowhere.mp4", "--event", "demo"), "no_such_file"),
        (("event", "list", "--port", "1"), "not_running"),
        (("run", "--host", "0.0.0.0"), "tls_needed"),
    ],
)
def test_a_mistake_gets_a_sentence_and_a_code(arguments: tuple[str, ...], code: str) -> None:
    status, _, error = call(*arguments)
    assert status == 1
    assert code in error
    assert "Traceback" not in error


def test_a_wrong_setting_is_named(elsewhere: Path) -> None:
    (elsewhere / "plenum.toml").write_text("[server]\nport = 99999\n")
    status, _, error = call("config", "check")
    assert (status, "server.port" in error) == (1, True)


def test_the_configuration_is_shown_without_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLENUM_AUTH__SECRET", "a very good secret")
    monkeypatch.setenv("PLENUM_REDIS__URL", "redis://plenum:hunter2@store:6379/0")
    status, out, _ = call("config", "show")
    assert (status, "very good" in out, "hunter2" in out) == (0, False, False)
    assert "store:6379" in out


def test_the_schema_is_json() -> None:
    _, out, _ = call("config", "schema")
    assert "server" in json.loads(out)["properties"]


def test_the_doctor_looks_at_this_machine() -> None:
    _, out, _ = call("doctor", "--json")
    findings = {finding["name"]: finding["level"] for finding in json.loads(out)}
    assert findings["codecs"] == "ok"
    assert findings["store"] == "ok"
