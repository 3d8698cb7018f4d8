"""One session of a WHIP publisher: its resource at the server, its connection, and the tasks that send.

aiortc does ICE, DTLS and SRTP; RTP and RTCP are ours (`rtp_stream.py`), and what is sent comes from `broadcast.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl as tls
import time

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpparameters import RTCRtpCodecCapability, RTCRtpSendParameters

from plenum import rtcp
from plenum.broadcast import Broadcast
from plenum.encoding import AUDIO_RATE, VIDEO_RATE, Encoded
from plenum.errors import PlenumError, Unavailable
from plenum.log import get_logger
from plenum.media_source import MediaSource
from plenum.offer import MID_URI
from plenum.rtc_binding import MediaBinding
from plenum.rtc_seam import MediaPipe, bind_media, sender_ssrcs
from plenum.rtp_stream import RtpStream, StreamNumbers, h264_payloads
from plenum.signalling import SDP
from plenum.testsrc import TestSource

log = get_logger("publisher")

POST_WITHIN_S = 15.0
CONNECT_WITHIN_S = 15.0
REPORT_EVERY_S = 1.0
BURST = 16
"""Packets sent at a time; a key frame is spread over half a picture's time, so that no buffer on its way overflows."""
BURST_PAUSE_S = 0.002


class PublisherStats(msgspec.Struct):
    """Counts since the last start."""

    connected: bool = False
    seconds: float = 0.0
    pictures: int = 0
    keyframes: int = 0
    sounds: int = 0
    packets: int = 0
    bytes: int = 0
    repairs: int = 0
    keyframe_requests: int = 0
    left_out: int = 0
    reconnects: int = 0

    def __str__(self) -> str:
        rate = self.bytes * 8 / self.seconds / 1e6 if self.seconds else 0.0
        extra = f", {self.left_out} left out" if self.left_out else ""
        return f"{self.seconds:.0f} s, {self.pictures} pictures{extra}, {rate:.1f} Mbit/s, {self.repairs} repairs"


