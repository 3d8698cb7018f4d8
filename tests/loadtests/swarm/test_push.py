from __future__ import annotations

import time

import msgspec
import pytest

from loadtests.swarm.checks import BACK, differing_from
from loadtests.swarm.group import Answer, Asking, PushGroup
from loadtests.swarm.push import PushWorker
from loadtests.swarm.tally import PhaseResult, Tally, compared, result_of
from plenum.media import Part
from plenum.wire import Bye, Header, Kind, Move, Selected, pack, pack_bye, pack_init, pack_move, pack_selected
from tests.loadtests.swarm.scripted_feed import PICTURE, ScriptedFeed, framed, opening, parts, run, script, watched

COUNT = len(parts())


def damaged(part: Part) -> Part:
    data = bytearray(part.data)
    data[len(data) // 2] ^= 1
    return msgspec.structs.replace(part, data=bytes(data))


def faults(said: list[Part | bytes], until: int) -> dict[str, int]:
    return watched([script(parts()), script(said)], until=until).faults


def test_viewers_who_get_everything_find_nothing_wrong() -> None:
    found = watched([script(parts())] * 3, until=COUNT)
    assert (found.faults, found.messages, found.by_rendition) == ({}, 3 * COUNT, {"240p": 3 * COUNT})


def test_a_lost_part_is_found() -> None:
    said = parts()
    del said[5]
    assert faults(said, COUNT - 1) == {"a part is missing or came twice": 1}


def test_a_part_that_comes_twice_is_found() -> None:
    said = parts()
    said.insert(5, said[4])
    assert faults(said, COUNT + 1)["a part is missing or came twice"] >= 1


def gap(msn: int, index: int, epoch: int = 1) -> bytes:
    return pack(Header(Kind.GAP, rendition=0, epoch=epoch, msn=msn, part=index))


def test_numbers_that_go_back_after_a_gap_are_found() -> None:
    said = [*parts(), gap(0, 0), *parts()[:5]]
    assert faults(said, COUNT + 5)[BACK] >= 1


def test_numbers_that_go_back_over_a_switch_are_found() -> None:
    back = parts()[:5]
    said = [chosen(), *parts(), chosen("", abandoned=True), gap(0, 0), chosen(), *back]
    assert auto(said).faults[BACK] >= 1


def reconnected(first: list[Part], then: list[Part]) -> dict[str, int]:
    worker = PushWorker("test")
    with ScriptedFeed([script(first)], hang_up=True) as old, ScriptedFeed([script(then)]) as new:
        addresses = ((old.address, new.address),)
        worker.add(PushGroup(addresses, ("t",), ("240p",), beside=(), connect_per_s=1000, is_steady=False))
        run(worker, len(first) + len(then))
        (tally,) = worker.finish()
    return dict(tally.faults)


def later(said: list[Part], segments: int, epoch: int = 1) -> list[Part]:
    return [msgspec.structs.replace(one, msn=one.msn + segments, epoch=epoch) for one in said]


def test_another_server_may_repeat_a_segment_and_not_begin_from_the_start() -> None:
    assert reconnected(later(parts(), 7), later(parts(), 7)) == {}
    assert reconnected(later(parts(), 7), parts())[BACK] == COUNT


def test_an_epoch_that_goes_back_on_another_server_is_found() -> None:
    assert reconnected(later(parts(), 0, epoch=2), later(parts(), 7))[BACK] >= 1


@pytest.mark.parametrize(("is_wrong", "count"), [(False, 0), (True, 1)])
def test_bytes_that_are_wrong_for_everybody_alike_are_found_at_the_source(is_wrong: bool, count: int) -> None:
    said = parts()
    said[3] = damaged(said[3]) if is_wrong else said[3]
    worker = PushWorker("test")
    with ScriptedFeed([script(said)]) as feed:
        worker.add(PushGroup(((feed.address,),), ("t",), renditions=("240p",), beside=(), connect_per_s=1000))
        run(worker, COUNT)
        got = worker.payloads()
        worker.finish()
    assert differing_from(PICTURE.source(first_msn=0), got) == (count, COUNT)


def test_nothing_to_compare_with_the_source_is_a_fault() -> None:
    found = result_of([[Tally("test", 0.0, 0.0)]], [])
    assert compared(found, 0, 5).phase("test").faults == {}
    assert compared(found, 0, 0).phase("test").fault_count == 1
    assert compared(found, 2, 5).phase("test").faults == {"parts that differ from the source's": 2}


@pytest.mark.parametrize("at", [0, 4, 9, 10])
def test_one_wrong_bit_in_a_part_is_found(at: int) -> None:
    said = parts()
    said[at] = damaged(said[at])
    assert faults(said, COUNT) == {"the bytes of a part are not those that the first viewer got": 1}


def test_a_part_without_its_init_segment_is_found() -> None:
    bare = b"".join(map(framed, [opening()[0]])) + script(parts()).removeprefix(b"".join(map(framed, opening())))
    found = watched([script(parts()), bare], until=COUNT)
    assert found.faults == {"a part came before its init segment": 1}


def test_a_new_init_segment_is_asked_for_in_the_middle_of_a_chain_too() -> None:
    said: list[Part | bytes] = []
    for part in parts():
        if part.msn == 1 and part.index == 0:
            said.append(pack_init(msgspec.structs.replace(PICTURE.inits[0], init_id=2)))
        said.append(msgspec.structs.replace(part, init_id=2 if part.msn else 1))
    without = [one for one in said if not isinstance(one, bytes)]
    found = watched([script(said), script(said), script(without)], until=COUNT)
    assert set(found.faults) == {"a part came before its init segment"}


def test_skipped_parts_are_a_fault_unless_the_line_is_slow() -> None:
    hole = Header(Kind.GAP, rendition=0, epoch=1, msn=1, part=0)
    said = [*parts()[:5], pack(hole), *parts()[10:]]
    assert faults(said, 15) == {"the server skipped parts": 1}


@pytest.mark.parametrize("cut", [1, 3, 9, 45, 300])
def test_messages_that_come_in_pieces_are_put_together(cut: int) -> None:
    """The second viewer's socket takes so few bytes at a time that heads and parts are torn apart."""
    worker = PushWorker("test")
    with ScriptedFeed([script(parts()[:3])] * 2) as feed:
        for _ in range(2):
            worker.add(PushGroup(((feed.address,),), ("t",), renditions=("240p",), beside=(), connect_per_s=1000))
            before = worker.status().messages
            for _ in range(60):
                worker.step()
                for connection in list(worker._links.by_fd.values()):
                    while connection.is_open and worker._feed.read(connection, cut):
                        pass
                if worker.status().messages == before + 3:
                    break
        (tally,) = worker.finish()
    assert (tally.messages, dict(tally.faults)) == (6, {})


def auto(said: list[Part | bytes]) -> PhaseResult:
    worker = PushWorker("test")
    with ScriptedFeed([script(said)]) as feed:
        worker.add(PushGroup(((feed.address,),), ("t",), renditions=("auto",), beside=(), connect_per_s=1000))
        run(worker, sum(isinstance(one, Part) for one in said))
        return result_of([worker.finish()], []).phase("test")


def chosen(name: str = "240p", *, abandoned: bool = False) -> bytes:
    return pack_selected(Selected(name, abandoned, "start"))


def test_a_picture_that_the_server_chooses_has_to_be_announced() -> None:
    assert auto([chosen(), *parts()]).faults == {}
    assert "a picture came that was not announced" in auto(list(parts())).faults


def test_the_server_may_leave_a_picture_in_the_middle_when_it_says_so() -> None:
    again = [part for part in parts() if part.msn == 1]
    said = [chosen(), *parts()[:4], chosen("", abandoned=True), chosen(), *again]
    assert auto(said).events["switch"] == 3


def test_who_is_told_to_move_goes_before_leaving_and_loses_nothing() -> None:
    """The other address repeats what came already: that is no fault."""
    first = script([*parts()[:8], pack_move(Move("draining", 8000))])
    then = script(parts()[5:])
    worker = PushWorker("test")
    with ScriptedFeed([first]) as old, ScriptedFeed([then]) as new:
        worker.add(
            PushGroup(((old.address, new.address),), ("t",), renditions=("240p",), beside=(), connect_per_s=1000)
        )
        run(worker, COUNT)
        (tally,) = worker.finish()
        greeting = new.heard[0]
    assert (tally.messages, dict(tally.faults), tally.events["moved"]) == (COUNT, {}, 1)
    assert b'"resume"' in greeting and b'"msn":0,"part":7' in greeting


@pytest.mark.alone
def test_a_line_whose_server_dies_goes_on_at_the_next_address_at_once() -> None:
    worker = PushWorker("test")
    with ScriptedFeed([script(parts()[:8])], hang_up=True) as old, ScriptedFeed([script(parts()[8:])]) as new:
        worker.add(
            PushGroup(
                ((old.address, new.address),),
                ("t",),
                renditions=("240p",),
                beside=(),
                connect_per_s=1000,
                is_steady=False,
            )
        )
        began = time.monotonic()
        run(worker, COUNT)
        took = time.monotonic() - began
        (tally,) = worker.finish()
    assert (tally.messages, dict(tally.faults), tally.events["resumed"]) == (COUNT, {}, 1)
    assert took < 1.0


def test_a_server_that_sends_viewers_away_is_a_fault() -> None:
    found = faults([*parts()[:3], pack_bye(Bye("too_slow", 5000))], 3)
    assert found == {"the server said goodbye: too_slow": 1}


def test_each_line_reports_the_newest_part_that_it_really_got() -> None:
    worker = PushWorker("test")
    with ScriptedFeed([script(parts()[:7])]) as feed:
        worker.add(PushGroup(((feed.address,),), ("t",), renditions=("240p",), beside=(), connect_per_s=1000))
        ends = time.monotonic() + 5
        while len(feed.heard) < 2 and time.monotonic() < ends:
            worker.step()
        worker.finish()
        assert b'"got":[0,6]' in feed.heard[1]


def test_a_server_that_falls_silent_is_left_for_the_next_as_a_page_leaves_it() -> None:
    """The socket stays open, and nothing comes."""
    worker = PushWorker("test")
    with ScriptedFeed([script(parts()[:8])]) as old, ScriptedFeed([script(parts()[8:])]) as new:
        group = PushGroup(
            ((old.address, new.address),), ("t",), ("240p",), beside=(), connect_per_s=1000, is_steady=False
        )
        worker.add(msgspec.structs.replace(group, leaves_silence=True))
        run(worker, COUNT, quiet_s=4.0)
        (tally,) = worker.finish()
    assert (tally.messages, tally.events["left in silence"], tally.events["lost"]) == (COUNT, 1, 1)
    found = result_of([[tally]], []).phase("test").away_ms
    assert found.count == 1
    assert 1_500 < found.largest < 3_000


def test_who_does_not_leave_silence_stays_and_finds_fault_with_it() -> None:
    worker = PushWorker("test")
    with ScriptedFeed([script(parts()[:8])]) as old, ScriptedFeed([script(parts()[8:])]) as new:
        worker.add(PushGroup(((old.address, new.address),), ("t",), ("240p",), beside=(), connect_per_s=1000))
        run(worker, COUNT, quiet_s=4.5)
        (tally,) = worker.finish()
    assert (tally.messages, dict(tally.faults)) == (8, {"no part for 3 s": 1})


@pytest.mark.parametrize("asks_api", [True, False])
def test_who_is_told_to_move_asks_for_addresses_and_goes_where_the_answer_says(asks_api: bool) -> None:
    said = script([*parts()[:8], pack_move(Move("draining", 8000))])
    worker = PushWorker("test")
    with ScriptedFeed([said]) as old, ScriptedFeed([script(parts()[8:])]) as new:
        group = PushGroup(((old.address,),), ("t",), ("240p",), beside=(), connect_per_s=1000, is_steady=False)
        worker.add(msgspec.structs.replace(group, asks_api=asks_api, seen_as="10.0.0.7"))
        ends = time.monotonic() + 4.0
        asked: list[Asking] = []
        while not asked and time.monotonic() < ends:
            worker.step()
            asked = worker.asking(0)
        for one in asked:
            worker.answered(Answer(one, (new.address,), "fresh"))
        run(worker, COUNT)
        (tally,) = worker.finish()
    assert [(one.seen_as, one.ticket) for one in asked] == ([("10.0.0.7", "t")] if asks_api else [])
    assert (tally.messages, tally.events["moved"]) == ((COUNT, 1) if asks_api else (8, 0))


def test_each_viewer_remembers_which_pictures_it_was_told() -> None:
    worker = PushWorker("test")
    said = [chosen(), *parts()[:4], chosen("", abandoned=True)]
    with ScriptedFeed([script(said)]) as feed:
        worker.add(PushGroup(((feed.address,),), ("t",), renditions=("auto",), beside=(), connect_per_s=1000))
        run(worker, 4)
        run(worker, 5)
        assert worker.choices() == [("240p", "")]
        worker.finish()


def test_what_another_server_chooses_before_its_first_part_holds_from_there_on() -> None:
    """It begins with a gap and a picture that it announced: all as it should be."""
    worker = PushWorker("test")
    then = script([chosen(), gap(1, 0), *parts()[10:]])
    with ScriptedFeed([script([chosen(), *parts()[:8]])], hang_up=True) as old, ScriptedFeed([then]) as new:
        group = PushGroup(((old.address, new.address),), ("t",), beside=(), connect_per_s=1000, is_steady=False)
        worker.add(msgspec.structs.replace(group, may_skip=True))
        run(worker, 18)
        (tally,) = worker.finish()
    assert (tally.messages, dict(tally.faults)) == (18, {})
