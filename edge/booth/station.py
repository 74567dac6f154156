"""What the booth asks the station's gallery, and what it has not been answered yet.

No clock and no thread of its own. What is asked follows from the journal alone: each accepted finger of the
present enrolment until it is answered, and then each sealed record, one after the other, until the gallery
has it. What gets lost is asked again, ever more patiently; a kill loses nothing.
"""

from collections.abc import Callable
from functools import partial

from edge.booth.enrolment import ENROLLED, SEALED, UNSETTLED, Enrolment, Entry
from edge.booth.station_answer import NOTED, SETTLED_LATER, answered, found_later, settled_later
from edge.errors import BadCommand
from edge.gallery.question import Finger, Head, Question, written
from edge.journal import Journal
from edge.messages import FoundLater, GalleryAnswer, JournalEntry, Settle, gallery_topic
from edge.settings import BoothSettings
from edge.vault import ENROLLED as GALLERY
from edge.vault import TEMPLATE, Vault

CURSOR = "station"  # the last sealed record that the gallery has, or that has nothing for it
FIRST_PATIENCE, LONGEST_PATIENCE = 2.0, 30.0  # seconds before a question is asked again
SILENT = 4.0  # of patience: asked twice, and no answer

Publish = Callable[[str, bytes], bool]


class StationDesk:
    """One booth's questions to its station."""

    def __init__(
        self, settings: BoothSettings, key: bytes | None, journal: Journal, vault: Vault, publish: Publish
    ) -> None:
        self._settings, self._key, self._publish = settings, key, publish
        self._journal, self._vault = journal, vault
        self._online, self._wrong = False, None  # type: bool, str | None
        self._asked: dict[str, tuple[float, float]] = {}  # question -> when to ask again, patience
        self._waiting_since: float | None = None  # for an answer before sealing
        self._due: JournalEntry | None = None
        self._left = self._unsettled_before()
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
        silent = any(patience > SILENT for _, patience in self._asked.values())
        return self._wrong or ("ready" if self._online and not silent else "away")

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

    def work(self, current: Enrolment | None, now: float) -> None:
        """Ask what is to be asked; call it after every event and at least once a second."""
        if self._key is None or not self._online:
            return
        if current:
            for position in current.unsettled:
                self._ask(current.accepted[position].sample, now, partial(self._search, current, position))
        if entry := self._next_sealed():
            self._ask(str(entry.body["enrolment"]), now, partial(self._add, entry))

    def holds(self, current: Enrolment, now: float) -> bool:
        """Tell whether sealing waits a little: an answer is due, and the gallery is there to give it."""
        if not current.unsettled or not self._online or self._wrong:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        assert self._settings.station
        return now - self._waiting_since < self._settings.station.wait_seconds

    def take(self, answer: GalleryAnswer, current: Enrolment | None) -> list[Entry]:
        """Return what is to be recorded of an answer; of one that nobody waits for nothing."""
        if answer.refused is not None:
            self._wrong = f"the station's gallery refuses: {answer.refused}"
            return []
        self._wrong = None
        limits, due = self._settings.comparison, self._next_sealed()
        if due and due.body["enrolment"] == answer.question:
            return [settled_later(due.body, len(self._enrolled(due)), answer, limits)]
        return answered(current, answer, limits)

    def recorded(self, kind: str, body: dict[str, object]) -> None:
        """Follow what the journal took; call it inside its transaction."""
        name = str(body.get("enrolment"))
        if kind == SEALED and body.get("station") == UNSETTLED:
            self._left.add(name)
        elif kind == SETTLED_LATER:
            self._left.discard(name)
            self._asked.pop(name, None)
            if self._due:
                self._journal.store.move_cursor(CURSOR, self._due.seq)
            if alarm := found_later(body):
                self._alarms[name] = alarm
        elif kind == NOTED:
            self._alarms.pop(name, None)

    def check(self, command: Settle) -> FoundLater:
        """Return the alarm that a supervisor settles; BadCommand where there is none."""
        if (alarm := self._alarms.get(command.enrolment)) is None:
            raise BadCommand(f"of enrolment {command.enrolment} nothing was found that is to be settled")
        return alarm

    def _ask(self, name: str, now: float, make: Callable[[], Question]) -> None:
        again, patience = self._asked.get(name, (0.0, FIRST_PATIENCE))
        assert self._key is not None
        if now < again:
            return
        topic = gallery_topic(self._settings.booth)
        if self._publish(topic, written(make(), self._key)):
            self._asked[name] = (now + patience, min(2 * patience, LONGEST_PATIENCE))

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
        found = self._vault.all_of(GALLERY, str(entry.body["enrolment"]))
        return {label.position: data for label, data in found}

    def _next_sealed(self) -> JournalEntry | None:
        """Return the oldest record that the gallery does not have; one without templates has none for it."""
        if self._key is None:
            return None
        done = self._journal.store.cursor_at(CURSOR)
        if self._due and self._due.seq > done:
            return self._due
        self._due, passed = None, done
        for entry in self._journal.of_kind(SEALED, done):
            if entry.body["outcome"] == ENROLLED and self._enrolled(entry):
                self._due = entry
                break
            passed = entry.seq
        if passed > done:
            self._journal.store.move_cursor(CURSOR, passed)
        return self._due

    def _unsettled_before(self) -> set[str]:
        sealed = {
            str(entry.body["enrolment"])
            for entry in self._journal.of_kind(SEALED)
            if entry.body.get("station") == UNSETTLED
        }
        return sealed - {str(entry.body["enrolment"]) for entry in self._journal.of_kind(SETTLED_LATER)}