class WhipSession:
    """One WHIP session: HTTP resource, connection, and the tasks that send."""

    def __init__(
        self, url: str, token: str, context: tls.SSLContext | None, stats: PublisherStats, replaces: str = ""
    ) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._replaces = {"Plenum-Replaces": replaces} if replaces else {}
        self._http = ClientSession(
            connector=TCPConnector(ssl=context or True), timeout=ClientTimeout(total=POST_WITHIN_S)
        )
        self._stats = stats
        self._resource = ""
        self._is_closed = False
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._pc.on("connectionstatechange", self._on_state)
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pipe: MediaPipe | None = None
        self._broadcast: Broadcast | None = None
        self._streams: dict[str, RtpStream] = {}
        self._sending: asyncio.Task[None] | None = None
        self._repairing: set[asyncio.Task[bool]] = set()

    @property
    def name(self) -> str:
        """As the server calls it; empty before it has answered."""
        return self._resource.rpartition("/")[2]

    # --- opening ---

    async def open(self, source: MediaSource, binding: MediaBinding, bitrate_bps: int) -> None:
        self._pc.addTransceiver("video", "sendonly").setCodecPreferences(_h264())
        if source.has_audio:
            self._pc.addTransceiver("audio", "sendonly")
        bind_media(self._pc, binding)
        self._pipe = MediaPipe(self._pc)
        self._pipe.on_media(_ignore, self._on_rtcp)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        answer = await self._post(self._pc.localDescription.sdp)
        await self._accept(answer)
        await self._connected(self._pipe)
        self._streams = {kind: _stream(kind, self._pc, sent) for kind, sent in self._pipe.sending.items()}
        if "video" not in self._streams:
            raise Unavailable("The server takes no video in H.264.", code="no_common_codec")
        # The test picture is flat: the cheapest preset shows it as well, and the demo leaves the machine to others.
        self._broadcast = Broadcast(source, bitrate_bps, "ultrafast" if isinstance(source, TestSource) else "superfast")
        self._stats.connected = True
        self._broadcast.start()
        self._sending = asyncio.create_task(self._send_all(self._broadcast, self._pipe))

    async def _post(self, offer: str) -> str:
        headers = self._headers | self._replaces | {"Content-Type": SDP, "Accept": SDP}
        try:
            async with self._http.post(self._url, data=offer, headers=headers) as response:
                text = await response.text()
                if response.status != 201:
                    raise _refusal(response, text)
                location = response.headers.get("Location", "")
                self._resource = str(response.url.join(response.url.__class__(location))) if location else ""
                return text
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise Unavailable(f"The server at {self._url} cannot be reached: {reason}", code="unreachable") from None

    async def _accept(self, answer: str) -> None:
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:  # noqa: BLE001 - aiortc's parser has no common type, the text is a server's
            log.warning("answer_not_understood", error=repr(error))
            raise Unavailable("The server's answer is not understood here.", code="bad_answer") from None

    async def _connected(self, pipe: MediaPipe) -> None:
        both: list[asyncio.Future[None]] = [pipe.connected, self._lost]
        await asyncio.wait(both, timeout=CONNECT_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if not pipe.connected.done():
            raise Unavailable(
                "No media connection: the server took the offer, but UDP does not get through. Check firewalls and "
                "the server's rtc.bind and rtc.public_address.",
                code="never_connected",
            )

    # --- while it runs ---

    async def wait(self) -> None:
        assert self._sending is not None  # noqa: S101 - set by open
        await asyncio.wait([self._sending, self._lost], return_when=asyncio.FIRST_COMPLETED)
        if self._is_closed:
            return
        self._stats.connected = not self._lost.done()
        if self._sending.done() and not self._lost.done():
            self._sending.result()
            return
        raise Unavailable("The connection to the server was lost, or the server ended it.", code="connection_lost")

    async def _send_all(self, broadcast: Broadcast, pipe: MediaPipe) -> None:
        async with asyncio.TaskGroup() as tasks:
            reports = tasks.create_task(self._send_reports(broadcast, pipe))
            sound = tasks.create_task(self._send_sounds(broadcast, pipe))
            await self._send_pictures(broadcast, pipe)
            await sound
            reports.cancel()
        if broadcast.failure is not None:
            raise broadcast.failure

    async def _send_pictures(self, broadcast: Broadcast, pipe: MediaPipe) -> None:
        stream = self._streams["video"]
        while (picture := await broadcast.pictures.get()) is not None:
            await _until_due(broadcast, picture, VIDEO_RATE)
            packets = stream.packets_of(h264_payloads(picture.data), picture.ticks)
            for at in range(0, len(packets), BURST):
                if at:
                    await asyncio.sleep(BURST_PAUSE_S)
                await self._send(pipe, packets[at : at + BURST])
            self._stats.pictures += 1
            self._stats.keyframes += picture.keyframe
            self._stats.left_out = broadcast.left_out
            self._stats.seconds = picture.ticks / VIDEO_RATE

    async def _send_sounds(self, broadcast: Broadcast, pipe: MediaPipe) -> None:
        stream = self._streams.get("audio")
        while (sound := await broadcast.sounds.get()) is not None:
            if stream is not None:
                await _until_due(broadcast, sound, AUDIO_RATE)
                await self._send(pipe, stream.packets_of([sound.data], sound.ticks))
                self._stats.sounds += 1

    async def _send_reports(self, broadcast: Broadcast, pipe: MediaPipe) -> None:
        """At once, that the receiver knows the clock before it needs it, then every second."""
        while True:
            media_s = broadcast.timeline.media_s(time.monotonic())
            wall_s = broadcast.timeline.wall_zero + media_s
            await pipe.send([stream.report(media_s, wall_s) for stream in self._streams.values()])
            await asyncio.sleep(REPORT_EVERY_S)

    async def _send(self, pipe: MediaPipe, packets: list[bytes]) -> bool:
        self._stats.packets += len(packets)
        self._stats.bytes += sum(map(len, packets))
        return await pipe.send(packets)

    def _on_rtcp(self, data: bytes, _arrival_us: int) -> None:
        stream = self._streams.get("video")
        for item in rtcp.parse_rtcp(data):
            if stream is None or self._broadcast is None:
                return
            if isinstance(item, rtcp.KeyframeRequest) and item.ssrc == stream.numbers.ssrc:
                self._stats.keyframe_requests += 1
                self._broadcast.want_keyframe()
            elif isinstance(item, rtcp.Nack) and item.ssrc == stream.numbers.ssrc:
                self._repair(stream.repairs(item.sequences))

    def _repair(self, packets: list[bytes]) -> None:
        if self._pipe is None or not packets:
            return
        self._stats.repairs += len(packets)
        task = asyncio.create_task(self._send(self._pipe, packets))
        self._repairing.add(task)
        task.add_done_callback(self._repairing.discard)

    def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed") and not self._lost.done():
            self._lost.set_result(None)

    # --- closing ---

    async def close(self) -> None:
        self._is_closed = True
        if self._sending is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, PlenumError):
                await self._sending
        if self._broadcast is not None:
            await self._broadcast.stop()
        if self._resource:
            with contextlib.suppress(ClientError, OSError, TimeoutError):
                async with self._http.delete(self._resource, headers=self._headers):
                    pass
        await self._pc.close()
        await self._http.close()


