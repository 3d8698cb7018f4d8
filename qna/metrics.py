"""What the questions tier counts. Labels are bounded: no person, no address."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

questions = Counter("plenum_qna_questions", "Questions taken.")
votes = Counter("plenum_qna_votes", "Votes given or taken back, acknowledged.")
fanout = Histogram(
    "plenum_qna_fanout_seconds",
    "From a log entry's arrival in this process to its last seat.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
pending = Gauge("plenum_qna_pending_questions", "Questions that wait for a moderator.", ["event"])
sockets = Gauge("plenum_qna_sockets", "Question sockets open in this process.")
