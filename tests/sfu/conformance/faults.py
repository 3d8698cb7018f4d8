"""How the tests of the rules say what a fault is: what it changes in something good, and which rules it must break."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sfu.conformance.rules import Finding


def swapped(text: str, right: str, wrong: str) -> str:
    """The text with a fault in it; the place must be there."""
    assert right in text, right
    return text.replace(right, wrong)


def names(found: Iterable[Finding]) -> set[str]:
    return {each.rule for each in found}
