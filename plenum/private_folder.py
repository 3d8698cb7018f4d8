"""Folders that only our own user may enter: they hold join codes, keys, and who asked a confidential question."""

from __future__ import annotations

import stat
from pathlib import Path

from plenum.log import get_logger

log = get_logger("private_folder")


def make_private(folder: Path) -> None:
    """Make the folder, or close one that is there already. Raises OSError where it cannot be made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if stat.S_IMODE(mode) & 0o077 == 0:
        return
    if mode & stat.S_ISVTX:  # a place for everybody, such as the temporary folder: closing it would break others
        log.warning("folder_is_shared", folder=str(folder))
        return
    try:
        folder.chmod(0o700)
    except PermissionError:  # somebody else's folder that was given to us, for example a mounted volume
        log.warning("folder_is_open_to_others", folder=str(folder))