async def _until_due(broadcast: Broadcast, item: Encoded, clock_rate: int) -> None:
    early = item.ticks / clock_rate - broadcast.timeline.media_s(time.monotonic())
    if early > 0:
        await asyncio.sleep(early)


def _ignore(_packet: bytes, _arrival_us: int) -> None:
    """A publisher receives no media."""


def _h264() -> list[RTCRtpCodecCapability]:
    """Constrained baseline with repairs: the only picture codec that we send."""
    known = RTCRtpSender.getCapabilities("video").codecs
    wanted = [codec for codec in known if codec.parameters.get("profile-level-id") == "42e01f"]
    return [*wanted, *(codec for codec in known if codec.name == "rtx")]


def _stream(kind: str, pc: RTCPeerConnection, sent: RTCRtpSendParameters) -> RtpStream:
    ssrc, rtx_ssrc = sender_ssrcs(pc, kind)
    codec = sent.codecs[0]
    rtx = next((other for other in sent.codecs if other.parameters.get("apt") == codec.payloadType), None)
    mid = next((extension.id for extension in sent.headerExtensions if extension.uri == MID_URI), None)
    return RtpStream(
        StreamNumbers(
            ssrc=ssrc,
            payload_type=codec.payloadType or 0,
            clock_rate=VIDEO_RATE if kind == "video" else AUDIO_RATE,
            first_sequence=secrets.randbits(15),
            timestamp_zero=secrets.randbits(32),
            extensions={mid: sent.muxId.encode()} if mid else {},
            rtx_payload_type=rtx.payloadType if rtx else None,
            rtx_ssrc=rtx_ssrc,
        )
    )


def _refusal(response: ClientResponse, text: str) -> PlenumError:
    """The server's problem document as our error, with its own sentence and code."""
    try:
        document = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        document = {}
    kinds = [kind for kind in PlenumError.__subclasses__() if kind.status == response.status]
    kind = kinds[0] if kinds else (Unavailable if response.status >= 500 else PlenumError)
    sentence = str(document.get("detail") or f"The server refused the offer: {response.status} {response.reason}.")
    retry = document.get("retry_s")
    error = kind(
        sentence, code=str(document.get("code") or ""), retry_s=retry if isinstance(retry, int | float) else None
    )
    error.status = response.status
    error.extra = {key: value for key, value in document.items() if key == "on_air"}
    return error
