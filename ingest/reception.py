"""What a peer does with the packets of its session: RTP and RTCP in, samples and feedback out. Rules only; times in µs.

No clock, no socket, no codec: `ingest/peer.py` brings decrypted packets and the time, writes the samples to the
transcoder and sends the feedback.
"""

from __future__ import annotations

import msgspec

from ingest.arrivals import Arrivals
from ingest.frames import Assembler, Picture, unpack_h264, unpack_vp8
from ingest.reorder import Reorder
from ingest.samples import Sample, SampleCodec, SampleStream, alive_sample, audio_sample, clock_sample, video_sample
from ingest.transport_cc import TransportFeedback
from plenum import rtcp
from plenum.errors import BadInput
from plenum.offer import TRANSPORT_CC_URI, Offer, uses_transport_cc
from plenum.rtp import RtpPacket, parse_rtp

VIDEO_PATIENCE_US = 400_000
AUDIO_PATIENCE_US = 60_000
ALIVE_EVERY_US = 100_000
REPORT_EVERY_US = 1_000_000
TRANSPORT_CC_EVERY_US = 50_000
PLI_SPACING_US = 300_000
PLI_AGAIN_US = 500_000
FIRST_KEYFRAME_US = 200_000
"""A sender begins with a key frame by itself; only when none has come by then is it asked."""
SSRC_SILENT_US = 500_000
REMB_START_BPS, REMB_MIN_BPS, REMB_MAX_BPS = 2_500_000, 300_000, 10_000_000


class ReceptionStats(msgspec.Struct):
    """Counts since the session began."""

    packets: int = 0
    bytes: int = 0
    pictures: int = 0
    keyframes: int = 0
    audio_packets: int = 0
    sender_reports: int = 0
    lost: int = 0
    incomplete: int = 0
    nacks: int = 0
    plis: int = 0
    unknown: int = 0


class _Stream:
    """One negotiated stream, whatever SSRC it has at the moment."""

    def __init__(self, kind: SampleStream, clock_rate: int, patience_us: int) -> None:
        self.kind = kind
        self.ssrc: int | None = None
        self._clock_rate = clock_rate
        self._patience_us = patience_us
        self._last_us = 0
        self.begin(None)

    def begin(self, ssrc: int | None) -> None:
        self.ssrc = ssrc
        self.arrivals = Arrivals(self._clock_rate)
        self.order = Reorder(self._patience_us)

    def takes(self, ssrc: int, now_us: int) -> bool:
        """Whether a packet of this SSRC belongs to the stream; a new one replaces one that has gone silent."""
        if ssrc != self.ssrc:
            if self.ssrc is not None and now_us - self._last_us < SSRC_SILENT_US:
                return False
            self.begin(ssrc)
        self._last_us = now_us
        return True


