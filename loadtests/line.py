"""A bad line on one machine: a network namespace of our own, where packets to the media ports are lost or have to queue.

Everything (platform, browser, viewers) runs inside, so that loopback is the line and nothing outside is touched. `enter`
starts the program again inside; root is needed for that. `tc netem` is not in every kernel: loss is nftables, rate is `tbf`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

MEDIA_PORTS = (49_920, 50_047)
SETTINGS = {"PLENUM_RTC__PORT_MIN": str(MEDIA_PORTS[0]), "PLENUM_RTC__PORT_MAX": str(MEDIA_PORTS[1])}
"""Of a platform that is to stand behind this line."""
DRAINED_S = 0.05
_INSIDE = "PLENUM_LINE_NAMESPACE"


class LineUnavailable(Exception):
    """This machine cannot make one; the message says what is missing."""


def enter() -> None:
    """Go on inside a namespace of our own: replaces this process, once. Raises LineUnavailable."""
    if os.environ.get(_INSIDE):
        return
    if os.geteuid() != 0:
        raise LineUnavailable("A network namespace needs root.")
    os.environ[_INSIDE] = "1"
    module = [sys.executable, "-m", "loadtests", *sys.argv[1:]]
    os.execvp("unshare", ["unshare", "--net", *module])  # noqa: S606 - the same program again


def lay() -> None:
    """Loopback, and a route without which browsers think they are offline."""
    for command in (
        "ip link set lo up",
        "ip link add away type veth peer name far",
        "ip addr add 198.18.0.1/24 dev away",
        "ip link set away up",
        "ip link set far up",
        "ip route add default via 198.18.0.2",
        "nft add table inet line",
        "nft add chain inet line in { type filter hook input priority 0 ; }",
        "nft add chain inet line out { type filter hook output priority 0 ; }",
    ):
        run(command)


def small_packets() -> None:
    """Packets as large as on a real line: loopback's own of 64 KiB never fit through a narrow one. Before anybody connects."""
    run("ip link set lo mtu 1500")


def lose(percent: int) -> None:
    """Drop so many of a hundred packets to the media ports, at random; 0 drops none."""
    run("nft flush chain inet line in")
    if percent:
        ports = f"{MEDIA_PORTS[0]}-{MEDIA_PORTS[1]}"
        run(f"nft add rule inet line in udp dport {ports} numgen random mod 100 < {percent} drop")


def narrow(kbit_s: int) -> None:
    """Let so much through to the media ports, the rest queues for 300 ms at most."""
    _narrow(kbit_s, f"udp dport {MEDIA_PORTS[0]}-{MEDIA_PORTS[1]}")


def narrow_from(port: int, kbit_s: int) -> None:
    """The same for what comes from this TCP port: the line of whoever watches."""
    _narrow(kbit_s, f"tcp sport {port}")


def _narrow(kbit_s: int, packets: str) -> None:
    run("tc qdisc add dev lo root handle 1: htb default 1")
    for wide in ("1:1", "1:3"):
        run(f"tc class add dev lo parent 1: classid {wide} htb rate 10gbit quantum 60000")
    run(f"tc qdisc add dev lo parent 1:3 handle 30: tbf rate {kbit_s}kbit burst 8kb latency 300ms")
    # htb goes by the priority of a packet where that names a class: so no filter module is needed.
    run(f"nft add rule inet line out {packets} meta priority set 1:3")


def widen() -> None:
    """No bound any more. What still queues arrives, as it does on a line that becomes free; deleting the queue would lose it."""
    run("tc qdisc change dev lo parent 1:3 handle 30: tbf rate 1gbit burst 1mb latency 300ms")
    time.sleep(DRAINED_S)
    run("nft flush chain inet line out")
    run("tc qdisc del dev lo root")


def run(command: str) -> str:
    """What the command said. Raises LineUnavailable, with that where it failed."""
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LineUnavailable(f"{error.filename} is missing: apt install iproute2 nftables") from None
    if done.returncode:
        raise LineUnavailable(f"{command}: {done.stderr.strip()}")
    return done.stdout
