"""The booth's worklist: who is to come, by whose list, and how it stands with them. Encrypted in the vault.

A person is found by the keyed hash of the number. Who is enrolled is not written here: the journal says it.
Where other blobs have an enrolment stands the day on which the person was last listed, where a clock told it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from edge.errors import BadCommand
from edge.keys import BoothKeys
from edge.messages import ONE_LINE
from edge.names import same_name
from edge.subject import Birth, Sex, Stated, birth_of
from edge.vault import Label, Vault

LISTED = "listed"  # kind of the vault's blobs, and what stands for an unknown day: it sorts after all days
DUE, DEFERRED, DECEASED = "due", "deferred", "deceased"
STATES = (DUE, "absent", "abroad", "moved", DECEASED, DEFERRED)
ENROLLED = "enrolled"  # shown, never set
IMPORTED, STATE_SET = "worklist.imported", "worklist.state"  # kinds of journal entries
LONGEST = 200  # characters of source and reason


@dataclass(frozen=True, slots=True)
class Listed:
    """One person of the worklist."""

    number: str
    name: str
    birth: Birth
    sex: Sex
    source: str
    state: str = DUE
    reason: str = ""

    def in_state(self, state: str, reason: str = "") -> "Listed":
        """Return the person in another state; BadCommand when it is none or lacks its reason."""
        check_state(state, reason)
        return replace(self, state=state, reason=reason)

    def differs_from(self, stated: Stated) -> list[str]:
        """Name what is stated and is not so here: name, birth, sex."""
        found = []
        if stated.name is not None and not same_name(stated.name, self.name):
            found.append("name")
        if stated.birth is not None and not stated.birth.fits(self.birth):
            found.append("birth")
        if stated.sex is not None and stated.sex != self.sex:
            found.append("sex")
        return found


def check_state(state: str, reason: str) -> None:
    """Refuse a state that nobody can be in."""
    if state == ENROLLED:
        raise BadCommand("'enrolled' cannot be set: it follows from the journal when a record is sealed")
    if state not in STATES:
        raise BadCommand(f"the state must be one of {', '.join(STATES)}")
    if state == DEFERRED and not reason:
        raise BadCommand("'deferred' needs a reason")
    check_line("reason", reason)


def check_line(what: str, text: str) -> None:
    """Refuse a reason or a source that is too long, or changes what is printed around it."""
    if len(text) > LONGEST:
        raise BadCommand(f"the {what} has more than {LONGEST} characters: shorten it")
    if not re.search(ONE_LINE, text) or text.endswith("\n"):
        raise BadCommand(f"the {what} has a control character in it: type it anew")


class Worklist:
    """Who is in the vault. Callers group what belongs together in `store.transaction()`."""

    def __init__(self, vault: Vault, keys: BoothKeys) -> None:
        self._vault, self._keys = vault, keys

    @property
    def any(self) -> bool:
        """Whether there is a worklist."""
        return self._vault.has(LISTED)

    def find(self, number: str) -> Listed | None:
        """Return who has a number, None when nobody has."""
        data = self._vault.find(self._label(number).id)
        return None if data is None else _read(data)

    def all(self) -> Iterator[tuple[str, Listed]]:
        """Yield keyed hash and person, in the order they came."""
        return ((label.subject, _read(data)) for label, data in self._vault.all_of(LISTED))

    def put(self, person: Listed, day: date | None = None) -> None:
        """Add a person, listed on a day; None where no clock tells it. BadCommand for what is no text."""
        said = {**{key: getattr(person, key) for key in KEYS}, "birth": str(person.birth)}
        try:
            data = json.dumps(said, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise BadCommand(
                "the reason, or the source, has a character that is no UTF-8: type it anew"
            ) from None
        self._vault.put(self._label(person.number, day), data)

    def change(self, person: Listed, day: date | None = None) -> None:
        """Put a person in the place of the one with the same number."""
        self._vault.forget(self._label(person.number).id)
        self.put(person, day)

    def renew(self, people: Iterable[Listed], day: date) -> None:
        """Note that people are on a list of this day, too."""
        for person in self.not_of(day, people):
            self.change(person, day)

    def not_of(self, day: date, people: Iterable[Listed]) -> list[Listed]:
        """Return those people of whom it is not noted that they are on a list of this day."""
        there = {label.id: label.enrolment for label in self._vault.labels(LISTED)}
        return [one for one in people if there.get(self._label(one.number).id) != day.isoformat()]

    def listed_before(self, day: date) -> list[str]:
        """Return the keyed hashes of the people who were last listed before a day."""
        return [one.subject for one in self._vault.labels(LISTED, before=day.isoformat())]

    def without_day(self, most: int) -> list[Listed]:
        """Return people of whom it is not known when they were listed, as many at the most."""
        return [_read(self._vault.get(one.id)) for one in self._vault.labels(LISTED, first=LISTED, most=most)]

    def has(self, subject: str) -> bool:
        """Whether somebody with this keyed hash is on the list."""
        return self._vault.find(f"{LISTED}.{subject}") is not None

    def forget(self, subject: str) -> None:
        """Take a person off the list; the bytes are overwritten with the commit."""
        self._vault.forget(f"{LISTED}.{subject}")

    def _label(self, number: str, day: date | None = None) -> Label:
        subject = self._keys.subject_of(number)
        return Label(f"{LISTED}.{subject}", LISTED, day.isoformat() if day else LISTED, subject)


KEYS = ("number", "name", "birth", "sex", "source", "state", "reason")


def _read(data: bytes) -> Listed:
    said: dict[str, Any] = json.loads(data)
    return Listed(**{**said, "birth": birth_of(said["birth"])})
