"""The command says what is wrong in one sentence with a code, and tells what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import secret
from deploy.cli import app
from plenum.identity import Role
from plenum.settings import load


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_token_is_for_its_event_and_role(elsewhere: Path) -> None:
    options = ("--event", "demo", "--role", "presenter", "--name", "Ada", "--port", "1")
    code, out, error = call("token", "create", *options)
    assert (code, "not checked" in error) == (0, True)
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


RUN = ("run", "--port", "0", "--admin-port", "0")
CHECK = ("config", "check")


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        (RUN, {"PLENUM_REDIS__URL": "redis://:hunter2@127.0.0.1:1/0"}, "store_unavailable"),
        (RUN, {"PLENUM_REDIS__URL": "foo://:hunter2@127.0.0.1"}, "bad_settings"),
        (RUN, {"PLENUM_DATA_DIR": "a-file/var"}, "data_dir_unusable"),
        (RUN, {"PLENUM_SERVER__PUBLIC_URL": "live.example.org"}, "bad_settings"),
        (RUN, {"PLENUM_RTC__PUBLIC_ADDRESS": "live.example.org"}, "bad_rtc_settings"),
        (CHECK, {"PLENUM_RTC__PUBLIC_ADDRESS": "live.example.org"}, "bad_rtc_settings"),
        (CHECK, {"PLENUM_RTC__PORT_MIN": "50000"}, "bad_rtc_settings"),
        (CHECK, {"PLENUM_REDIS__URL": "redis://:hunt/er2@store"}, "bad_settings"),
        (CHECK, {"PLENUM_SERVR__PORT": "1"}, "bad_settings"),
        (("event", "list"), {"PLENUM_SERVER__PORT": "many"}, "bad_settings"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], environment: dict[str, str], code: str
) -> None:
    (elsewhere / "a-file").write_text("")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    status, out, error = call(*arguments)
    assert (status, error.partition(":")[0]) == (1, code)
    assert "hunt" not in out + error


def test_a_given_port_wins_over_that_of_the_platform_that_runs(elsewhere: Path) -> None:
    (elsewhere / "var" / "run").mkdir(parents=True)
    (elsewhere / "var" / "run" / "settings.json").write_text(load({"server": {"port": 2}}).model_dump_json())
    for arguments, port in (((), 2), (("--port", "1"), 1)):
        _, _, error = call("event", "list", *arguments)
        assert f":{port}. " in error


def test_a_wrong_setting_is_named(elsewhere: Path) -> None:
    (elsewhere / "plenum.toml").write_text("[server]\nport = 99999\n")
    status, _, error = call("config", "check")
    assert (status, "server.port" in error) == (1, True)


def test_the_configuration_is_shown_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLENUM_AUTH__SECRET", "a very good secret")
    monkeypatch.setenv("PLENUM_REDIS__URL", "redis://plenum:hunter2@store:6379/0")
    turn = {"urls": ["turn:turn.example.org"], "username": "plenum", "credential": "a very good one too"}
    monkeypatch.setenv("PLENUM_RTC__ICE_SERVERS", json.dumps([turn]))
    status, out, _ = call("config", "show")
    assert ("hunter2" in out, "store:6379" in out) == (False, True)
    assert (status, "turn.example.org" in out, "very good" in out) == (0, True, False)


def test_the_schema_is_json() -> None:
    _, out, _ = call("config", "schema")
    assert "server" in json.loads(out)["properties"]


def test_the_doctor_looks_at_this_machine() -> None:
    _, out, _ = call("doctor", "--json")
    findings = {finding["name"]: finding["level"] for finding in json.loads(out)}
    assert findings["codecs"] == "ok"
    assert findings["store"] == "ok"
    assert findings["sandbox"] in ("ok", "warn")


@pytest.mark.parametrize(("setting", "level"), [("auto", "warn"), ("required", "bad"), ("off", "warn")])
def test_the_doctor_says_that_transcoders_would_run_unconfined(
    setting: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.doctor.SANDBOX_CHECK", ("-c", "print('no libseccomp'); raise SystemExit(1)"))
    monkeypatch.setenv("PLENUM_MEDIA__SANDBOX", setting)
    _, out, _ = call("doctor", "--json")
    (found,) = (finding for finding in json.loads(out) if finding["name"] == "sandbox")
    assert found["level"] == level
    assert ("no libseccomp" in found["detail"]) == (setting != "off")


UPSTREAM = ("edge", "--upstream", "http://127.0.0.1:1", "--port", "0", "--admin-port", "0")


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        (UPSTREAM, {}, "no_shared_secret"),
        (("edge",), {"PLENUM_AUTH__SECRET": "x" * 32}, "no_upstream"),
        (UPSTREAM, {"PLENUM_AUTH__SECRET": "short"}, "weak_secret"),
        (UPSTREAM, {"PLENUM_AUTH__SECRET": "x" * 32, "PLENUM_EDGE__UPSTREAM_CA": "nowhere.pem"}, "bad_certificate"),
        (CHECK, {"PLENUM_EDGE__UPSTREAM": '["https://live.example.org"]'}, "no_shared_secret"),
    ],
)
def test_an_edge_that_cannot_work_says_what_it_needs(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], environment: dict[str, str], code: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    status, _, error = call(*arguments)
    assert (status, error.partition(":")[0]) == (1, code)
    assert not (elsewhere / "var" / "secret.key").exists()  # an edge never makes one of its own
