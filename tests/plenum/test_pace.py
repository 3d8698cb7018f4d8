"""Token buckets."""

import pytest

from plenum.errors import TooMany
from plenum.pace import Limiter


def test_a_bucket_empties_and_refills_evenly() -> None:
    limiter = Limiter(per_minute=3)
    for _ in range(3):
        limiter.take("ada", 0)
    with pytest.raises(TooMany) as caught:
        limiter.take("ada", 0)
    assert caught.value.retry_s == pytest.approx(20)
    limiter.take("ada", 20)
    limiter.take("bob", 0)


def test_checking_spends_nothing() -> None:
    limiter = Limiter(per_minute=1)
    for _ in range(5):
        limiter.check("ada", 0)
    limiter.spend("ada", 0)
    with pytest.raises(TooMany):
        limiter.check("ada", 0)


def test_memory_is_bounded_however_many_come() -> None:
    limiter = Limiter(per_minute=1, keys_max=10)
    for number in range(1000):
        limiter.take(str(number), 0)
    assert len(limiter._buckets) <= 10
