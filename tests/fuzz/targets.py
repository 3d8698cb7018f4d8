"""The table of targets. Each module has `target`, called with every input, and `SEEDS` to begin from; where they matter
`TOKENS` (pieces of a grammar) and `MAX_LEN`. Modules are named as text: a child imports its own under instrumentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from tests.fuzz.allowance import Run

TARGETS = {
    "stun": "what a media port gets before and after somebody showed the credentials",
    "rtp": "RTP headers and header extensions",
    "rtcp": "compound RTCP packets",
    "rtp_stream": "H.264 into RTP payloads and back, repairs",
    "offer": "SDP offers, our answers, trickled fragments",
    "frames": "RTP payloads of H.264 and VP8 into pictures",
    "reorder": "sequence numbers in any order",
    "reception": "whole sessions of RTP and RTCP",
    "picture_size": "sizes in VP8 headers and H.264 parameter sets",
    "samples": "the records that a peer sends its transcoder",
    "control": "control messages between ingest, peers and transcoders",
    "output": "what a broken transcoder may do to the feed and its playlists",
    "cmaf": "encoded samples into init segments and parts",
    "feed": "feed messages from upstream, the window and playlists made of them",
    "feed_client": "a viewer's messages to the feed, and the rules about it",
    "playlist_query": "delivery directives of playlist requests",
    "masking": "WebSocket frame boundaries",
    "qna_protocol": "messages of the audience socket",
}
"""Name of the module in tests/fuzz, and what it feeds."""

MAX_LEN = 4096


@dataclass(frozen=True)
class Target:
    name: str
    run: Run
    seeds: Sequence[bytes]
    tokens: Sequence[bytes]
    max_len: int


def load(name: str) -> Target:
    """Import a target, and with it the code that it feeds."""
    module = import_module(f"tests.fuzz.target_{name}")
    return Target(name, module.target, module.SEEDS, getattr(module, "TOKENS", ()), getattr(module, "MAX_LEN", MAX_LEN))
