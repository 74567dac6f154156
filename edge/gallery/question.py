"""What a booth asks the station's gallery, as bytes that brokers carry and cannot read.

    payload = question id (16 ASCII) | sealed to the gallery's key (edge.sealed_word)
    sealed  = length of the head (4, big-endian) | head (JSON) | templates, one after another
The associated data binds the seal to the booth and the question: it opens under no other name.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edge.booth import channel
from edge.messages import Position
from edge.sealed_word import open_sealed, seal_to

ID_BYTES, LENGTH_BYTES = 16, 4
MOST_BYTES = 2**18  # ten templates are a fifth of it
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Subject = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]


class Finger(BaseModel):
    """One finger asked about, and how long its template is."""

    model_config = ConfigDict(frozen=True)
    position: Position
    length: Annotated[int, Field(ge=1, le=MOST_BYTES)]


class Head(BaseModel):
    """What is asked: `search` looks for fingers, `add` looks for them and then keeps them.

    `before`: how many fingers of the person were taken before the first of these.
    """

    model_config = ConfigDict(frozen=True)  # what a newer booth adds is ignored
    kind: Literal["search", "add"]
    enrolment: Id
    subject: Subject
    fmr: Annotated[float, Field(gt=0, le=0.1)]
    before: Annotated[int, Field(ge=0, le=10)] = 0
    suspected: Annotated[tuple[Subject, ...], Field(max_length=1000)] = ()
    fingers: Annotated[tuple[Finger, ...], Field(min_length=1, max_length=10)]


@dataclass(frozen=True, slots=True)
class Question:
    """One question; templates (matching.serial) are in the order of the head's fingers."""

    booth: str
    id: str
    head: Head
    templates: tuple[bytes, ...]


def written(question: Question, key: bytes) -> bytes:
    """Return the payload, sealed to the gallery's public key; ValueError when that is none."""
    head = question.head.model_dump_json().encode()
    data = len(head).to_bytes(LENGTH_BYTES, "big") + head + b"".join(question.templates)
    return question.id.encode() + seal_to(data, key, _purpose(question.booth, question.id))


def id_of(payload: bytes) -> str | None:
    """Return the id of a question that may not open; None where it is no question."""
    name = payload[:ID_BYTES]
    fits = len(name) == ID_BYTES and len(payload) <= MOST_BYTES and set(name) <= set(b"0123456789abcdef")
    return name.decode() if fits else None


def read(booth: str, payload: bytes, key: X25519PrivateKey) -> Question:
    """Open a booth's question; ValueError with one sentence for what is none."""
    if (name := id_of(payload)) is None:
        raise ValueError("this is no question: it begins with no id, or is too long")
    try:
        data = open_sealed(payload[ID_BYTES:], key, _purpose(booth, name))
    except ValueError:
        raise ValueError(
            "the question does not open: the booth has another gallery's gallery.pub, copy the right one"
        ) from None
    length = int.from_bytes(data[:LENGTH_BYTES], "big")
    try:
        head = Head.model_validate_json(data[LENGTH_BYTES : LENGTH_BYTES + length])
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"the question cannot be read ({where}): update the gallery's release") from None
    positions = [finger.position for finger in head.fingers]
    try:
        templates = channel.parted((one.length for one in head.fingers), data[LENGTH_BYTES + length :])
    except ValueError:
        raise ValueError("the question's templates are not those of its head: send it again") from None
    if len(set(positions)) != len(positions):
        raise ValueError("the question names a position twice: send it again")
    return Question(booth, name, head, tuple(templates))


def _purpose(booth: str, name: str) -> str:
    return f"vantay gallery 1 {booth}/{name}"