class Reception:
    """The receiving end of one session."""

    def __init__(self, offer: Offer, ssrc: int) -> None:
        self._ssrc = ssrc
        video, audio = offer.codec("video"), offer.codec("audio")
        self._video_type = video.payload_type if video else None
        self._rtx_type = video.rtx_payload_type if video else None
        self._audio_type = audio.payload_type if audio else None
        self._codec = SampleCodec.VP8 if video and video.name == "VP8" else SampleCodec.H264
        self._video = _Stream(SampleStream.VIDEO, 90_000, VIDEO_PATIENCE_US)
        self._audio = _Stream(SampleStream.AUDIO, 48_000, AUDIO_PATIENCE_US)
        self._assembler = self._new_assembler()
        steered = any(uses_transport_cc(section) for section in offer.used)
        self._transport_cc = TransportFeedback() if steered else None
        self._extension = offer.extension(TRANSPORT_CC_URI)
        self._remb_bps = REMB_START_BPS if not steered and video and "goog-remb" in video.feedback else 0
        self._repairs = video is not None and "nack" in video.feedback
        self._is_keyframe_wanted = False
        self._first_video_us: int | None = None
        self._last_pli_us = -PLI_AGAIN_US
        self._last_sample_us = -ALIVE_EVERY_US
        self._last_report_us = 0
        self._last_transport_cc_us = 0
        self.last_packet_us: int | None = None
        self.stats = ReceptionStats()

    def want_keyframe(self) -> None:
        """Whoever decodes needs a picture that needs no other; asked for with the next feedback."""
        self._is_keyframe_wanted = True

    def receive_rtp(self, data: bytes, now_us: int) -> list[Sample]:
        """The samples that this packet completes."""
        self.last_packet_us = now_us
        self.stats.packets += 1
        self.stats.bytes += len(data)
        try:
            packet = parse_rtp(data)
        except BadInput:
            self.stats.unknown += 1
            return []
        self._note_arrival(packet, now_us)
        if packet.payload_type == self._audio_type:
            self._take_in(self._audio, packet, now_us)
        elif packet.payload_type == self._video_type:
            self._take_in(self._video, packet, now_us)
        elif packet.payload_type == self._rtx_type:
            self._take_repair(packet)
        else:
            self.stats.unknown += 1
        return self.due(now_us)

    def receive_rtcp(self, data: bytes, now_us: int) -> list[Sample]:
        """The clock samples in a compound packet, or a sign of life."""
        self.last_packet_us = now_us
        samples = []
        for item in rtcp.parse_rtcp(data):
            stream = self._stream_of(item.ssrc) if isinstance(item, rtcp.SenderReport) else None
            if isinstance(item, rtcp.SenderReport) and stream:
                self.stats.sender_reports += 1
                stream.arrivals.sender_reported(item, now_us)
                samples.append(clock_sample(stream.kind, item.rtp_timestamp, item.ntp, now_us))
        return self._with_life(samples, now_us)

    def due(self, now_us: int) -> list[Sample]:
        """What is complete by now, also because a missing packet is given up."""
        samples = [self._audio_sample(ordered.packet, now_us) for ordered in self._audio.order.take(now_us)]
        samples = [sample for sample in samples if sample.payload]
        for ordered in self._video.order.take(now_us):
            samples += [self._video_sample(picture, now_us) for picture in self._assembler.add(ordered)]
        self.stats.lost = self._video.order.lost + self._audio.order.lost
        self.stats.incomplete = self._assembler.incomplete
        return self._with_life(samples, now_us)

    def feedback(self, now_us: int) -> list[bytes]:
        """The RTCP packets to send now."""
        packets = []
        if self._repairs and self._video.ssrc is not None and (missing := self._video.order.ask_again(now_us)):
            self.stats.nacks += len(missing)
            packets.append(rtcp.pack_nack(self._ssrc, self._video.ssrc, missing))
        if self._video.ssrc is not None and self._keyframe_is_due(now_us):
            self._last_pli_us = now_us
            self.stats.plis += 1
            packets.append(rtcp.pack_pli(self._ssrc, self._video.ssrc))
        if now_us - self._last_transport_cc_us >= TRANSPORT_CC_EVERY_US:
            self._last_transport_cc_us = now_us
            packets += self._transport_report()
        if now_us - self._last_report_us >= REPORT_EVERY_US:
            self._last_report_us = now_us
            packets += self._receiver_report(now_us)
        return packets

    # --- packets in ---

    def _note_arrival(self, packet: RtpPacket, now_us: int) -> None:
        if self._transport_cc is None or self._extension is None:
            return
        number = packet.extension(self._extension)
        if number is not None and len(number) == 2:
            self._transport_cc.arrived(int.from_bytes(number, "big"), now_us)

    def _take_in(self, stream: _Stream, packet: RtpPacket, now_us: int) -> None:
        before = stream.ssrc
        if not stream.takes(packet.ssrc, now_us):
            self.stats.unknown += 1
            return
        if stream is self._video and before != stream.ssrc:
            self._assembler, self._first_video_us = self._new_assembler(), now_us
        stream.arrivals.add(packet, now_us)
        stream.order.add(packet)

    def _take_repair(self, packet: RtpPacket) -> None:
        """A retransmission (RFC 4588) carries the original number before its payload; probes carry nothing."""
        if self._video.ssrc is None or self._video_type is None or len(packet.payload) <= 2:
            return
        original = msgspec.structs.replace(
            packet,
            ssrc=self._video.ssrc,
            payload_type=self._video_type,
            sequence=int.from_bytes(packet.payload[:2], "big"),
            payload=packet.payload[2:],
        )
        self._video.order.add(original)

    def _stream_of(self, ssrc: int) -> _Stream | None:
        return next((stream for stream in (self._video, self._audio) if stream.ssrc == ssrc), None)

    def _new_assembler(self) -> Assembler:
        return Assembler(unpack_vp8 if self._codec is SampleCodec.VP8 else unpack_h264)

    # --- samples out ---

    def _audio_sample(self, packet: RtpPacket, now_us: int) -> Sample:
        self.stats.audio_packets += 1
        return audio_sample(packet.timestamp, now_us, packet.payload)

    def _video_sample(self, picture: Picture, now_us: int) -> Sample:
        self.stats.pictures += 1
        if picture.keyframe:
            self.stats.keyframes += 1
            self._is_keyframe_wanted = False
        return video_sample(self._codec, picture.timestamp, now_us, picture.data, keyframe=picture.keyframe)

    def _with_life(self, samples: list[Sample], now_us: int) -> list[Sample]:
        """A sign of life where packets come but nothing is complete: at most ten a second."""
        if samples:
            self._last_sample_us = now_us
        elif self.last_packet_us == now_us and now_us - self._last_sample_us >= ALIVE_EVERY_US:
            self._last_sample_us = now_us
            return [alive_sample(now_us)]
        return samples

    # --- feedback ---

    def _keyframe_is_due(self, now_us: int) -> bool:
        since = now_us - self._last_pli_us
        begun = self._first_video_us is not None and now_us - self._first_video_us >= FIRST_KEYFRAME_US
        if self._assembler.wants_keyframe and begun and since >= PLI_AGAIN_US:
            return True
        return self._is_keyframe_wanted and begun and since >= PLI_SPACING_US

    def _transport_report(self) -> list[bytes]:
        media = self._video.ssrc or self._audio.ssrc
        fci = self._transport_cc.report() if self._transport_cc and media else None
        return [rtcp.pack_transport_feedback(self._ssrc, media, fci)] if fci and media else []

    def _receiver_report(self, now_us: int) -> list[bytes]:
        streams = [stream for stream in (self._video, self._audio) if stream.ssrc is not None]
        if not streams:
            return []
        reports = [stream.arrivals.report(stream.ssrc or 0, now_us) for stream in streams]
        packets = [rtcp.pack_receiver_report(self._ssrc, reports)]
        if self._remb_bps and self._video.ssrc is not None:
            self._remb_bps = _next_estimate(self._remb_bps, self._video.arrivals.interval_loss)
            packets.append(rtcp.pack_remb(self._ssrc, self._remb_bps, [self._video.ssrc]))
        return packets


def _next_estimate(bitrate_bps: int, loss: float) -> int:
    """The loss-based rule of draft-ietf-rmcat-gcc-02 section 6, for senders that know no transport-cc."""
    if loss > 0.1:
        bitrate_bps = int(bitrate_bps * (1 - 0.5 * loss))
    elif loss < 0.02:
        bitrate_bps = int(bitrate_bps * 1.08)
    return max(REMB_MIN_BPS, min(bitrate_bps, REMB_MAX_BPS))
