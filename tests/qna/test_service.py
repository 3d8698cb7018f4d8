"""The main road of a question over real sockets and a real store."""

from plenum.identity import Role
from tests.qna.pages import Front, published


async def test_a_question_goes_from_asked_to_answered_and_everybody_sees_each_step(front: Front) -> None:
    console = await front.console()
    asker, other = await front.page("anna"), await front.page("ben")
    q = (await asker.ask("When does the new canteen open?"))["r"]["q"]
    new = (await console.event("q.new"))["d"]["question"]
    assert (new["id"], new["state"], new["author"], new["conf"]) == (q, "pending", "Anna Example", False)
    assert (await console.mod(q, "pending", "published"))["r"] == {"state": "published"}
    seen = (await other.event("q.state", q=q, to="published"))["d"]["question"]
    assert seen["text"] == "When does the new canteen open?"
    assert (await other.vote(q))["r"] == {"votes": 1}
    tally = await asker.hear(lambda m: m["t"] == "tally" and q in m["q"])
    assert tally["q"] == {q: 1}
    await console.mod(q, "published", "now")
    await console.mod(q, "now", "answered")
    for page in (asker, other):
        await page.event("q.state", q=q, to="now")
        await page.event("q.state", q=q, to="answered")
    assert other.events()[0]["k"] == "q.state"  # the pending question was not its business


async def test_a_newcomer_gets_the_board_with_own_votes_and_questions(front: Front) -> None:
    console, asker, other = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, asker)
    waiting = (await asker.ask("Will there be a bicycle shed?"))["r"]["q"]
    await other.event("q.state", q=q)
    await other.vote(q)
    await other.hear(lambda m: m["t"] == "tally" and m["q"] == {q: 1})
    again = await (await front.connect(front.ticket("ben"))).hello()
    assert again["me"] == {"voted": [q], "mine": []}
    assert [item["id"] for item in again["questions"]] == [q]
    assert again["votes"] == {q: 1}
    own = await (await front.connect(front.ticket("anna"))).hello()
    assert own["me"] == {"voted": [], "mine": [q, waiting]}
    assert {item["id"]: item["state"] for item in own["questions"]} == {q: "published", waiting: "pending"}
    staff = await (await front.connect(front.ticket("petra", Role.PRODUCER))).hello()
    assert {item["id"] for item in staff["questions"]} == {q, waiting}
    as_viewer = await (await front.connect(front.ticket("petra", Role.PRODUCER))).hello(**{"as": "viewer"})
    assert {item["id"] for item in as_viewer["questions"]} == {q}
