"""The installation's secret: given by the operator, or made once and kept in the data folder, readable by nobody else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from plenum.errors import BadInput
from plenum.identity import DELIVERY_PERIOD_S, Signer
from plenum.private_folder import make_private

SECRET_MIN = 16


def signer(configured: str, data_dir: Path, delivery_period_s: float = DELIVERY_PERIOD_S) -> Signer:
    """Raises BadInput `weak_secret`."""
    if configured:
        if len(configured) < SECRET_MIN:
            raise BadInput(f"auth.secret needs at least {SECRET_MIN} characters.", code="weak_secret")
        return Signer(configured.encode(), delivery_period_s)
    return Signer(_kept(data_dir / "secret.key"), delivery_period_s)


def _kept(path: Path) -> bytes:
    make_private(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        made = secrets.token_bytes(32)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made
