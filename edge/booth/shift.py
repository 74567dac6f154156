"""Who works at the booth: logging in and out, and a supervisor's signature, all from vault and journal.

Where there is nobody who could log in, nobody has to. A PIN arrives sealed to a key of this start of the
daemon. Five wrong ones in a row lock a person until a technician unlocks them.
"""

from itertools import takewhile

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth.attendant import REGISTERED, Presenting
from edge.booth.enrolment_fold import fold
from edge.booth.entries import ENDS, LOGGED_IN, LOGGED_OUT, STARTED, Body, Entry
from edge.booth.open_shift import OVERDUE
from edge.errors import BadCommand, NotedRefusal
from edge.journal import Journal
from edge.messages import HandOver, Override, Settle, SingleFingers
from edge.people import NOBODY, People, Person
from edge.sealed_word import open_word

FAILED, UNLOCKED = "login.failed", "person.unlocked"
ADDED, REMOVED, SIGNED = "person.added", "person.removed", "override.signed"
MOST_FAILURES = 5
Signed = Override | SingleFingers | HandOver | Settle


class Shift:
    """One booth's people at work."""

    def __init__(self, booth: str, people: People, journal: Journal) -> None:
        self._booth, self._people, self._journal = booth, people, journal
        self._key = X25519PrivateKey.generate()

    @property
    def key(self) -> str | None:
        """The public key that PINs are sealed to, hex; None where nobody logs in."""
        return self._key.public_key().public_bytes_raw().hex() if self._people.any else None

    @property
    def operator(self) -> str | None:
        """Who is logged in."""
        last = self._journal.last(LOGGED_IN, LOGGED_OUT)
        if last is None or last.kind == LOGGED_OUT:
            return None
        removed = (later.body["person"] for later in self._journal.of_kind(REMOVED, last.seq))
        return None if last.body["person"] in removed else str(last.body["person"])

    def require_operator(self) -> str | None:
        """Return who is logged in, None where nobody needs to be; BadCommand when somebody should."""
        if not self._people.any:
            return None
        if (operator := self.operator) is None:
            raise BadCommand("nobody is logged in: log in first", wants="login")
        return operator

    def log_in(self, person: Person, how: Body | None = None) -> tuple[Entry, ...]:
        """Let somebody in; whoever was there before is out."""
        before: list[Entry] = [(LOGGED_OUT, {"person": self.operator})] if self.operator else []
        return (*before, (LOGGED_IN, {"person": person.name, "role": person.role, **(how or {})}))

    def asks_finger(self, person: Person) -> Presenting | None:
        """What a person with registered fingers must show before they are in."""
        positions = self._people.positions_of(person.name)
        if not positions:
            return None
        failed = {"person": person.name, "in_a_row": self._failures(person.name) + 1}
        success = self.log_in(person)
        return Presenting("log-in", person.name, positions[0], success, ((FAILED, failed),))

    def registers(self, name: str, position: int, signed_by: Person, quality: int) -> Presenting:
        """What is shown to register a finger of somebody; BadCommand where there is nobody of that name."""
        if self._people.named(name) is None:
            raise BadCommand(f"nobody is called {name} here: a technician adds people with 'vantay people'")
        if name == signed_by.name and self._people.positions_of(name):  # the PIN alone would do away with it
            raise BadCommand(
                f"{name} has a registered finger: another supervisor signs, or a technician forgets it with "
                "'vantay people forget-fingers'",
                wants="supervisor",
            )
        body = {"person": name, "position": position, "signed_by": signed_by.name}
        success = ((REGISTERED, body),)
        return Presenting("register", name, position, success, quality_wanted=quality)

    @property
    def leaves(self) -> list[Entry]:
        """How the operator goes when the booth's shift ends; nothing where nobody is logged in."""
        return self.log_out() if self.operator else []

    @property
    def is_of_before(self) -> bool:
        """Whether the log-in is older than the end of the day of a shift that is still open."""
        return self._journal.last_of(LOGGED_IN) < self._journal.last_of(OVERDUE)

    def require_todays(self, overdue: bool) -> None:
        """BadCommand where the log-in is older than the end of the day of a shift that is still open."""
        if overdue and self.operator and self.is_of_before:
            raise BadCommand(
                f"{self.operator} has been logged in since the shift that is over: log in first",
                wants="login",
            )

    def log_out(self) -> list[Entry]:
        """Let the operator go."""
        if self.operator is None:
            raise BadCommand("nobody is logged in")
        return [(LOGGED_OUT, {"person": self.operator})]

    def signature(
        self, command: Signed, what: str, workers: frozenset[str]
    ) -> tuple[str | None, list[Entry]]:
        """Return the supervisor who signs: two pairs of eyes; None where nobody logs in.

        `what` is signed for; `workers`: who did what is signed, whoever is logged in now.
        """
        name, sealed = command.person, command.pin
        if not self._people.any:
            return None, []
        if name is None or sealed is None:
            raise BadCommand(
                f"{what} is signed by a supervisor: send it with 'person' and 'pin'", wants="person"
            )
        if name == self.operator or name in workers:
            raise BadCommand(
                f"{name} is or was the operator of this: {what} needs another pair of eyes", wants="person"
            )
        person = self.supervisor(name, sealed, command.request_id, what)
        return person.name, [(SIGNED, {"person": person.name})]

    def supervisor(self, name: str, sealed: str, request_id: str, what: str) -> Person:
        """Return the supervisor whose PIN this is; BadCommand for anybody else."""
        person = self.check(name, sealed, request_id)
        if person.role != "supervisor":
            raise BadCommand(f"{name} is no supervisor: {what} needs one", wants="person")
        return person

    def check(self, name: str, sealed: str, request_id: str) -> Person:
        """Return the person whose PIN this is; NotedRefusal, in the same words and time, for any other."""
        try:
            pin = open_word(sealed, self._key, f"{self._booth}/{request_id}")
        except ValueError:
            raise BadCommand(
                "the PIN does not open: seal it anew, to the key that 'state' shows now, for this request id",
                wants="pin",
            ) from None
        person, failures = self._people.named(name), self._failures(name)
        if failures >= MOST_FAILURES:
            raise BadCommand(f"{name} is locked after {failures} wrong PINs: call a technician")
        known = (person or NOBODY).knows(pin)  # takes as long where there is no such person
        if person is None or not known:
            failed: Entry = (FAILED, {"person": name, "in_a_row": failures + 1})
            raise NotedRefusal("there is no such person with this PIN", [failed], wants="pin")
        return person

    def is_about_somebody(self, entry: Entry) -> bool:
        """Whether an entry is the wrong PIN of a person who is here: it counts towards the lock."""
        kind, body = entry
        return kind == FAILED and self._people.named(body["person"]) is not None

    def _failures(self, name: str) -> int:
        return self._journal.wrong_pins(name, FAILED, (LOGGED_IN, SIGNED, UNLOCKED, ADDED))


def workers_of(enrolment: str, journal: Journal) -> frozenset[str]:
    """Return who worked on an enrolment that has ended."""
    started = (entry for entry in journal.of_kind(STARTED) if entry.body["enrolment"] == enrolment)
    if (first := next(started, None)) is None:
        return frozenset()
    since = takewhile(lambda entry: entry.kind not in ENDS, journal.read(first.seq - 1))
    current = fold((entry.kind, entry.body) for entry in since)
    return current.workers if current else frozenset()
