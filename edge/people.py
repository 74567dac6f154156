"""The booth's people: operators and supervisors, each with a PIN that is kept only as an Argon2id hash.

They live encrypted in the vault; the journal names them and says who was logged in when.
"""

import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Literal

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from edge.errors import BadCommand
from edge.messages import PERSON_NAME
from edge.vault import Label, Vault

Role = Literal["operator", "supervisor"]
FINGER = "person-finger"  # kind of the vault's templates of the people's own fingers
PERSON = "person"  # kind of the vault's blobs, and what stands where others have an enrolment
PIN = r"[0-9]{6,12}"
SALT_BYTES, HASH_BYTES = 16, 32
ITERATIONS, LANES, MEMORY_KIB = 3, 4, 64 * 1024  # RFC 9106, section 4, second choice


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in at this booth."""

    name: str
    role: Role
    salt: str  # hex
    hash: str  # hex

    def knows(self, pin: str) -> bool:
        """Whether this is the person's PIN."""
        return hmac.compare_digest(_hash(pin, bytes.fromhex(self.salt)), bytes.fromhex(self.hash))


NOBODY = Person("", "operator", bytes(SALT_BYTES).hex(), bytes(HASH_BYTES).hex())


def make_person(name: str, role: Role, pin: str) -> Person:
    """Make a person; BadCommand for a name or a PIN that cannot be one."""
    if not re.fullmatch(PERSON_NAME, name):
        raise BadCommand(f"'{name}' is no name of a person: 2 to 31 small letters, digits or hyphens")
    check_pin(pin)
    salt = secrets.token_bytes(SALT_BYTES)
    return Person(name, role, salt.hex(), _hash(pin, salt).hex())


def check_pin(pin: str) -> None:
    """Refuse what is no PIN, or one that is guessed at once."""
    if not re.fullmatch(PIN, pin):
        raise BadCommand("a PIN has 6 to 12 digits")
    if len(set(pin)) < 3 or pin in "01234567890123" or pin in "98765432109876":
        raise BadCommand("this PIN is too easy to guess: choose another")


def _hash(pin: str, salt: bytes) -> bytes:
    return Argon2id(
        salt=salt, length=HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    ).derive(pin.encode())


class People:
    """Who is in the vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def all(self) -> list[Person]:
        """Return everybody, in the order they came."""
        return [Person(**json.loads(data)) for _, data in self._vault.all_of(PERSON)]

    @property
    def any(self) -> bool:
        """Whether anybody was ever added: then somebody must log in."""
        return self._vault.has(PERSON)

    def named(self, name: str) -> Person | None:
        """Return one person, None when there is nobody of that name."""
        return next((person for person in self.all() if person.name == name), None)

    def add(self, person: Person) -> None:
        """Keep a person; BadCommand when the name is taken."""
        if self.named(person.name):
            raise BadCommand(
                f"{person.name} is there already: remove the old entry first, or take another name"
            )
        label = Label(f"{PERSON}.{person.name}", PERSON, PERSON, person.name)
        self._vault.put(label, json.dumps(asdict(person)).encode())

    def remove(self, name: str) -> None:
        """Forget a person; BadCommand when there is nobody of that name."""
        if self.named(name) is None:
            raise BadCommand(f"nobody is called {name} here: 'vantay people list' names all")
        self._vault.forget(f"{PERSON}.{name}")
        self._vault.purge(_fingers_of(name), FINGER)

    def fingers(self) -> list[tuple[str, int, bytes]]:
        """Return the registered fingers: person, position and template, several of one finger."""
        return [(label.subject, label.position, data) for label, data in self._vault.all_of(FINGER)]

    def positions_of(self, name: str) -> list[int]:
        """Return which fingers of a person are registered."""
        return sorted({label.position for label in self._vault.labels(FINGER) if label.subject == name})

    def register(self, name: str, position: int, templates: list[bytes]) -> None:
        """Keep the templates of one finger in place of any before."""
        for label, _ in list(self._vault.all_of(FINGER, _fingers_of(name))):
            if label.position == position:
                self._vault.forget(label.id)
        for number, template in enumerate(templates):
            blob = f"{FINGER}.{name}.{position}.{number}"
            self._vault.put(Label(blob, FINGER, _fingers_of(name), name, position), template)

    def forget_fingers(self, name: str) -> None:
        """Forget a person's fingers; BadCommand when none is registered."""
        if not self.positions_of(name):
            raise BadCommand(f"no finger of {name} is registered")
        self._vault.purge(_fingers_of(name), FINGER)


def _fingers_of(name: str) -> str:
    """What stands where subjects' templates have an enrolment; no enrolment is called so."""
    return f"{PERSON}.{name}"
