"""A confidential question: its author is known to the system and appears on no screen and in no log."""

import json

from plenum.identity import Role
from plenum.store import Embedded
from tests.qna.pages import EVENT, Front, Message, Page

NAME = "Wilhelmina Example"
TEXT = "Why was the safety report not published?"


def author_in(page: Page) -> list[Message]:
    return [m for m in page.heard if "wilhelmina" in json.dumps(m).lower()]


async def ask_confidentially(front: Front) -> tuple[str, dict[str, Page]]:
    """A question through all states, with every kind of eye watching, newcomers and those who come back."""
    watching = {
        "producer": await front.page("petra", Role.PRODUCER),
        "admin": await front.page("adam", Role.ADMIN),
        "presenter": await front.page("paul", Role.PRESENTER),
        "viewer": await front.page("ben"),
        "bot": await front.page("mara", Role.BOT),
    }
    author = await front.page("wilhelmina")
    q = (await author.ask(TEXT, conf=True))["r"]["q"]
    producer = watching["producer"]
    await producer.event("q.new")
    for from_, to in (("pending", "published"), ("published", "hidden"), ("hidden", "published"), ("published", "now")):
        await producer.mod(q, from_, to, reason="a reason" if to == "hidden" else "")
    last = {name: dict(page.last) for name, page in watching.items()}
    await producer.mod(q, "now", "answered")
    for name, page in list(watching.items()):
        await page.event("q.state", q=q, to="answered")
        role = {"producer": Role.PRODUCER, "admin": Role.ADMIN, "presenter": Role.PRESENTER}.get(name, Role.VIEWER)
        newcomer = watching[f"new {name}"] = await front.page(f"new-{name}", role)
        assert newcomer.heard[1]["questions"][0]["id"] == q
        back = watching[f"returning {name}"] = await front.connect(page.ticket)
        await back.hello(last=last[name])
        await back.event("q.state", q=q, to="answered")
    return q, watching


async def test_no_screen_ever_gets_the_name_not_even_the_moderators(front: Front) -> None:
    _, watching = await ask_confidentially(front)
    for name, page in watching.items():
        assert TEXT in json.dumps(page.heard) or name.startswith("returning")
        assert author_in(page) == [], name


async def test_a_named_question_of_the_same_person_does_not_give_the_confidential_one_away(front: Front) -> None:
    console, author = await front.console(), await front.page("wilhelmina")
    named = (await author.ask("Who waters the plants in the lobby?"))["r"]["q"]
    secret = (await author.ask(TEXT, conf=True))["r"]["q"]
    await console.event("q.new")
    await console.event("q.new")
    authors = {item["id"]: item["author"] for item in (await console.hello())["questions"]}
    assert authors == {named: NAME, secret: None}
    items = {item.id: item.name for item in (await front.qna._store.contents(EVENT)).items}
    assert items == {named: NAME, secret: ""}  # not even in this process' memory


async def test_the_author_sees_it_as_own_and_also_without_a_name(front: Front) -> None:
    q, _ = await ask_confidentially(front)
    again = await (await front.connect(front.ticket("wilhelmina"))).hello()
    assert again["me"]["mine"] == [q]
    assert [(item["author"], item["conf"]) for item in again["questions"]] == [(None, True)]


async def test_the_log_has_neither_text_nor_name_nor_number_of_the_author(front: Front) -> None:
    q, _ = await ask_confidentially(front)
    store = front.qna._store
    keys = store.keys(EVENT)
    item = next(i for i in (await store.contents(EVENT)).items if i.id == q)
    moderator = await store.join(EVENT, front.signer.person_hash(EVENT, "petra"), "")
    assert item.name == ""
    assert item.author >= 0  # known to the system …
    rows = await front.redis.xrange(keys.log)
    assert len(rows) == 6
    for _, fields in rows:
        entry = json.loads(fields[b"d"])
        assert set(fields) == {b"a", b"d"}
        assert fields[b"a"] in (b"p", b"ma")  # … and not named as anybody's audience
        assert entry.get("by") in (None, moderator)
        assert "safety report" not in json.dumps(entry)
        assert "Wilhelmina" not in json.dumps(entry)
        assert "author" not in json.dumps(entry)


async def test_only_the_names_table_of_the_whole_store_knows_the_name(front: Front) -> None:
    q, _ = await ask_confidentially(front)
    keys = front.qna._store.keys(EVENT)
    holding = set()
    async for key in front.redis.scan_iter():
        if b"wilhelmina" in (await dump(front, key)).lower():
            holding.add(key.decode())
    assert holding == {keys.un}
    body = json.loads((await front.redis.hget(keys.q, q)) or b"")
    assert "name" not in body
    idem = [key async for key in front.redis.scan_iter(match=keys.prefix + "idem:*")]
    values = [await front.redis.get(key) for key in idem]
    assert f"ask:{q}".encode() in values  # the command's result alone, nobody beside it
    assert all(value.split(b":")[0] in (b"ask", b"mod") for value in values)


async def dump(front: Front, key: bytes) -> bytes:
    match await front.redis.type(key):
        case b"hash":
            return repr(await front.redis.hgetall(key)).encode()
        case b"stream":
            return repr(await front.redis.xrange(key)).encode()
        case b"zset":
            return repr(await front.redis.zrange(key, 0, -1)).encode()
    return bytes(await front.redis.get(key) or b"")


async def test_nothing_printed_has_the_name_or_the_text(front: Front, capfd: object) -> None:
    from pytest import CaptureFixture

    assert isinstance(capfd, CaptureFixture)
    await ask_confidentially(front)
    out, err = capfd.readouterr()
    assert "ilhelmina" not in out + err
    assert "safety report" not in out + err


async def test_the_stored_files_survive_with_the_question_still_confidential(valkey: Embedded, front: Front) -> None:
    q, _ = await ask_confidentially(front)
    async with Front(valkey.url, front.signer) as other:
        viewer = await other.page("cleo")
        question = next(item for item in viewer.heard[1]["questions"] if item["id"] == q)
        assert question["author"] is None
        assert author_in(viewer) == []
