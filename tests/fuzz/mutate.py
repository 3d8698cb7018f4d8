"""Random inputs near the seeds, for the run without atheris: blind, but the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_EDGES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8)


def mutants(
    seeds: Sequence[bytes], tokens: Sequence[bytes], count: int, max_len: int, chance: random.Random
) -> Iterator[bytes]:
    """`count` inputs: nine of ten a changed seed, the others noise."""
    for _ in range(count):
        if chance.random() < 0.1:
            yield chance.randbytes(chance.randrange(min(200, max_len)))
            continue
        data = chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
            data = _changed(data, seeds, (*_EDGES, *tokens), chance)
        yield data[:max_len]


def _changed(data: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((1, 1, 2, 4, 8, 32, 256)))
    before, middle, after = data[:start], data[start:end], data[end:]
    match chance.randrange(7):
        case 0:
            middle = bytes(byte ^ 1 << chance.randrange(8) for byte in middle[:1]) + middle[1:]
        case 1:
            middle = chance.randbytes(len(middle))
        case 2:
            middle = b""
        case 3:
            middle *= chance.choice((2, 3, 16))
        case 4:
            middle = chance.choice(tokens)
            after = data[start + len(middle) :]
        case 5:
            middle = chance.choice(tokens) + middle
        case _:
            other = chance.choice(seeds)
            middle, after = other[chance.randint(0, len(other)) :], b""
    return before + middle + after
