"""The environment of peers and transcoders: ours without the platform's settings, which hold its secrets.

They read what strangers send and are told all they need as arguments and messages.
"""

from __future__ import annotations

import os


def child_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not _is_setting(name.upper())}


def _is_setting(name: str) -> bool:
    return name.startswith("PLENUM_") or name == "REDIS_URL"
