"""Every setting of the platform, from `plenum.toml`, the environment (`PLENUM_SECTION__KEY`) and flags, low to high.

A value `PLENUM_…_FILE` names a file that holds the value (for secrets). `REDIS_URL` is honoured too. Only `deploy/` reads
settings; everybody else is handed the plain values they need. What `load` found is handed to child processes as a file, which
`read_back` takes as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from plenum.errors import BadInput

_PRINTABLE = r"^[ -~]*$"
"""What may stand in a header."""
_CONFIG = "PLENUM_CONFIG"
"""Names the settings file; without it `plenum.toml` is read where there is one."""
RUNG_NAMES = ("1080p", "720p", "480p", "360p", "240p")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the main port listens on; others than loopback need TLS.")
    port: int = Field(8080, ge=0, le=65535, description="Main port: pages, API, WHIP, feed, LL-HLS, questions.")
    admin_host: str = Field("127.0.0.1", description="Address of the admin port.")
    admin_port: int = Field(9464, ge=0, le=65535, description="Admin port: /livez /readyz /metrics /version.")
    tls: Literal["off", "auto", "files", "proxy"] = Field(
        "off",
        description="off: plain HTTP, loopback only. auto: make a certificate. files: use tls_cert and tls_key. "
        "proxy: something in front terminates TLS.",
    )
    tls_cert: Path | None = Field(None, description="PEM certificate chain for tls = 'files'.")
    tls_key: Path | None = Field(None, description="PEM private key for tls = 'files'.")
    public_url: str = Field("", description="Address people use, for example https://live.example.org; empty: guessed.")
    fronts: int = Field(1, ge=1, le=16, description="Front processes sharing the main port.")
    drain_s: float = Field(
        10, ge=0, le=16, description="How long viewers who were told to go elsewhere are served when this is stopped."
    )

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        return _address_of_pages(url)


class RedisSettings(_Section):
    url: str = Field("", description="redis://, rediss:// or unix:// address; empty: the embedded Valkey.")
    appendfsync: Literal["always", "everysec"] = Field(
        "always", description="Embedded server: when a write is durable."
    )


def _address_of_pages(url: str) -> str:
    parts = urlsplit(url)
    if url and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError(f"'{url}' is no address of a web page, such as https://live.example.org")
    return url.rstrip("/")


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"'{text}' is no network such as 10.1.0.0/16: {error}") from None


class EdgeSettings(_Section):
    """`plenum edge`: delivery on another machine, fed by a front or by another edge."""

    name: str = Field("", pattern=r"^[a-z0-9-]{0,32}$", description="Name of this edge; empty: that of the machine.")
    upstream: list[Annotated[str, Field(pattern=r"^(ws|http)s?://[^/\s?#]+/?$")]] = Field(
        default_factory=list, description="Fronts or edges to take the feed from, best first: https://live.example.org."
    )
    upstream_ca: Path | None = Field(None, description="PEM certificate to trust upstream by, where it is our own.")
    public_url: str = Field("", description="Address by which viewers reach this edge; without it none is sent here.")
    pages_url: str = Field("", description="Address of the pages (the front's): browsers may open sockets from there.")

    @field_validator("public_url", "pages_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        return _address_of_pages(url)


class PlacementSettings(_Section):
    """Which edge a viewer is sent to."""

    subnets: dict[str, Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]] = Field(
        default_factory=dict, description="Network to name of the edge there; the longest prefix counts."
    )
    origins: list[Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.*:\[\]-]+$")]] = Field(
        default_factory=list,
        description="Edges that pages may reach beside those registered when they are opened: https://*.example.org.",
    )

    @field_validator("subnets")
    @classmethod
    def _networks(cls, subnets: dict[str, str]) -> dict[str, str]:
        return {_network(network): edge for network, edge in subnets.items()}


class IceServerSettings(_Section):
    """A STUN or TURN server that presenters are told of (RFC 9725 4.6)."""

    urls: list[Annotated[str, Field(pattern=r"^(stuns?|turns?):[A-Za-z0-9.:\[\]_?=-]+$")]] = Field(
        min_length=1, description="stun:, stuns:, turn: or turns: addresses."
    )
    username: str = Field("", pattern=_PRINTABLE, description="For TURN.")
    credential: str = Field("", pattern=_PRINTABLE, description="The password to it; presenters are told it.")

    @model_validator(mode="after")
    def _turn_has_credentials(self) -> Self:
        if any(url.startswith("turn") for url in self.urls) and not (self.username and self.credential):
            raise ValueError("a TURN server needs username and credential")
        return self


class RtcSettings(_Section):
    bind: list[str] = Field(
        default_factory=list, description="Addresses for media sockets; empty: those of server.host."
    )
    public_address: str = Field("", description="Address announced instead of the bound one (containers, NAT, cloud).")
    port_min: int = Field(0, ge=0, le=65535, description="First UDP port for media; 0: any.")
    port_max: int = Field(0, ge=0, le=65535, description="Last UDP port for media; 0: any.")
    ice_servers: list[IceServerSettings] = Field(
        default_factory=list, description="STUN and TURN servers that presenters are told of, in the order to try them."
    )


class MediaSettings(_Section):
    ladder: list[str] = Field(
        default_factory=lambda: ["720p", "480p", "360p", "240p"], description="Rungs, largest first."
    )
    fps: Literal[0, 25, 30] = Field(0, description="Frame rate of the programme; 0: 25 or 30, nearest to the source.")
    x264_preset: Literal["ultrafast", "superfast", "veryfast", "faster"] = Field(
        "superfast", description="x264 preset."
    )
    sandbox: Literal["auto", "off", "required"] = Field(
        "auto",
        description="Limit the system calls of what decodes. auto: where libseccomp and the kernel can. "
        "required: nothing is decoded otherwise. off: never.",
    )

    @field_validator("ladder")
    @classmethod
    def _known_rungs(cls, ladder: list[str]) -> list[str]:
        if not ladder or any(rung not in RUNG_NAMES for rung in ladder) or len(set(ladder)) != len(ladder):
            raise ValueError(f"the ladder has one or more of {', '.join(RUNG_NAMES)}, each once")
        return sorted(ladder, key=RUNG_NAMES.index)


class DvrSettings(_Section):
    """The programme from its start, on disk."""

    enabled: bool = Field(True, description="Record the programme, so that people can go back to its start.")
    hours: int = Field(12, ge=1, le=168, description="How far back; an older hour is removed as a whole.")
    keep_hours: int = Field(24, ge=0, le=8_760, description="Kept after the event's end, then removed.")
    min_free_percent: float = Field(
        10, ge=0, le=99, description="With less of the disk free nothing is recorded; the picture goes on."
    )
    reads: int = Field(256, ge=1, le=4_096, description="Answers one front reads from disk at a time.")


class LimitSettings(_Section):
    asks_per_minute: int = Field(3, ge=1, description="Questions a person may ask in a minute.")
    votes_per_minute: int = Field(30, ge=1, description="Votes a person may give or take back in a minute.")
    sockets_per_person: int = Field(
        6, ge=1, description="Question sockets a person may hold in one event; feeds: twice as many."
    )
    sockets_per_process: int = Field(12_000, ge=1, description="Sockets one front process holds before it sheds.")
    viewers_per_event: int = Field(2_000, ge=1, description="Push viewers of one event on one front.")
    held_reloads: int = Field(4_000, ge=1, description="LL-HLS requests one front holds at a time.")
    whip_failures_per_minute: int = Field(5, ge=1, description="Refused WHIP offers from one address in a minute.")
    questions_per_event: int = Field(5_000, ge=1, description="Questions kept in one event.")
    events: int = Field(1_000, ge=1, description="Events that have not ended.")


LOAD_PROFILE: Mapping[str, int] = {
    # The named profile for load tests: many virtual people share one address or ask at once.
    "asks_per_minute": 6_000,
    "votes_per_minute": 60_000,
    "sockets_per_person": 1_000,
    "whip_failures_per_minute": 600,
    "viewers_per_event": 12_000,
}


class AuthSettings(_Section):
    secret: str = Field("", description="Secret that signs tickets and sessions; empty: one is made in data_dir.")
    session_hours: float = Field(12, gt=0, le=720, description="How long a browser's session lives.")
    delivery_key_hours: float = Field(
        6, gt=0, le=720, description="How often the key in LL-HLS addresses changes; the one before stays valid."
    )


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is written.")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON.")


class Settings(BaseSettings):
    """The whole configuration; `load` makes it, with errors a person can act on."""

    model_config = SettingsConfigDict(env_prefix="PLENUM_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Field(Path("var"), description="What must survive: store, programme state, keys.")
    runtime_dir: Path | None = Field(None, description="Sockets between the processes; empty: data_dir/run.")
    tenant: str = Field(
        "main", pattern=r"^[a-z0-9-]{1,32}$", description="Name of the customer whose events these are."
    )
    load_profile: bool = Field(False, description="Lift per-person limits for a load test; never in production.")
    server: ServerSettings = ServerSettings()
    redis: RedisSettings = RedisSettings()
    rtc: RtcSettings = RtcSettings()
    media: MediaSettings = MediaSettings()
    dvr: DvrSettings = DvrSettings()
    edge: EdgeSettings = EdgeSettings()
    placement: PlacementSettings = PlacementSettings()
    limits: LimitSettings = LimitSettings()
    auth: AuthSettings = AuthSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class names the arguments
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=os.environ.get(_CONFIG) or "plenum.toml")
        return init_settings, env_settings, toml

    @property
    def runtime(self) -> Path:
        return self.runtime_dir or self.data_dir / "run"

    @property
    def effective_limits(self) -> LimitSettings:
        return self.limits.model_copy(update=dict(LOAD_PROFILE)) if self.load_profile else self.limits


def without_password(url: str) -> str:
    """A store's address as it may be shown: in a log, an error, `plenum config show`."""
    shown = re.sub(r"^([^:/?#]+://)?([^:@/]*):.*@", r"\1\2:********@", url)
    return re.sub(r"([?&]password=)[^&#]*", r"\1********", shown)


