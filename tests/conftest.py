"""Which tests may run beside others: `make test` runs pytest twice, first the ones that may, then the rest.

`--turn together` takes the tests that mostly wait, for several workers at once; `--turn alone` takes the others: the platform in
real browsers, and what measures time or wants the machine's cores (`@pytest.mark.alone`). Each test is in exactly one of the two;
without `--turn` all run, one after the other.
"""

from __future__ import annotations

import pytest

TURNS = ("together", "alone")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--turn", choices=TURNS, help="only the tests that may run beside others, or only the rest")


@pytest.hookimpl(trylast=True)  # when tests/system has marked its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    turn = config.getoption("--turn")
    if turn is None:
        return
    others = [item for item in items if turn_of(item) != turn]
    items[:] = [item for item in items if turn_of(item) == turn]
    config.hook.pytest_deselected(items=others)


def turn_of(item: pytest.Item) -> str:
    wants_the_machine = any(item.get_closest_marker(name) for name in ("system", "alone"))
    return "alone" if wants_the_machine else "together"
