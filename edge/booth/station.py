"""What the booth asks the station's gallery, and what it has not been answered yet.

No clock and no thread of its own. What is asked follows from the journal alone: each accepted finger of the
present enrolment until it is answered, and then each sealed record, one after the other, until the gallery
has it. What gets lost is asked again, ever more patiently; a kill loses nothing. A record that the gallery
refuses for itself alone is set aside, so that those behind it have their turn, and asked about now and then.
"""

from collections.abc import Callable
from functools import partial

from edge.booth.enrolment import ENROLLED, SEALED, UNSETTLED, Enrolment, Entry
from edge.booth.station_answer import (
    NOTED,
    SET_ASIDE,
    SETTLED_LATER,
    answered,
    found_later,
    set_aside,
    settled_later,
)
from edge.errors import BadCommand
from edge.gallery.question import Finger, Head, Question, written
from edge.journal import Journal
from edge.messages import FoundLater, GalleryAnswer, JournalEntry, Settle, gallery_topic
from edge.settings import BoothSettings
from edge.vault import TEMPLATE, Vault

CURSOR = "station"  # the last sealed record that the gallery has, that has nothing for it, or is set aside
FIRST_PATIENCE, LONGEST_PATIENCE = 2.0, 30.0  # seconds before a question is asked again
ASIDE_PATIENCE = 3600.0  # and before a record that is set aside is; at a start of booth or gallery at once
SILENT = 4.0  # of patience: asked twice, and no answer

Publish = Callable[[str, bytes], bool]


