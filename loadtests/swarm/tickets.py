"""Tickets for virtual viewers, each a person of their own, signed with the secret of the platform on this machine."""

from __future__ import annotations

import time
from pathlib import Path

from plenum.identity import Principal, Role, Signer, new_subject

TENANT = "main"
LIFETIME_S = 12 * 3600.0


def tickets(
    data_dir: Path, event: str, count: int, tenant: str = TENANT, lifetime_s: float = LIFETIME_S
) -> tuple[str, ...]:
    """Raises FileNotFoundError where no platform has its data there."""
    signer = Signer((data_dir / "secret.key").read_bytes())
    now = time.time()
    return tuple(
        signer.ticket(Principal(tenant, event, Role.VIEWER, f"load-{new_subject()}"), now, lifetime_s)
        for _ in range(count)
    )
