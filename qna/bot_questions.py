"""What the demo's bots ask: twelve questions an all-hands might hear, per language. True: asked confidentially."""

from __future__ import annotations

ENGLISH: tuple[tuple[str, bool], ...] = (
    ("How many days a week may we work from home next year?", False),
    ("When will the new ticket system replace the old one?", False),
    ("Is there a budget for training, and who decides how it is spent?", False),
    ("What happens to the teams in the old building after the move?", True),
    ("Will the canteen offer vegan food every day?", False),
    ("How did the last quarter go compared with the plan?", False),
    ("Are there plans to reduce the number of meetings?", True),
    ("Which of the pilot projects will become permanent?", False),
    ("Can we have the recording and the slides afterwards?", False),
    ("How do we make sure that small offices are heard?", False),
    ("Is there a hiring stop, and for how long?", True),
    ("What is the one thing you would like us to stop doing?", False),
)

GERMAN: tuple[tuple[str, bool], ...] = (
    ("Wie viele Tage Homeoffice sind im nächsten Jahr möglich?", False),
    ("Wann löst das neue Ticketsystem das alte ab?", False),
    ("Gibt es ein Budget für Weiterbildung, und wer entscheidet darüber?", False),
    ("Was wird nach dem Umzug aus den Teams im Altbau?", True),
    ("Gibt es in der Kantine künftig jeden Tag ein veganes Gericht?", False),
    ("Wie lief das letzte Quartal im Vergleich zum Plan?", False),
    ("Gibt es Pläne, die Zahl der Besprechungen zu verringern?", True),
    ("Welche der Pilotprojekte werden dauerhaft weitergeführt?", False),
    ("Bekommen wir die Aufzeichnung und die Folien im Anschluss?", False),
    ("Wie stellen wir sicher, dass auch kleine Standorte gehört werden?", False),
    ("Gibt es einen Einstellungsstopp, und wie lange gilt er?", True),
    ("Womit sollten wir Ihrer Meinung nach als Erstes aufhören?", False),
)


def questions(language: str) -> tuple[tuple[str, bool], ...]:
    return GERMAN if language == "de" else ENGLISH
