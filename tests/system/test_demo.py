"""`plenum run --demo`: what it shows by itself, and what becomes of it when processes stop, die, or all die at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from loadtests.api_client import Api
from loadtests.recording import recording
from loadtests.running_platform import ROOT, Platform
from plenum.identity import Role
from plenum.media import ProgrammeState
from tests.system.acting import end_part, give_name, go_live
from tests.system.asking import asking
from tests.system.conftest import Come
from tests.system.watching import first_frame, until_moving

EVENT = "demo"
SMALL = {"PLENUM_MEDIA__LADDER": '["480p", "360p"]'}
"""These tests are about processes, not about pixels: leave the machine some room."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("demo") / "data", "--demo", env=SMALL)
    await platform.start()
    yield platform
    await platform.stop()


def viewer_ticket(platform: Platform) -> str:
    return platform.ticket(EVENT, Role.VIEWER, "Tester")


async def test_a_second_start_takes_less_than_three_seconds(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data")
    await platform.start()
    assert await platform.stop() == 0
    await platform.start()
    assert platform.started_s < 3.0
    family = platform.family()
    assert await platform.stop() == 0
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == [], "processes were left behind"


async def test_the_demo_prints_a_link_for_each_role(demo: Platform) -> None:
    assert set(demo.links) == {"presenter", "viewer", "producer", "all"}


async def test_the_demo_shows_a_moving_picture_and_questions_by_itself(demo: Platform, come: Come) -> None:
    visitor = await come("employee")
    page = await visitor.open(demo.links["viewer"])
    await first_frame(page)
    await until_moving(page)
    producer = await come("producer")
    await producer.open(demo.links["producer"])
    await producer.page.locator("[data-question]").first.wait_for(timeout=30_000)
    visitor.assert_content()
    producer.assert_content()


async def test_a_silent_presenter_becomes_a_slate_and_a_person_takes_over_without_a_reload(
    demo: Platform, come: Come
) -> None:
    viewer = await come("viewer")
    page = await viewer.open(demo.links["viewer"])
    await first_frame(page)
    await page.evaluate("globalThis.sameDocument = true")
    [presenter_pid] = demo.find("demo-presenter")
    async with recording(demo.url, EVENT, viewer_ticket(demo)) as tape:
        await tape.until_state(ProgrammeState.LIVE)
        began = time.monotonic()
        os.kill(presenter_pid, signal.SIGSTOP)
        try:
            await tape.until_state(ProgrammeState.SLATE)
            slate_s = time.monotonic() - began
            await page.locator("[data-testid=stage][data-scene=slate]").wait_for()
            on_page_s = time.monotonic() - began
            person = await come("person")
            await person.open(demo.links["presenter"])
            await give_name(person, "Mara Lind")
            await go_live(person)
            await page.locator("[data-testid=stage][data-scene=live]").wait_for()
            await until_moving(page)  # the viewer's picture is that much behind the programme
            assert await page.evaluate("globalThis.sameDocument === true")
            assert tape.programme.on_air == "Mara Lind"
            await end_part(person)
        finally:
            os.kill(presenter_pid, signal.SIGCONT)
        await tape.until_state(ProgrammeState.LIVE, 30)
        assert not tape.closed
    print(f"slate after {slate_s:.2f} s, on the page after {on_page_s:.2f} s")  # noqa: T201
    assert slate_s <= 1.5
    assert on_page_s <= 1.5
    viewer.assert_content()


async def test_a_killed_transcoder_is_replaced_within_three_seconds_and_no_viewer_notices_at_the_socket(
    demo: Platform, come: Come
) -> None:
    viewer = await come("viewer")
    page = await viewer.open(demo.links["viewer"])
    await first_frame(page)
    async with recording(demo.url, EVENT, viewer_ticket(demo)) as tape:
        await tape.until_state(ProgrammeState.LIVE)
        await tape.until_segments(1)
        before = {rendition: parts[-1] for rendition, parts in tape.parts.items()}
        transcoder = demo.transcoder(EVENT)
        began = time.monotonic()
        os.kill(transcoder, signal.SIGKILL)

        def presenter_is_back() -> bool:
            fresh = [parts[-1] for r, parts in tape.parts.items() if parts[-1].init_id > before[r].init_id]
            return len(fresh) == len(before) and tape.programme.state is ProgrammeState.LIVE

        await tape.until(presenter_is_back, 10)
        back_s = time.monotonic() - began
        for rendition, parts in tape.parts.items():
            first = next(part for part in parts if part.init_id > before[rendition].init_id)
            assert first.msn > before[rendition].msn
            assert first.start >= before[rendition].start + before[rendition].duration
            assert first.discontinuity
            assert first.index == 0
        assert not tape.closed
    await until_moving(page)
    print(f"the presenter was back after {back_s:.2f} s")  # noqa: T201
    assert back_s <= 3.0
    viewer.assert_content()


async def test_a_short_load_test_passes(demo: Platform, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(ROOT / "loadtests" / "locustfile.py"),
        "--headless",
        *("--host", demo.url, "--data-dir", str(demo.data_dir), "-u", "8", "-r", "8", "-t", "10s"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]


async def test_every_acknowledged_question_and_vote_survives_the_death_of_every_process(demo: Platform) -> None:
    asked: dict[str, str] = {}
    async with Api(demo.links["all"]) as api:
        event = await api.create("An event without bots, where only we vote")
    async with asking(demo.url, event, demo.ticket(event, Role.PRODUCER, "Producer")) as staff:
        for number in range(3):
            text = f"Question {number}, asked just before everything dies"
            async with asking(demo.url, event, demo.ticket(event, Role.VIEWER, "Tester")) as viewer:
                asked[await viewer.ask(text)] = text
        for question in asked:
            await staff.move(question, "pending", "published")
    votes = dict.fromkeys(asked, 0)
    for _ in range(4):
        async with asking(demo.url, event, demo.ticket(event, Role.VIEWER, "Voter")) as viewer:
            for question in asked:
                votes[question] = await viewer.vote(question)
    await demo.kill()
    await demo.start()
    async with asking(demo.url, event, demo.ticket(event, Role.PRODUCER)) as staff:
        board = {q["id"]: (q["text"], q["state"]) for q in staff.snapshot["questions"]}
        counted = staff.snapshot["votes"]
    assert board == {question: (text, "published") for question, text in asked.items()}
    assert counted == votes == dict.fromkeys(asked, 4)


async def test_the_picture_comes_back_by_itself_after_that(demo: Platform, come: Come) -> None:
    visitor = await come("early bird")
    page = await visitor.open(demo.links["viewer"])
    await first_frame(page)
    await until_moving(page)
