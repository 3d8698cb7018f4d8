"""What a rule is, what is said where one is broken, and the count of both over a long run.

A rule is a small function that yields one sentence for each fault it sees; its name and the section it comes from are its
identity, and the tables of them (`MEDIA`, `MULTIVARIANT`, `PRESENTATION`, `SUCCESSION`, `PART` …) are what conformance means
here. Sections are those of draft-pantos-hls-rfc8216bis unless they name another document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

Subject = TypeVar("Subject")
KEPT_FAULTS = 5
"""Of each rule so many faults are kept in words; the rest is counted."""


class Named(Protocol):
    """A rule of any kind: those of the server are asked with await, see `server.py`."""

    @property
    def name(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def advice(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """`advice`: the document says SHOULD. It is reported like any other, but a long run does not fail by it."""

    section: str
    faults: Callable[[Subject], Iterable[str]]
    advice: bool = False

    @property
    def name(self) -> str:
        return self.faults.__name__


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken once."""

    rule: str
    section: str
    fault: str
    advice: bool = False

    def __str__(self) -> str:
        return f"{self.rule} ({self.section}): {self.fault}"


def judge(rules: Sequence[Rule[Subject]], subject: Subject) -> list[Finding]:
    """Every fault that these rules see in this subject; empty is good."""
    return [finding(rule, fault) for rule in rules for fault in rule.faults(subject)]


def finding(rule: Named, fault: str) -> Finding:
    return Finding(rule.name, rule.section, fault, rule.advice)


@dataclass
class Tally:
    """How often each rule was asked and broken."""

    asked: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[Finding]] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)

    def judge(self, rules: Sequence[Rule[Subject]], subject: Subject) -> list[Finding]:
        found = judge(rules, subject)
        self.count(rules, found)
        return found

    def count(self, rules: Iterable[Named], found: Iterable[Finding]) -> None:
        for rule in rules:
            self.asked[rule.name] += 1
            self.sections[rule.name] = rule.section
        for each in found:
            self.broken[each.rule] += 1
            kept = self.kept.setdefault(each.rule, [])
            if len(kept) < KEPT_FAULTS:
                kept.append(each)

    @property
    def failed(self) -> bool:
        """Whether a rule that is no mere advice was broken."""
        return any(not each.advice for kept in self.kept.values() for each in kept)

    def report(self) -> str:
        """A line for each rule, and what was found under it."""
        lines = [f"{'asked':>8} {'broken':>7}  rule"]
        for name in self.asked:
            lines.append(f"{self.asked[name]:>8} {self.broken[name]:>7}  {name} ({self.sections[name]})")
            lines += [f"{'':>18}{each.fault}" for each in self.kept.get(name, [])]
        return "\n".join(lines)
