"""Packets back in order, holes asked for and given up."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from ingest.reorder import NACK_AGAIN_US, NACK_SPAN, NACKS_MAX, Reorder
from plenum.rtp import RtpPacket

PATIENCE = 100_000


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, 0, 1, b"x")


def taken(order: Reorder, now: int) -> list[tuple[int, bool]]:
    return [(ordered.packet.sequence, ordered.after_gap) for ordered in order.take(now)]


def fed(*sequences: int) -> Reorder:
    order = Reorder(PATIENCE)
    for sequence in sequences:
        order.add(packet(sequence))
    return order


def test_packets_in_order_pass_at_once():
    assert taken(fed(1, 2, 3), 0) == [(1, False), (2, False), (3, False)]


def test_swapped_packets_are_swapped_back_across_the_wrap():
    assert taken(fed(65534, 0, 65535, 1), 0) == [(65534, False), (65535, False), (0, False), (1, False)]


def test_duplicates_and_stragglers_are_dropped():
    order = fed(1, 2, 2, 1, 3)
    assert len(taken(order, 0)) == 3
    assert order.late == 2


def test_a_hole_holds_up_what_follows_until_it_is_filled():
    order = fed(1, 3)
    assert taken(order, 0) == [(1, False)]
    order.add(packet(2))
    assert taken(order, 50_000) == [(2, False), (3, False)]


def test_a_hole_is_given_up_when_patience_ends_and_marked_once():
    order = fed(1, 4, 5)
    assert taken(order, 0) == [(1, False)]
    assert taken(order, PATIENCE - 1) == []
    assert taken(order, PATIENCE) == [(4, True), (5, False)]
    assert order.lost == 2


def test_missing_packets_are_asked_for_at_once_then_again_and_not_for_ever():
    order = fed(1, 4)
    assert order.ask_again(0) == [2, 3]
    assert order.ask_again(NACK_AGAIN_US - 1) == []
    asked = [order.ask_again(NACK_AGAIN_US * turn) for turn in range(1, 20)]
    assert sum(1 for numbers in asked if numbers) == NACKS_MAX - 1


def test_what_has_come_is_not_asked_for():
    order = fed(1, 4)
    order.add(packet(3))
    assert order.ask_again(0) == [2]


def test_not_more_is_asked_for_at_once_than_one_message_should_hold():
    assert len(fed(1, 1000).ask_again(0)) == NACK_SPAN


def test_a_jump_is_a_new_stream_behind_a_gap():
    order = fed(1)
    taken(order, 0)
    order.add(packet(20_000))
    assert taken(order, 0) == [(20_000, True)]
    assert order.ask_again(0) == []


@given(st.integers(0, 65535), st.integers(0, 2**32), st.floats(0, 0.3))
def test_whatever_the_network_does_order_holds_and_every_gap_is_marked(first: int, seed: int, loss: float):
    chance = random.Random(seed)
    sent = [number for number in range(first, first + 300) if number == first or chance.random() >= loss]
    shuffled = [sent[0], *sorted(sent[1:], key=lambda number: number + chance.uniform(0, 20))]
    order = Reorder(PATIENCE)
    out: list[tuple[int, bool]] = []
    for turn, number in enumerate(shuffled):
        order.add(packet(number))
        out += taken(order, turn)
    out += taken(order, PATIENCE * 400)
    while more := taken(order, PATIENCE * 400 + PATIENCE * len(out) + PATIENCE):
        out += more
    assert [number for number, _ in out] == [number & 0xFFFF for number in sent]
    for (before, _), (number, gap) in itertools.pairwise(out):
        assert gap == ((number - before) & 0xFFFF != 1)
