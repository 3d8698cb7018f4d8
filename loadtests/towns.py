"""Several machines on one: network namespaces of our own, each with one address, and a router between them with a firewall.

The scenario itself becomes the router (`line.enter`, `found`); a `Town` is a namespace that lives as long as the process that
holds it, so that everything ends by itself. What is started `with town.inside()` has that town's network.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.line import LineUnavailable, run
from plenum.store import die_with_parent

_NEW_NETWORK = 0x4000_0000
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


class Town:
    """One machine: a namespace with the address 10.77.NUMBER.2."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = f"10.77.{number}.2"
        self._link = f"to{number}"
        self._gate = f"10.77.{number}.1"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sleep", "infinity"],
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a single prctl call
        )
        self._space = Path(f"/proc/{self._holder.pid}/ns/net")
        self._await_space()
        run(f"ip link add {self._link} type veth peer name eth0 netns {self._holder.pid}")
        run(f"ip addr add {self._gate}/24 dev {self._link}")
        run(f"ip link set {self._link} up")
        with self.inside():
            for command in (
                "ip link set lo up",
                f"ip addr add {self.address}/24 dev eth0",
                "ip link set eth0 up",
                f"ip route add default via {self._gate}",
            ):
                run(command)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread's new sockets and processes belong to the town; do not wait for anybody meanwhile."""
        with Path("/proc/thread-self/ns/net").open("rb") as home:
            _enter(self._space)
            try:
                yield
            finally:
                if ctypes.CDLL(None, use_errno=True).setns(home.fileno(), _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "no way back")

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()

    def _await_space(self) -> None:
        ours = Path("/proc/self/ns/net").readlink()
        ends = time.monotonic() + 5.0
        while self._space.readlink() == ours:
            if time.monotonic() > ends or self._holder.poll() is not None:
                raise LineUnavailable("a network namespace could not be made")
            time.sleep(0.01)


def found() -> None:
    """This process is the router: packets pass where `allow` says so, all others are refused."""
    _FORWARD.write_text("1")
    for command in (
        "ip link set lo up",
        "nft add table ip wall",
        "nft add chain ip wall pass { type filter hook forward priority 0 ; policy drop ; }",
        "nft add chain ip wall count { type filter hook forward priority -1 ; }",
        "nft add chain ip wall cut { type filter hook forward priority -2 ; }",
        "nft add rule ip wall pass ct state established,related accept",
    ):
        run(command)


def allow(pairs: Iterable[tuple[Town, Town]]) -> None:
    """Connections from the first town of each pair to the second one."""
    for source, target in pairs:
        run(f"nft add rule ip wall pass ip saddr {source.address} ip daddr {target.address} accept")


def cut(town: Town) -> None:
    """From now on no packet reaches this town or leaves it, of whatever connection, and nobody is told."""
    for where in ("saddr", "daddr"):
        run(f"nft add rule ip wall cut ip {where} {town.address} drop")


def mend() -> None:
    """Packets pass again as before all cuts."""
    run("nft flush chain ip wall cut")


def count(source: Town, target: Town) -> None:
    """From now on `counted` knows what goes from the first town to the second one."""
    run(f"nft add counter ip wall {source.name}_{target.name}")
    addresses = f"ip saddr {source.address} ip daddr {target.address}"
    run(f"nft add rule ip wall count {addresses} counter name {source.name}_{target.name}")


def counted(source: Town, target: Town) -> int:
    """Bytes, headers of the network's packets too."""
    told = json.loads(run(f"nft -j list counter ip wall {source.name}_{target.name}"))
    return int(told["nftables"][-1]["counter"]["bytes"])


def _enter(space: Path) -> None:
    with space.open("rb") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _NEW_NETWORK):
            raise LineUnavailable(f"{space}: {os.strerror(ctypes.get_errno())}")
