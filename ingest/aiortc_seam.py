"""The receiving WebRTC session on aiortc: what a peer process needs of it, and nothing else of it leaks out.

aiortc does ICE, DTLS and SRTP. Offers are read by `plenum/offer.py`, answers written by `plenum/answer.py`,
packets understood by `ingest/reception.py`. The private hooks are in `plenum/rtc_seam.py`, which the publisher shares.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy

from ingest.peer_messages import PeerEnd
from plenum.answer import canonical_offer, read_transport, write_answer
from plenum.offer import Offer
from plenum.rtc_binding import MediaBinding
from plenum.rtc_seam import MediaPipe, OnPacket, bind_media


class ReceivingSession:
    """One presenter's connection. `ended` is done, with the reason, when it is over for any cause but `close`."""

    def __init__(self) -> None:
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._pc.on("connectionstatechange", self._on_state)
        self.ended: asyncio.Future[PeerEnd] = asyncio.get_running_loop().create_future()
        self.dropped: Counter[str] = Counter()
        self._pipe: MediaPipe | None = None

    @property
    def is_connected(self) -> bool:
        return self._pipe is not None and self._pipe.connected.done()

    async def answer(self, offer: Offer, binding: MediaBinding, rtp: OnPacket, rtcp: OnPacket) -> str:
        """The complete answer; packets go to the two handlers from now on. Raises Unavailable `no_port`."""
        await self._pc.setRemoteDescription(RTCSessionDescription(canonical_offer(offer), "offer"))
        self.dropped = bind_media(self._pc, binding)
        self._pipe = MediaPipe(self._pc)
        self._pipe.on_closed(self._on_closed)
        self._pipe.on_media(rtp, rtcp)
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        transport = read_transport(self._pc.localDescription.sdp)
        return write_answer(offer, transport, session=secrets.randbits(62))

    async def send(self, packets: list[bytes]) -> None:
        """Send RTCP; nothing happens before the connection is up."""
        if self._pipe is not None and self._pipe.connected.done():
            await self._pipe.send(packets)

    async def close(self) -> None:
        """Say goodbye (DTLS close_notify) and release the ports."""
        await self._pc.close()

    def _on_state(self) -> None:
        if self._pc.connectionState == "failed":
            self._end(PeerEnd.LOST)

    def _on_closed(self, by_presenter: bool) -> None:
        self._end(PeerEnd.LEFT if by_presenter else PeerEnd.LOST)

    def _end(self, reason: PeerEnd) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)
