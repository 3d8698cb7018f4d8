"""What a transcoder process may use: it decodes what strangers send, so a bug in a decoder must stay small."""

from __future__ import annotations

import resource

ADDRESS_SPACE = 1536 * 1024 * 1024
"""Three rungs of x264 and a 1080p decoder take a third of it."""
DESCRIPTORS = 64


def confine() -> None:
    """Bound memory and descriptors, leave no core dump behind. A stricter limit that is already set stays."""
    _lower(resource.RLIMIT_AS, ADDRESS_SPACE)
    _lower(resource.RLIMIT_NOFILE, DESCRIPTORS)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(what: int, to: int) -> None:
    _, hard = resource.getrlimit(what)
    limit = to if hard == resource.RLIM_INFINITY else min(to, hard)
    resource.setrlimit(what, (limit, limit))