class StationDesk:
    """One booth's questions to its station."""

    def __init__(
        self, settings: BoothSettings, key: bytes | None, journal: Journal, vault: Vault, publish: Publish
    ) -> None:
        self._settings, self._key, self._publish = settings, key, publish
        self._journal, self._vault = journal, vault
        self._online = False
        self._wrong: dict[str, str] = {}  # question -> why it was refused
        self._asked: dict[str, tuple[float, float]] = {}  # question -> when to ask again, patience
        self._waiting: tuple[tuple[str, frozenset[str]], float] | None = None  # before sealing; since when
        self._due: JournalEntry | None = None
        self._opens = True  # whether any of its templates does
        settled = {str(entry.body["enrolment"]) for entry in journal.of_kind(SETTLED_LATER)}
        aside = {str(entry.body["enrolment"]) for entry in journal.of_kind(SET_ASIDE)} - settled
        self._left, self._aside = set[str](), dict[str, JournalEntry]()
        for entry in journal.of_kind(SEALED):
            name = str(entry.body["enrolment"])
            if entry.body.get("station") == UNSETTLED and name not in settled:
                self._left.add(name)
            if name in aside and self._enrolled(entry):
                self._aside[name] = entry
        noted = {entry.body["enrolment"] for entry in journal.of_kind(NOTED)}
        alarms = [found_later(entry.body) for entry in journal.of_kind(SETTLED_LATER)]
        self._alarms = {one.enrolment: one for one in alarms if one and one.enrolment not in noted}

    @property
    def asks(self) -> bool:
        """Whether there is a station's gallery to ask."""
        return self._key is not None

    @property
    def standing(self) -> str | None:
        """What the state says: None where nobody is asked, "ready", "away", or what is wrong."""
        if self._key is None:
            return None
        if self._wrong:
            return f"the station's gallery refuses: {next(iter(self._wrong.values()))}"
        silent = any(SILENT < patience < ASIDE_PATIENCE for _, patience in self._asked.values())
        return "ready" if self._online and not silent else "away"

    @property
    def unsettled(self) -> int:
        """How many records were sealed unsettled and still are."""
        return len(self._left)

    @property
    def alarms(self) -> list[FoundLater]:
        """What was found after sealing and no supervisor has settled yet."""
        return list(self._alarms.values())

    def heard(self, online: bool, anew: bool = False) -> None:
        """The gallery came or went, or told its number: whatever waits is asked at once when it is back.

        `anew`: this booth itself was away. Of a gallery that is there nothing is asked twice for its telling.
        """
        if online and (anew or not self._online):
            self._asked.clear()
        self._online = online

    def work(self, current: Enrolment | None, now: float) -> list[Entry]:
        """Ask what is to be asked, and return what is to be recorded; call it at least once a second."""
        if self._key is None:
            return []
        due: dict[str, Callable[[], Question]] = {}
        if current:
            for position in current.unsettled:
                due[current.accepted[position].sample] = partial(self._search, current, position)
        entry = self._next_sealed()
        if entry and not self._opens:
            return [set_aside(entry.body, "none of its templates opens at the booth")]
        if entry:
            due[str(entry.body["enrolment"])] = partial(self._add, entry)
        self._wrong = {name: why for name, why in self._wrong.items() if name in due}
        self._asked = {name: at for name, at in self._asked.items() if name in due or name in self._aside}
        if not self._online:
            return []
        for name, make in due.items():
            self._ask(name, now, make)
        if not entry and (aside := self._next_aside(now)):
            self._ask(aside, now, partial(self._add, self._aside[aside]), ASIDE_PATIENCE)
        return []

    def holds(self, current: Enrolment, now: float) -> bool:
        """Tell whether sealing waits a little: an answer is due, and the gallery is there to give it."""
        due = [current.accepted[position].sample for position in current.unsettled]
        if not self._online or all(sample in self._wrong for sample in due):
            return False
        whose = current.id, current.found.others  # who is told apart from somebody is looked for anew
        if self._waiting is None or self._waiting[0] != whose:
            self._waiting = whose, now
        assert self._settings.station
        return now - self._waiting[1] < self._settings.station.wait_seconds

    def take(self, answer: GalleryAnswer, current: Enrolment | None) -> list[Entry]:
        """Return what is to be recorded of an answer; of one that nobody waits for nothing."""
        due = self._next_sealed()
        at_turn = due is not None and due.body["enrolment"] == answer.question
        entry = due if at_turn else self._aside.get(answer.question)
        if answer.refused is not None:
            if due and at_turn and answer.this_alone:
                return [set_aside(due.body, answer.refused)]
            if answer.question not in self._aside:
                self._wrong[answer.question] = answer.refused
            return []
        self._wrong.pop(answer.question, None)
        limits = self._settings.comparison
        if entry:
            return [settled_later(entry.body, len(self._enrolled(entry)), answer, limits)]
        return answered(current, answer, limits)

    def recorded(self, kind: str, body: dict[str, object]) -> None:
        """Follow what the journal took; call it inside its transaction."""
        name = str(body.get("enrolment"))
        if kind == SEALED and body.get("station") == UNSETTLED:
            self._left.add(name)
        elif kind == SETTLED_LATER:
            self._left.discard(name)
            self._aside.pop(name, None)
            self._asked.pop(name, None)
            self._pass(name)
            if alarm := found_later(body):
                self._alarms[name] = alarm
        elif kind == SET_ASIDE and self._due:
            again, _ = self._asked.get(name, (0.0, 0.0))
            if self._opens:
                self._aside[name], self._asked[name] = self._due, (again + ASIDE_PATIENCE, ASIDE_PATIENCE)
            self._wrong.pop(name, None)
            self._pass(name)
        elif kind == NOTED:
            self._alarms.pop(name, None)

    def check(self, command: Settle) -> FoundLater:
        """Return the alarm that a supervisor settles; BadCommand where there is none."""
        if (alarm := self._alarms.get(command.enrolment)) is None:
            raise BadCommand(f"of enrolment {command.enrolment} nothing was found that is to be settled")
        return alarm

    def _pass(self, name: str) -> None:
        """Go on to the record behind this one, where it is the one whose turn it is."""
        if self._due and self._due.body["enrolment"] == name:
            self._journal.store.move_cursor(CURSOR, self._due.seq)

    def _ask(
        self, name: str, now: float, make: Callable[[], Question], patience: float = FIRST_PATIENCE
    ) -> None:
        again, patience = self._asked.get(name, (0.0, patience))
        assert self._key is not None
        if now < again:
            return
        topic = gallery_topic(self._settings.booth)
        if self._publish(topic, written(make(), self._key)):
            later = patience if patience == ASIDE_PATIENCE else min(2 * patience, LONGEST_PATIENCE)
            self._asked[name] = (now + patience, later)

    def _search(self, current: Enrolment, position: int) -> Question:
        sample = current.accepted[position].sample
        template = self._vault.get(f"{sample}.{TEMPLATE}")
        head = Head(
            kind="search",
            enrolment=current.id,
            subject=current.subject,
            fmr=self._settings.comparison.station_fmr,
            before=list(current.accepted).index(position),
            suspected=tuple(current.hits),
            fingers=(Finger(position=position, length=len(template)),),
        )
        return Question(self._settings.booth, sample, head, (template,))

    def _add(self, entry: JournalEntry) -> Question:
        templates = self._enrolled(entry)
        head = Head(
            kind="add",
            enrolment=str(entry.body["enrolment"]),
            subject=str(entry.body["subject"]),
            fmr=self._settings.comparison.station_fmr,
            fingers=tuple(Finger(position=p, length=len(data)) for p, data in templates.items()),
        )
        return Question(self._settings.booth, head.enrolment, head, tuple(templates.values()))

    def _enrolled(self, entry: JournalEntry) -> dict[int, bytes]:
        return self._vault.enrolled(str(entry.body["enrolment"]))[0]

    def _next_aside(self, now: float) -> str | None:
        """Return a record that is set aside and is to be asked about once more, one at a time."""
        return next((name for name in self._aside if now >= self._asked.get(name, (0.0,))[0]), None)

    def _next_sealed(self) -> JournalEntry | None:
        """Return the oldest record that the gallery does not have; one without templates has none for it."""
        if self._key is None:
            return None
        done = self._journal.store.cursor_at(CURSOR)
        if self._due and self._due.seq > done:
            return self._due
        self._due, passed = None, done
        for entry in self._journal.of_kind(SEALED, done):
            if entry.body["outcome"] == ENROLLED:
                opened, damaged = self._vault.enrolled(str(entry.body["enrolment"]))
                if opened or damaged:
                    self._due, self._opens = entry, bool(opened)
                    break
            passed = entry.seq
        if passed > done:
            self._journal.store.move_cursor(CURSOR, passed)
        return self._due
