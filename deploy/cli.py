"""The `plenum` command. Every failure is one sentence that says what to do, a stable code, and exit code 1."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.reverse_proxy import CACHE, configuration, site
from plenum import __version__
from plenum.errors import PlenumError
from plenum.settings import Settings, load, without_password

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Plenum: large internal live events, self-hosted.")
events = typer.Typer(no_args_is_help=True, help="Events of the platform that runs here.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens for presenters' software and bots.")
config = typer.Typer(no_args_is_help=True, help="The configuration.")
app.add_typer(events, name="event")
app.add_typer(tokens, name="token")
app.add_typer(config, name="config")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Host = Annotated[str | None, typer.Option(help="Address to listen on; others than loopback need --tls.")]
Port = Annotated[int | None, typer.Option(help="Main port.", min=0, max=65535)]
AdminPort = Annotated[int | None, typer.Option(help="Port of health and metrics.", min=0, max=65535)]
DataDir = Annotated[Path | None, typer.Option(help="Folder for what must survive.")]
EventId = Annotated[str, typer.Option("--event", help="The event's id.")]


def _flags(sections: dict[str, dict[str, Any]], **top: Any) -> dict[str, Any]:
    """Only what was given: a flag that was left out must not hide the file or the environment."""
    given: dict[str, Any] = {name: value for name, value in top.items() if value is not None}
    for section, values in sections.items():
        kept = {name: value for name, value in values.items() if value is not None}
        if kept:
            given[section] = kept
    return given


def _settings(port: int | None = None, data_dir: Path | None = None) -> Settings:
    with _sentences():
        return load(_flags({"server": {"port": port}}, data_dir=data_dir))


def _platform(port: int | None, data_dir: Path | None) -> Settings:
    """The settings of the platform that runs here, for commands that speak to it."""
    from deploy.client import running  # noqa: PLC0415 - loads aiohttp

    with _sentences():
        return running(_settings(port, data_dir), port)


@app.command()
def run(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Add an event with a synthetic presenter and bots.")] = False,
    host: Host = None,
    port: Port = None,
    admin_port: AdminPort = None,
    tls: Annotated[str | None, typer.Option(help="off, auto, files or proxy.")] = None,
    public_url: Annotated[str | None, typer.Option(help="Address people use.")] = None,
    data_dir: DataDir = None,
    fronts: Annotated[int | None, typer.Option(help="Front processes.", min=1)] = None,
    load_profile: Annotated[
        bool, typer.Option("--load-profile", help="Lift per-person limits for a load test.")
    ] = False,
) -> None:
    """Run the whole platform."""
    from deploy.run import run as run_platform  # noqa: PLC0415 - `plenum --help` should not load the media stack

    server = {
        "host": host,
        "port": port,
        "admin_port": admin_port,
        "tls": tls,
        "public_url": public_url,
        "fronts": fronts,
    }
    with _sentences():
        settings = load(_flags({"server": server}, data_dir=data_dir, load_profile=load_profile or None))
    _finish(run_platform(settings, with_demo=demo, console=out))


@app.command()
def edge(
    *,
    upstream: Annotated[
        list[str] | None, typer.Option(help="A front or edge to take the feed from; best first.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of this edge; left out: the machine's.")] = None,
    public_url: Annotated[str | None, typer.Option(help="Address by which viewers reach this edge.")] = None,
    pages_url: Annotated[str | None, typer.Option(help="Address of the pages: the front's.")] = None,
    host: Host = None,
    port: Port = None,
    admin_port: AdminPort = None,
    tls: Annotated[str | None, typer.Option(help="off, auto, files or proxy.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Deliver on another machine what a front (or another edge) has: push and LL-HLS."""
    from deploy.edge import run_edge  # noqa: PLC0415 - `plenum --help` should not load the server

    sections: dict[str, dict[str, Any]] = {
        "server": {"host": host, "port": port, "admin_port": admin_port, "tls": tls},
        "edge": {"upstream": upstream or None, "name": name, "public_url": public_url, "pages_url": pages_url},
    }
    with _sentences():
        settings = load(_flags(sections, data_dir=data_dir))
    _finish(run_edge(settings, console=out))


