"""What the ingest process counts. Labels: the event (while it runs) and the rendition, never a person or an address."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from ingest.control import Stats

sessions = Gauge("plenum_ingest_sessions", "WHIP sessions connected.", ["event"])
frames = Counter("plenum_encoder_frames", "Video frames encoded, each counted once for all rungs.", ["event"])
dropped_frames = Counter("plenum_encoder_dropped_frames", "Frames that the encoders had no time for.", ["event"])
repeated_frames = Counter("plenum_encoder_repeated_frames", "Frames repeated because none came in time.", ["event"])
silence = Counter("plenum_encoder_silence_seconds", "Silence in place of sound that never came.", ["event"])
concealed = Counter("plenum_encoder_concealed_seconds", "Sound made up in place of lost packets.", ["event"])
realtime_ratio = Gauge("plenum_encoder_realtime_ratio", "Share of the last second the encoders were busy.", ["event"])
restarts = Counter("plenum_encoder_restarts", "Transcoders that ended without being asked to.", ["event"])
forbidden_calls = Counter(
    "plenum_encoder_forbidden_calls", "Transcoders that the kernel ended for a forbidden system call.", ["event"]
)
degraded = Gauge("plenum_encoder_degraded", "1 while an event's transcoder is in a crash loop.", ["event"])
part_seconds = Histogram(
    "plenum_packager_part_duration_seconds",
    "Media time in a part.",
    ["rendition"],
    buckets=(0.05, 0.1, 0.15, 0.17, 0.2, 0.21, 0.25, 0.35),
)
subscribers = Gauge("plenum_origin_subscribers", "Relays and recorders connected to the origin's feed.")
skips = Counter("plenum_origin_skips", "Times a subscriber was too slow and parts were left out.")
ledger_seconds = Histogram(
    "plenum_ledger_write_seconds",
    "Time to make an event's record durable.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 8),
)
ledger_failures = Counter("plenum_ledger_failures", "Records that the disk refused.")
archive_bytes = Counter("plenum_archive_bytes", "Media written to recordings.")
archive_gaps = Counter("plenum_archive_gaps", "Segments that were not recorded, by reason.", ["reason"])
archive_stopped = Gauge("plenum_archive_stopped", "1 while too little of the disk is free to record.")

_OF_EVENT = (
    sessions,
    frames,
    dropped_frames,
    repeated_frames,
    silence,
    concealed,
    realtime_ratio,
    restarts,
    forbidden_calls,
    degraded,
)


def count(event: str, before: Stats | None, now: Stats) -> None:
    """Add what a transcoder has done since its last report (None: it has just started)."""
    frames.labels(event=event).inc(now.frames - (before.frames if before else 0))
    dropped_frames.labels(event=event).inc(now.dropped - (before.dropped if before else 0))
    repeated_frames.labels(event=event).inc(now.repeated - (before.repeated if before else 0))
    silence.labels(event=event).inc((now.silence_ms - (before.silence_ms if before else 0)) / 1000)
    concealed.labels(event=event).inc((now.concealed_ms - (before.concealed_ms if before else 0)) / 1000)
    realtime_ratio.labels(event=event).set(now.realtime_ratio)


def forget(event: str) -> None:
    """An ended event leaves no labels behind."""
    for metric in _OF_EVENT:
        metric.remove_by_labels({"event": event})
