"""Who may be on air in one event: enter, replace, return. Rules only.

There are two chairs. A person sits in one; the other is for a stand-in (the demo's synthetic presenter). Whoever sits in
the person's chair is on air, else the stand-in, else nobody (the slate). So a stand-in is replaced by any person without
losing its connection, and comes back by itself when the person leaves.

    newcomer    own chair free          own chair is theirs     somebody else sits there
    person      sits, on air            replaces themselves     Conflict on_air
    stand-in    sits, unless a person   replaces itself         Conflict on_air
                is on air: Conflict

Two windows of one person must not put each other off air for ever. Who comes back after a broken connection therefore names
the session that broke, and takes nothing from another source of the same person: Conflict `replaced`. Who names none means it.
"""

from __future__ import annotations

import msgspec

from plenum.errors import Conflict

PUT_OFF_MAX = 32
"""Sessions of an event remembered as replaced. Whoever was replaced asks again at once, so a few would do."""


class Source(msgspec.Struct, frozen=True):
    """One WHIP session: whose it is and what viewers call them."""

    session: str
    subject: str
    name: str
    stand_in: bool = False
    replaces: str = ""
    """The session it comes back from, as it says itself."""


class Stage(msgspec.Struct, frozen=True):
    """The two chairs of an event, and who was put off them."""

    person: Source | None = None
    stand_in: Source | None = None
    put_off: tuple[str, ...] = ()
    """The last sessions that another source of the same person replaced."""

    @property
    def on_air(self) -> Source | None:
        return self.person or self.stand_in

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everybody connected, on air or waiting."""
        return tuple(source for source in (self.person, self.stand_in) if source)

    def find(self, session: str) -> Source | None:
        return next((source for source in self.sources if source.session == session), None)


class Entrance(msgspec.Struct, frozen=True):
    """The stage after somebody came, and the source that they put off it."""

    stage: Stage
    replaced: Source | None


def enter(stage: Stage, newcomer: Source) -> Entrance:
    """Sit down. Raises Conflict `on_air` with `on_air` = the name of who is there, and `replaced`."""
    seated = stage.stand_in if newcomer.stand_in else stage.person
    if seated and seated.subject != newcomer.subject:
        raise _taken_by(seated)
    if newcomer.stand_in and not seated and stage.person:
        raise _taken_by(stage.person)
    put_off = stage.put_off
    if newcomer.replaces in put_off or (seated and newcomer.replaces and not _comes_back(newcomer, seated)):
        raise Conflict("Another window or program of yours is on air.", code="replaced")
    if seated and not _comes_back(newcomer, seated):
        put_off = (*put_off, *filter(None, (seated.session, seated.replaces)))[-PUT_OFF_MAX:]
    if newcomer.stand_in:
        return Entrance(msgspec.structs.replace(stage, stand_in=newcomer, put_off=put_off), seated)
    return Entrance(msgspec.structs.replace(stage, person=newcomer, put_off=put_off), seated)


def leave(stage: Stage, session: str) -> Stage:
    """Stand up; a session that has been replaced already changes nothing."""
    return msgspec.structs.replace(
        stage,
        person=None if stage.person and stage.person.session == session else stage.person,
        stand_in=None if stage.stand_in and stage.stand_in.session == session else stage.stand_in,
    )


def _comes_back(newcomer: Source, seated: Source) -> bool:
    """The same sender once more. An answer may be lost on its way: then it names the session before the one that is here."""
    return bool(newcomer.replaces) and newcomer.replaces in (seated.session, seated.replaces)


def _taken_by(source: Source) -> Conflict:
    name = source.name or "Somebody"
    return Conflict(f"{name} is on air. Wait until they have left.", code="on_air", on_air=name)
