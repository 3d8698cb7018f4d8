"""A front with a film on it, for what stands behind one."""

from tests.sfu.conftest import film, origin, signer, start_front

__all__ = ["film", "origin", "signer", "start_front"]
