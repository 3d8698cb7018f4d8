"""Who may be on air in one event: enter, replace, return. Rules only.

There are two chairs. A person sits in one; the other is for a stand-in (the demo's synthetic presenter). Whoever sits in
the person's chair is on air, else the stand-in, else nobody (the slate). So a stand-in is replaced by any person without
losing its connection, and comes back by itself when the person leaves.

    newcomer    own chair free          own chair is theirs     somebody else sits there
    person      sits, on air            replaces themselves     Conflict on_air
    stand-in    sits, unless a person   replaces itself         Conflict on_air
                is on air: Conflict
"""

from __future__ import annotations

import msgspec

from plenum.errors import Conflict


class Source(msgspec.Struct, frozen=True):
    """One WHIP session: whose it is and what viewers call them."""

    session: str
    subject: str
    name: str
    stand_in: bool = False


class Stage(msgspec.Struct, frozen=True):
    """The two chairs of an event."""

    person: Source | None = None
    stand_in: Source | None = None

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
    """Sit down. Raises Conflict `on_air` with `on_air` = the name of who is there."""
    seated = stage.stand_in if newcomer.stand_in else stage.person
    if seated and seated.subject != newcomer.subject:
        raise _taken_by(seated)
    if newcomer.stand_in and not seated and stage.person:
        raise _taken_by(stage.person)
    if newcomer.stand_in:
        return Entrance(msgspec.structs.replace(stage, stand_in=newcomer), seated)
    return Entrance(msgspec.structs.replace(stage, person=newcomer), seated)


def leave(stage: Stage, session: str) -> Stage:
    """Stand up; a session that has been replaced already changes nothing."""
    return Stage(
        person=None if stage.person and stage.person.session == session else stage.person,
        stand_in=None if stage.stand_in and stage.stand_in.session == session else stage.stand_in,
    )


def _taken_by(source: Source) -> Conflict:
    name = source.name or "Somebody"
    return Conflict(f"{name} is on air. Wait until they have left.", code="on_air", on_air=name)
