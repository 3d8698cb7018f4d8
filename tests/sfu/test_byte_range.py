"""Which bytes a request asks for."""

from __future__ import annotations

import pytest

from plenum.errors import RangeNotSatisfiable
from sfu.byte_range import asked


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 10),
        ("bytes=90-", 90, 10),
        ("bytes=90-1000000", 90, 10),
        ("bytes=-5", 95, 5),
        ("bytes=-500", 0, 100),
        ("bytes= 1-2 ", 1, 2),
    ],
)
def test_one_range_is_found(header: str, start: int, length: int) -> None:
    found = asked(header, 100)
    assert (found.start, found.length, found.partial) == (start, length, True)
    assert found.content_range == f"bytes {start}-{start + length - 1}/100"


@pytest.mark.parametrize("header", ["", "lines=1-2", "seconds"])
def test_without_a_range_of_bytes_it_is_the_whole(header: str) -> None:
    found = asked(header, 100)
    assert (found.start, found.length, found.partial) == (0, 100, False)


MANY = "9" * 5_000


@pytest.mark.parametrize(
    "header",
    [
        *(
            "bytes=100-",
            "bytes=9-3",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes=0-1,5-6",
            "bytes=a-b",
            "bytes=²-3",
            "bytes",
        ),
        *(f"bytes={MANY}-", f"bytes=0-{MANY}"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        asked(header, 100)
    assert refused.value.extra == {"total": 100}


def test_of_nothing_no_range_can_be_had() -> None:
    with pytest.raises(RangeNotSatisfiable):
        asked("bytes=0-", 0)
