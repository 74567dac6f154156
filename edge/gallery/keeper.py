"""Whom the station's gallery holds: search templates of everybody enrolled, encrypted, and whose they are.

No picture, no identity number and no name comes here: a person is a keyed hash and an enrolment's id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from edge.booth import channel
from edge.booth.loading import keep_codes
from edge.gallery.question import Question
from edge.store import VAULT_SCHEMA, Database
from edge.vault import ENROLLED, ENROLLED_CODE, Label, Vault, gallery_code, gallery_id

WHOSE, FORGOTTEN = "whose", "forgotten"


class GalleryStore(Database):
    """The gallery's file."""

    schema = VAULT_SCHEMA
    what = "gallery's file"


@dataclass(frozen=True, slots=True)
class Whose:
    """Who an enrolment was, and where."""

    subject: str
    booth: str


class Keeper:
    """The gallery's templates on disk."""

    def __init__(self, store: Database, key: bytes) -> None:
        self._store, self._vault = store, Vault(store, key)
        self.page = self._vault.gallery_page
        self._version = self._changed_by_others()
        self._whose = {
            label.enrolment: Whose(label.subject, json.loads(data)["booth"])
            for label, data in self._vault.all_of(WHOSE)
        }

    @property
    def whose(self) -> dict[str, Whose]:
        """Who is held, by enrolment; another process may have forgotten somebody meanwhile."""
        if (version := self._changed_by_others()) != self._version:
            held = {label.enrolment for label in self._vault.labels(WHOSE)}
            self._whose = {name: one for name, one in self._whose.items() if name in held}
            self._version = version
        return self._whose

    def _changed_by_others(self) -> int:
        """Return a number that changes with every commit of another connection."""
        return int(self._store.db.execute("PRAGMA data_version").fetchone()[0])

    def add(self, question: Question, codes: list[bytes]) -> list[tuple[Label, bytes]]:
        """Keep a person once, on disk when this returns; return the search codes for the matcher.

        One who was forgotten is not kept again, whoever sends the record once more.
        """
        head = question.head
        if head.enrolment in self.whose or self._vault.find(_forgotten(head.enrolment)) is not None:
            return []
        kept = []
        with self._store.transaction():
            place = json.dumps({"booth": question.booth}).encode()
            self._vault.put(Label(f"{head.enrolment}.{WHOSE}", WHOSE, head.enrolment, head.subject), place)
            for finger, template, code in zip(head.fingers, question.templates, codes, strict=True):
                whose = head.enrolment, head.subject, finger.position
                name = gallery_id(head.enrolment, finger.position)
                self._vault.put(Label(name, ENROLLED, *whose), template)
                label = Label(gallery_code(name), ENROLLED_CODE, *whose)
                self._vault.put(label, code)
                kept.append((label, code))
        self.whose[head.enrolment] = Whose(head.subject, question.booth)
        return kept

    def recode(self, fingers: Sequence[channel.Enrolled], codes: list[bytes]) -> None:
        """Keep search codes that the matcher made anew, in one transaction, for the next start."""
        keep_codes(self._store, self._vault, fingers, codes)

    def template(self, finger: channel.GalleryFinger) -> bytes:
        """Return one template, nothing where it was forgotten."""
        return self._vault.find(gallery_id(finger.enrolment, finger.position)) or b""

    def forget(self, enrolment: str) -> bool:
        """Forget one person, bytes and all; tell whether they were here."""
        if self.whose.pop(enrolment, None) is None:
            return False
        with self._store.transaction():
            self._vault.purge(enrolment, WHOSE, ENROLLED, ENROLLED_CODE)
            self._vault.put(Label(_forgotten(enrolment), FORGOTTEN, enrolment, ""), b"")
        return True


def _forgotten(enrolment: str) -> str:
    return f"{enrolment}.{FORGOTTEN}"
