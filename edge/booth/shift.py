"""Who works at the booth: logging in and out, and a supervisor's signature, all from vault and journal.

Where there is nobody who could log in, nobody has to. A PIN arrives sealed to a key of this start of the
daemon. Five wrong ones in a row lock a person until a technician unlocks them.
"""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.booth.enrolment import Entry
from edge.errors import BadCommand, NotedRefusal
from edge.journal import Journal
from edge.people import People, Person
from edge.sealed_word import open_word

LOGGED_IN, LOGGED_OUT, FAILED, UNLOCKED = "operator.in", "operator.out", "login.failed", "person.unlocked"
ADDED, REMOVED, SIGNED = "person.added", "person.removed", "override.signed"
MOST_FAILURES = 5


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
        last = self._journal.last_of(LOGGED_IN, LOGGED_OUT, REMOVED)
        for entry in self._journal.read(last - 1, 1) if last else ():
            if entry.kind == LOGGED_IN:
                return str(entry.body["person"])
        return None

    def require_operator(self) -> str | None:
        """Return who is logged in, None where nobody needs to be; BadCommand when somebody should."""
        if not self._people.any:
            return None
        if (operator := self.operator) is None:
            raise BadCommand("nobody is logged in: log in first", wants="login")
        return operator

    def log_in(self, name: str, sealed: str, request_id: str) -> list[Entry]:
        """Let somebody in; whoever was there before is out."""
        person = self.check(name, sealed, request_id)
        before: list[Entry] = [(LOGGED_OUT, {"person": self.operator})] if self.operator else []
        return [*before, (LOGGED_IN, {"person": person.name, "role": person.role})]

    def log_out(self) -> list[Entry]:
        """Let the operator go."""
        if self.operator is None:
            raise BadCommand("nobody is logged in")
        return [(LOGGED_OUT, {"person": self.operator})]

    def signature(
        self, name: str | None, sealed: str | None, request_id: str
    ) -> tuple[str | None, list[Entry]]:
        """Return the supervisor who signs, not the operator: two pairs of eyes; None where nobody logs in."""
        if not self._people.any:
            return None, []
        if name is None or sealed is None:
            raise BadCommand(
                "an override is signed by a supervisor: send it with 'person' and 'pin'", wants="person"
            )
        if name == self.operator:
            raise BadCommand(
                f"{name} is the operator: an override needs another pair of eyes", wants="person"
            )
        person = self.check(name, sealed, request_id)
        if person.role != "supervisor":
            raise BadCommand(f"{name} is no supervisor: an override needs one", wants="person")
        return person.name, [(SIGNED, {"person": person.name})]

    def check(self, name: str, sealed: str, request_id: str) -> Person:
        """Return the person whose PIN this is; NotedRefusal, in the same words whatever was wrong."""
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
        if person is None or not person.knows(pin):
            failed: Entry = (FAILED, {"person": name, "in_a_row": failures + 1})
            raise NotedRefusal("there is no such person with this PIN", [failed], wants="pin")
        return person

    def _failures(self, name: str) -> int:
        return self._journal.wrong_pins(name, FAILED, (LOGGED_IN, SIGNED, UNLOCKED, ADDED))
