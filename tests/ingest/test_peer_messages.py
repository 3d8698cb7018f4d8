"""What a peer process, which a stranger may have taken over, can say: our own error for anything else."""

import pytest

from ingest.peer_messages import Ended, Open, PeerEnd, decode_from_peer, decode_to_peer, encode
from plenum.errors import BadInput
from plenum.rtc_binding import MediaBinding


def test_messages_survive_the_socket() -> None:
    assert decode_to_peer(encode(Open("v=0", MediaBinding()))) == Open("v=0", MediaBinding())
    assert decode_from_peer(encode(Ended(PeerEnd.LEFT))) == Ended(PeerEnd.LEFT)


@pytest.mark.parametrize(
    "packet",
    [b"", b"{}", b'{"t":"explode"}', b'{"t":"\xff"}', b'{"t":"spare","x":' + b"[" * 2000 + b"]" * 2000 + b"}"],
)
def test_nonsense_is_refused(packet: bytes) -> None:
    for decode in (decode_to_peer, decode_from_peer):
        with pytest.raises(BadInput) as caught:
            decode(packet)
        assert caught.value.code == "bad_control"
