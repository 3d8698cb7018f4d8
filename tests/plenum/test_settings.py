"""Settings: file below environment below flags, and errors that name the key."""

from pathlib import Path

import pytest

from plenum.errors import BadInput
from plenum.settings import load, read_back, without_password


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_win_over_the_environment_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "plenum.toml").write_text('[server]\nport = 1\nadmin_port = 2\nhost = "127.0.0.2"\n')
    monkeypatch.setenv("PLENUM_SERVER__ADMIN_PORT", "3")
    server = load({"server": {"port": 4}}).server
    assert (server.port, server.admin_port, server.host) == (4, 3, "127.0.0.2")


def test_a_secret_may_come_from_a_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "key").write_text("a very good secret\n")
    monkeypatch.setenv("PLENUM_AUTH__SECRET_FILE", str(elsewhere / "key"))
    assert load().auth.secret == "a very good secret"


def test_settings_that_were_written_down_are_read_back_whatever_the_environment_says(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "key").write_text("a very good secret\n")
    monkeypatch.setenv("PLENUM_AUTH__SECRET_FILE", str(elsewhere / "key"))
    monkeypatch.setenv("PLENUM_RTC__PORT_MIN", "50000")
    written = load({"server": {"port": 4}})
    (elsewhere / "settings.json").write_text(written.model_dump_json())
    monkeypatch.setenv("PLENUM_RTC__PORT_MIN", "60000")
    (elsewhere / "plenum.toml").write_text("[nonsense]\n")
    assert read_back(elsewhere / "settings.json").model_dump() == written.model_dump()


def test_a_settings_file_that_is_damaged_is_named(elsewhere: Path) -> None:
    (elsewhere / "settings.json").write_text('{"server": ')
    with pytest.raises(BadInput) as caught:
        read_back(elsewhere / "settings.json")
    assert (caught.value.code, "settings.json" in caught.value.message) == ("bad_settings", True)


def test_redis_url_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://example:6379/0")
    assert load().redis.url == "redis://example:6379/0"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nport = 70000\n", "server.port"),
        ("[server]\nprot = 1\n", "server.prot"),
        ('[media]\nladder = ["720p", "4k"]\n', "media.ladder"),
        ('[server]\npublic_url = "live.example.org"\n', "server.public_url"),
        ('[server]\npublic_url = "https://"\n', "server.public_url"),
        ("[server\n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_by_name(elsewhere: Path, text: str, key: str) -> None:
    (elsewhere / "plenum.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load()
    assert caught.value.code == "bad_settings"
    assert key in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("PLENUM_CONFIG", "nowhere.toml"), ("PLENUM_SERVR__PORT", "1"), ("PLENUM_SERVR__PORT_FILE", "port")],
)
def test_a_variable_that_would_do_nothing_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        load()
    assert caught.value.code == "bad_settings"
    assert name in caught.value.message
    if name == "PLENUM_CONFIG":
        assert value in caught.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@store:6379/0", "redis://:********@store:6379/0"),
        ("rediss://plenum:hun/t@er2@store", "rediss://plenum:********@store"),
        ("unix://plenum:hunter2@/run/redis.sock?db=1", "unix://plenum:********@/run/redis.sock?db=1"),
        ("redis://store/0?password=hunter2&db=1", "redis://store/0?password=********&db=1"),
        ("plenum:hunter2@store", "plenum:********@store"),
        ("redis://store:6379/0", "redis://store:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_ladder_is_sorted_largest_first() -> None:
    assert load({"media": {"ladder": ["360p", "720p"]}}).media.ladder == ["720p", "360p"]


def test_a_load_profile_lifts_limits_and_leaves_the_defaults_alone() -> None:
    assert load().effective_limits.votes_per_minute == 30
    assert load({"load_profile": True}).effective_limits.votes_per_minute > 30
    assert load({"load_profile": True}).limits.votes_per_minute == 30


def test_ice_servers_are_a_list_with_what_opens_them(elsewhere: Path) -> None:
    (elsewhere / "plenum.toml").write_text(
        '[[rtc.ice_servers]]\nurls = ["stun:stun.example.org"]\n'
        '[[rtc.ice_servers]]\nurls = ["turns:[2001:db8::1]:443?transport=tcp"]\nusername = "u"\ncredential = "c"\n'
    )
    first, second = load().rtc.ice_servers
    assert (first.urls, first.username) == (["stun:stun.example.org"], "")
    assert (second.urls, second.credential) == (["turns:[2001:db8::1]:443?transport=tcp"], "c")


@pytest.mark.parametrize(
    "server",
    [
        {"urls": []},
        {"urls": ["https://example.org"]},
        {"urls": ['stun:x>; rel="y"']},
        {"urls": ["turn:turn.example.org"]},
        {"urls": ["turn:turn.example.org"], "username": "u"},
        {"urls": ["stun:a"], "username": "line\nbreak"},
    ],
)
def test_an_ice_server_that_cannot_be_told_is_refused(server: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        load({"rtc": {"ice_servers": [server]}})
    assert "rtc.ice_servers" in caught.value.message