@app.command()
def present(
    source: Annotated[str, typer.Argument(help="A file that FFmpeg reads (mp4, mkv, webm), or 'testsrc'.")],
    event: EventId,
    token: Annotated[str, typer.Option(help="A presenter's token: `plenum token create`.", envvar="PLENUM_TOKEN")] = "",
    url: Annotated[str, typer.Option(help="WHIP address; empty: the platform that runs here.")] = "",
    *,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end of the file.")] = False,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Publish a file or a test picture by WHIP."""
    from deploy.present import present as publish  # noqa: PLC0415 - loads the media stack

    _finish(publish(_platform(port, data_dir), source, event, token=token, url=url, loop=loop, console=err))


@events.command("create")
def event_create(
    title: str,
    language: Annotated[str, typer.Option(help="de or en.")] = "en",
    moderation: Annotated[str, typer.Option(help="pre: questions wait for review; post: they show at once.")] = "pre",
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Create an event and print its links."""
    settings = _platform(port, data_dir)

    async def create() -> None:
        body = {"title": title, "language": language, "moderation": moderation}
        made = await _call(settings, "POST", "/api/v1/events", body)
        links = await _call(settings, "GET", f"/api/v1/events/{made['id']}/links")
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_row("id", made["id"])
        for link in links["links"]:
            table.add_row(link["role"], link["url"])
        out.print(table, soft_wrap=True)

    _finish(create())


@events.command("list")
def event_list(
    *, as_json: Annotated[bool, typer.Option("--json")] = False, port: Port = None, data_dir: DataDir = None
) -> None:
    """List all events."""
    settings = _platform(port, data_dir)

    async def show() -> None:
        answer = await _call(settings, "GET", "/api/v1/events")
        if as_json:
            out.print_json(json.dumps(answer["events"]))
            return
        table = Table("id", "title", "state", box=None, pad_edge=False)
        for event in answer["events"]:
            table.add_row(event["id"], event["title"], event["state"])
        out.print(table)

    _finish(show())


@events.command("end")
def event_end(event: str, port: Port = None, data_dir: DataDir = None) -> None:
    """End an event for everybody. It cannot be taken back."""
    settings = _platform(port, data_dir)
    _finish(_call(settings, "POST", f"/api/v1/events/{event}/end"))
    out.print(f"Event {event} has ended.")


@tokens.command("create")
def token_create(
    event: EventId,
    role: Annotated[str, typer.Option(help="presenter, producer, viewer or bot.")],
    name: Annotated[str, typer.Option(help="Name shown to others.")] = "",
    hours: Annotated[float, typer.Option(help="How long it is valid.", min=0.01, max=720)] = 12,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Print a bearer token for one event and role."""
    from deploy.tokens import event_is_known, make  # noqa: PLC0415 - loads aiohttp

    settings = _platform(port, data_dir)

    async def create() -> None:
        token = make(settings, event, role, name, now=time.time(), lifetime_s=hours * 3600)
        if not await event_is_known(settings, event):
            err.print("No Plenum runs here, so whether there is such an event was not checked.", soft_wrap=True)
        typer.echo(token)

    _finish(create())


@app.command()
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json")] = False, port: Port = None, data_dir: DataDir = None
) -> None:
    """Check whether this machine can run the platform."""
    from deploy.doctor import examine  # noqa: PLC0415 - loads the media stack to look at its codecs

    with _sentences():
        findings = examine(_settings(port, data_dir))
    if as_json:
        out.print_json(json.dumps([finding.as_dict() for finding in findings]))
    else:
        for finding in findings:
            mark = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}[finding.level]
            out.print(f"{mark} {finding.name}: {finding.detail}")
    raise typer.Exit(1 if any(finding.level == "bad" for finding in findings) else 0)


@config.command("check")
def config_check() -> None:
    """Say whether the configuration is right."""
    from deploy.check import check  # noqa: PLC0415 - loads the store's client

    with _sentences():
        check(load())
    out.print("The configuration is right.")


@config.command("show")
def config_show() -> None:
    """Print the configuration in force, secrets hidden."""
    with _sentences():
        settings = load()
    shown = settings.model_dump(mode="json")
    if shown["auth"]["secret"]:
        shown["auth"]["secret"] = "********"  # noqa: S105 - what stands in for it
    for server in shown["rtc"]["ice_servers"]:
        if server["credential"]:
            server["credential"] = "********"
    shown["redis"]["url"] = without_password(shown["redis"]["url"])
    out.print_json(json.dumps(shown))


@config.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration."""
    out.print_json(json.dumps(Settings.model_json_schema()))


@app.command()
def nginx(
    cert: Annotated[Path | None, typer.Option(help="PEM certificate chain; else server.tls_cert.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM private key; else server.tls_key.")] = None,
    upstream: Annotated[
        list[str] | None, typer.Option(help="host:port of a front, once for each; else the one of the settings.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Folder of nginx's cache; in memory.")] = CACHE,
    public_url: Annotated[str | None, typer.Option(help="Address people use.")] = None,
) -> None:
    """Print a configuration for nginx in front: TLS, HTTP/2, a cache for those who pull."""
    with _sentences():
        server = load(_flags({"server": {"public_url": public_url}})).server
        described = dataclasses.replace(site(server, cert, key, upstream or []), cache=cache)
        typer.echo(configuration(described), nl=False)
    if server.tls != "proxy":
        err.print("Start Plenum with --tls proxy behind it, or it counts everybody as one.", soft_wrap=True)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


async def _call(settings: Settings, method: str, path: str, body: Any = None) -> Any:
    from deploy.client import call  # noqa: PLC0415 - loads aiohttp

    return await call(settings, method, path, body)


class _sentences:
    """`with _sentences():` an error becomes one sentence and exit code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        cause = _innermost(error)
        if isinstance(cause, PlenumError):
            err.print(f"[red]{cause.code}[/]: {cause.message}", soft_wrap=True)
            raise typer.Exit(1) from None


def _finish(work: Coroutine[Any, Any, object]) -> None:
    with _sentences():
        try:
            asyncio.run(work)
        except KeyboardInterrupt:
            raise typer.Exit(128 + signal.SIGINT) from None


def _innermost(error: BaseException | None) -> BaseException | None:
    """What really happened inside a task group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


main: Callable[[], None] = app

if __name__ == "__main__":
    main()