class _WrittenSettings(Settings):
    """Settings that a parent wrote down: complete, so neither environment nor plenum.toml has a say any more."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class names the arguments
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read_back(path: Path) -> Settings:
    """The settings as `model_dump_json` wrote them to `path`. Raises BadInput `bad_settings`."""
    try:
        return _WrittenSettings.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"The settings file {path} cannot be read: {error}", code="bad_settings") from None


def _expand_file_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """`PLENUM_AUTH__SECRET_FILE=/run/secrets/x` -> `PLENUM_AUTH__SECRET=<content>`; and REDIS_URL."""
    extra: dict[str, str] = {}
    for name, value in environ.items():
        if name.startswith("PLENUM_") and name.endswith("_FILE") and value:
            try:
                extra[name.removesuffix("_FILE")] = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeError) as error:
                raise BadInput(f"{name} names a file that cannot be read: {error}", code="bad_settings") from None
    if environ.get("REDIS_URL") and "PLENUM_REDIS__URL" not in environ:
        extra["PLENUM_REDIS__URL"] = environ["REDIS_URL"]
    return extra


@contextmanager
def _file_variables_as_values() -> Iterator[None]:
    """The environment as pydantic-settings should see it; put back afterwards, since children inherit it."""
    before = dict(os.environ)
    added = _expand_file_variables(before)
    for name in before:
        if name.startswith("PLENUM_") and name.endswith("_FILE"):
            del os.environ[name]
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _check_environment(environ: Mapping[str, str]) -> None:
    """What pydantic-settings passes over in silence: a file that is not there, a section that does not exist.

    Names without `__` are left alone: they may be another program's, such as the addresses Kubernetes sets for a service.
    """
    if (named := environ.get(_CONFIG)) and not Path(named).is_file():
        raise BadInput(f"{_CONFIG} names {named}, and there is no such file.", code="bad_settings")
    for name in environ:
        section, nested, _ = name.lower().removeprefix("plenum_").partition("__")
        if nested and name.lower().startswith("plenum_") and section not in Settings.model_fields:
            raise BadInput(
                f"{name} names no setting: there is no section '{section}'. `plenum config schema` lists them.",
                code="bad_settings",
            )


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read file, environment and `flags` (nested mapping, e.g. `{"server": {"port": 0}}`).

    Raises BadInput `bad_settings` that names each wrong key and what is expected.
    """
    _check_environment(os.environ)
    with _file_variables_as_values():
        return _load(flags or {})


def _load(flags: Mapping[str, Any]) -> Settings:
    try:
        # A partial section in `flags` must not hide the file's and the environment's keys of that section.
        lower = Settings().model_dump(exclude_unset=True) if flags else {}
        return Settings(**_merge(lower, flags))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadInput(f"The settings are not right. {problems}", code="bad_settings") from None
    except ValueError as error:
        raise BadInput(f"The settings cannot be read: {error}", code="bad_settings") from None
