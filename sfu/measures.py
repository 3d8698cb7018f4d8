"""What an edge counts. Labels are bounded: events that are being watched, ways of delivery, reasons; never a viewer."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

viewers = Gauge("plenum_edge_viewers", "People watching by push; 0 for fewer than five.", ["event"])
renditions = Gauge(
    "plenum_edge_renditions",
    "People by the picture they are sent by push; 0 for fewer than five.",
    ["event", "rendition"],
)
sent = Counter("plenum_edge_sent_bytes", "Media and playlists sent.", ["transport"])
sent_by_pull = sent.labels(transport="hls")
fanout = Histogram(
    "plenum_edge_part_fanout_seconds",
    "From a part's arrival to its last write to a viewer.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
queue = Gauge("plenum_edge_queue_bytes", "Bytes written to viewers and not yet taken by the network.", ["event"])
skips = Counter("plenum_edge_skips", "Times a viewer's video was skipped to the next independent part.")
switches = Counter("plenum_edge_switches", "Times another picture was chosen for a viewer.", ["direction"])
evicted = Counter("plenum_edge_evicted_viewers", "Viewers sent away, by reason.", ["reason"])
held = Gauge("plenum_edge_held_requests", "LL-HLS requests waiting for a part.")
reads = Gauge("plenum_edge_recording_reads", "Answers that are being read from a recording.")
upstreams = Counter("plenum_edge_upstream_connections", "Connections to upstream feeds, by outcome.", ["outcome"])
ignored = Counter("plenum_edge_ignored_frames", "Frames from upstream that continued nothing held.")


LEAST_PEOPLE = 5
"""An edge is often one office's: a figure about fewer says what somebody there does."""


def people(count: int) -> int:
    """As it may be shown of one event at one edge."""
    return count if count >= LEAST_PEOPLE else 0


def forget_event(event: str) -> None:
    """Take an event's series away; it is watched no more."""
    for gauge in (viewers, queue):
        gauge.remove(event)
    renditions.remove_by_labels({"event": event})
