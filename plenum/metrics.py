"""Metrics shared by all tiers. Names follow the Prometheus rules; labels are bounded: never a viewer, address or token."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY, Counter, Gauge, Info
from prometheus_client.exposition import choose_encoder

from plenum import __version__

rejected = Counter("plenum_rejected", "Requests, messages and packets turned away, by reason.", ["reason"])
tasks = Gauge("plenum_asyncio_tasks", "Tasks of this process's event loop; growing without end is a leak.")
build = Info("plenum_build", "Version of this process.")
build.info({"version": __version__})


def render(accept: str) -> tuple[bytes, str]:
    """The exposition of this process, OpenMetrics where asked for: body and content type. Called in its event loop."""
    tasks.set(len(asyncio.all_tasks()))
    encoder, content_type = choose_encoder(accept)
    return encoder(REGISTRY), content_type
