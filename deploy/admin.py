"""Health and metrics: each process serves its own on a unix socket, the supervisor's admin port shows them as one.

`/livez` `/readyz` `/metrics` `/version`. Counters and gauges of equal name and labels are summed over the processes, which
is what they mean (viewers, bytes); the process's own figures (`process_…`, `python_…`) stay apart under a `process` label.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from plenum import __version__, metrics
from plenum.web import application, json_response

PATIENCE_S = 2.0
OWN = ("process_", "python_")

Health = Callable[[], Mapping[str, bool]]


def process_app() -> web.Application:
    """What every child serves on its admin socket."""
    app = application()
    app.add_routes([web.get("/metrics", _own_metrics), web.get("/livez", _alive)])
    return app


async def _own_metrics(request: web.Request) -> web.Response:
    body, content_type = metrics.render(request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


async def _alive(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


class Admin:
    """The admin port."""

    def __init__(self, sockets: Callable[[], Mapping[str, Path]], health: Health) -> None:
        self._sockets = sockets
        self._health = health

    def app(self) -> web.Application:
        app = application()
        app.add_routes(
            [
                web.get("/livez", _alive),
                web.get("/readyz", self._ready),
                web.get("/metrics", self._metrics),
                web.get("/version", self._version),
            ]
        )
        return app

    async def _ready(self, _: web.Request) -> web.Response:
        parts = self._health()
        ready = all(parts.values())
        return json_response({"ready": ready, "processes": dict(parts)}, status=200 if ready else 503)

    async def _version(self, _: web.Request) -> web.Response:
        return json_response({"version": __version__})

    async def _metrics(self, request: web.Request) -> web.Response:
        texts = await self._collect()
        registry = CollectorRegistry()
        registry.register(_Merged(texts))
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": content_type})

    async def _collect(self) -> dict[str, str]:
        names = self._sockets()
        texts = await asyncio.gather(*(_fetch(path) for path in names.values()))
        return {name: text for name, text in zip(names, texts, strict=True) if text}


async def _fetch(path: Path) -> str:
    try:
        timeout = ClientTimeout(total=PATIENCE_S)
        async with (
            ClientSession(connector=UnixConnector(str(path)), timeout=timeout) as session,
            session.get("http://process/metrics", headers={"Accept": "text/plain"}) as response,
        ):
            return await response.text()
    except (ClientError, OSError, TimeoutError):
        return ""  # a process that is starting again: its part of the sums is missing, /readyz says so


class _Merged(Collector):
    """The metric families of several processes as one set."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        sums: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
        for process, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    _add(sums, _labelled(sample, process))
        by_family = sorted(families, key=len, reverse=True)
        for sample in sums.values():
            owner = next(name for name in by_family if sample.name.startswith(name))
            families[owner].samples.append(sample)
        return families.values()


def _labelled(sample: Sample, process: str) -> Sample:
    own = sample.name.startswith(OWN)
    return sample._replace(labels=dict(sample.labels) | ({"process": process} if own else {}))


def _add(sums: dict[tuple[str, tuple[tuple[str, str], ...]], Sample], sample: Sample) -> None:
    if sample.name.endswith("_created"):
        return
    key = (sample.name, tuple(sorted(sample.labels.items())))
    old = sums.get(key)
    states_a_fact = sample.name.endswith("_info")  # the same 1 from every process
    sums[key] = sample if old is None or states_a_fact else old._replace(value=old.value + sample.value)
