"""Where media sockets are opened and what is announced of them. Rules only; `plenum/rtc_seam.py` binds."""

from __future__ import annotations

import ipaddress

import msgspec

from plenum.errors import BadInput


class MediaBinding(msgspec.Struct, frozen=True):
    """The settings `rtc.*` as plain values."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    """IP addresses; `0.0.0.0` and `::` stand for those of every interface."""
    public_address: str = ""
    """Announced instead of a bound address of the same family (containers, NAT, cloud)."""
    port_min: int = 0
    port_max: int = 0

    def checked(self) -> MediaBinding:
        """Itself, or BadInput `bad_rtc_settings` with what to write instead."""
        for address in (*self.addresses, *([self.public_address] if self.public_address else [])):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise _bad(f"'{address}' is not an IP address. Give rtc.bind and rtc.public_address as such.") from None
        if not self.addresses:
            raise _bad("rtc.bind names no address.")
        if self.port_max < self.port_min or (self.port_max and not self.port_min):
            raise _bad("rtc.port_min and rtc.port_max are the first and the last port of one range.")
        return self


def _bad(sentence: str) -> BadInput:
    return BadInput(sentence, code="bad_rtc_settings")
