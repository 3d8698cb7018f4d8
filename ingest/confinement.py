"""What a transcoder process may use: it decodes what strangers send, so a bug in a decoder must stay small.

`python -m ingest.confinement` tries it on itself and says in one line what came of it (`plenum doctor` asks).
"""

from __future__ import annotations

import contextlib
import os
import resource
import stat
import sys
from pathlib import Path
from typing import Literal

from ingest.system_calls import Unconfinable, restrict
from plenum.errors import Unavailable
from plenum.log import get_logger

log = get_logger("confinement")

Sandbox = Literal["auto", "off", "required"]
SANDBOXES: tuple[Sandbox, ...] = ("auto", "off", "required")

ADDRESS_SPACE = 1536 * 1024 * 1024
"""Three rungs of x264 and a 1080p decoder take a third of it."""
DESCRIPTORS = 32
"""Eight sources, those of the process itself and of a message that is refused: 20."""
STANDARD_STREAMS = (1, 2)


def confine(sandbox: Sandbox = "auto") -> None:
    """From now on: bounded memory and descriptors, no files, no core dump, and the system calls of the list alone.

    A stricter limit that is already set stays. Where the list cannot be put in force, `auto` goes on without and logs a
    warning, `required` raises Unavailable `no_sandbox`.
    """
    _lower(resource.RLIMIT_AS, ADDRESS_SPACE)
    _lower(resource.RLIMIT_NOFILE, DESCRIPTORS)
    _lower(resource.RLIMIT_CORE, 0)
    if not _logs_to_a_file():
        _lower(resource.RLIMIT_FSIZE, 0)
    if sandbox == "off":
        return
    try:
        restrict()
    except Unconfinable as error:
        if sandbox == "required":
            raise Unavailable(f"media.sandbox is required, but {error}.", code="no_sandbox") from None
        log.warning("transcoder_unconfined", detail=str(error))


def _lower(what: int, to: int) -> None:
    _, hard = resource.getrlimit(what)
    limit = to if hard == resource.RLIM_INFINITY else min(to, hard)
    resource.setrlimit(what, (limit, limit))


def _logs_to_a_file() -> bool:
    """The limit on files would silence a log that goes to one; to open another the list of system calls refuses."""
    for descriptor in STANDARD_STREAMS:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return True
    return False


def _try() -> int:
    """Exit code 0 when the list is in force and does what it says."""
    try:
        calls = restrict()
    except Unconfinable as error:
        sys.stdout.write(f"{error}\n")
        return 1
    try:
        Path(__file__).open("rb").close()
    except PermissionError:
        sys.stdout.write(f"{calls} system calls are allowed\n")
        return 0
    sys.stdout.write("the kernel takes the filter and does not apply it\n")
    return 1


if __name__ == "__main__":
    sys.exit(_try())
