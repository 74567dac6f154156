"""What is stated of a subject when an enrolment begins: checked by rule, compared with the worklist."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from edge.errors import BadCommand
from edge.messages import Enrol
from edge.names import same_name, typed_name
from edge.subject import Birth, Remark, Stated, birth_of
from edge.worklist import DECEASED, DUE, Listed, Worklist

ASKED = ("name", "birth", "sex")
KEYS = {"number": "identity_number"}  # of the wire, where it is called otherwise
QUIET = (DUE, "absent", DECEASED)  # nothing to be warned of: expected now, or an alarm of its own
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListWord:
    """What the worklist says to it: `differing` needs an override, `warnings` a look."""

    differing: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


def check_stated(command: Enrol) -> Stated:
    """Return what a command states; BadCommand when it can be nobody's."""
    name = None if command.name is None else _checked("name", typed_name, command.name)
    birth = None if command.birth is None else _checked("birth", birth_of, command.birth)
    return Stated(command.identity_number, name, birth, command.sex)


def refuse_first(remarks: list[Remark]) -> None:
    """Refuse with the first remark that is more than a warning."""
    for remark in remarks:
        if remark.refused:
            raise BadCommand(remark.text, wants=KEYS.get(remark.about, remark.about))


def ask_worklist(worklist: Worklist | None, stated: Stated) -> ListWord:
    """Compare; BadCommand when the number is listed and something to compare is not stated."""
    if worklist is None or not worklist.any:
        return ListWord()
    if (person := worklist.find(stated.number)) is None:
        return ListWord(warnings=("nobody on the booth's worklist has this number: check the number",))
    for key in ASKED:
        if getattr(stated, key) is None:
            raise BadCommand(
                "this number is on the booth's worklist: state name, birth and sex, too, to be compared",
                wants=key,
            )
    return _compare(person, stated)


def as_kept(stated: Stated) -> bytes | None:
    """Return what goes into the vault, and from there into the packet; None where only a number is stated."""
    said = {"name": stated.name, "birth": _text(stated.birth), "sex": stated.sex}
    return json.dumps(said, ensure_ascii=False).encode() if any(said.values()) else None


def is_stated_name(kept: Iterable[bytes], said: str) -> bool:
    """Whether a name is the one that was kept; BadCommand when it can be none, or none was stated."""
    name = _checked("name", typed_name, said)
    stated = next((json.loads(data)["name"] for data in kept), None)
    if stated is None:
        raise BadCommand("no name was stated when the enrolment began: send the review without 'name'")
    return same_name(str(stated), name)


def _compare(person: Listed, stated: Stated) -> ListWord:
    differing = person.differs_from(stated) + ([DECEASED] if person.state == DECEASED else [])
    warnings = () if person.state in QUIET else (f"the worklist has this person as {person.state}",)
    return ListWord(differing, warnings)


def _text(birth: Birth | None) -> str | None:
    return None if birth is None else str(birth)


def _checked(key: str, check: Callable[[str], T], text: str) -> T:
    try:
        return check(text)
    except BadCommand as error:
        raise BadCommand(str(error), wants=key) from None
