"""One finger against a card's template, the record made here, or both, 1:1; also before a card goes.

A card's template says whom the card was made for, and not whose the number is: the record made here under the
number is compared as well, where it is known to be one person's and has the finger.

Which finger is asked for, how often, and below which quality once more, says the plan `verify`.
"""

import base64
import binascii
from typing import Literal

from edge.booth.attendant import GIVEN_UP, HOLDER, Presenting
from edge.booth.enrolment import NO_FINGER, Body
from edge.booth.plan import plan_named
from edge.errors import BadCommand
from edge.journal import Journal
from edge.messages import POSITION_NAMES, HandOver, JournalEntry, Verify
from edge.vault import Vault
from matching import ansi378, card, iso19794, serial
from matching.errors import BadRecord
from matching.template import Template

HANDED_OVER, NOT_MATCHED = "card.handed-over", "card.not-matched"
VERIFIED, NOT_VERIFIED = "person.verified", "person.not-verified"
WAIT_ENDED = (HANDED_OVER, NOT_MATCHED, VERIFIED, NOT_VERIFIED, GIVEN_UP)
Form = Literal["vantay", "iso", "ansi", "iso-normal", "iso-compact"]


def holder_of(command: HandOver | Verify, subject: str, operator: str | None, vault: Vault, journal: Journal,
              fmr: float) -> Presenting:  # fmt: skip
    """Return what is to be shown, and against what; BadCommand where there is nothing to compare with."""
    body: Body = {"subject": subject, "operator": operator, "fmr": fmr}
    earlier = journal.enrolled_before(subject)
    plan = plan_named("verify")
    record: bytes | None = None
    unseen: str | None = None
    if command.card is not None:
        signed = isinstance(command, HandOver) and command.without_finger is not None
        here, unseen = ({}, None) if signed else _here(subject, earlier, journal, vault)
        position, holder = _of_card(command, here, plan.positions)
        record = here.get(position)
        if here and record is None:
            unseen = f"the record made here under this number has no {POSITION_NAMES[position]}"
        body["source"] = "both" if record else "card"
    else:
        if earlier and earlier.body.get("exception") == NO_FINGER:
            if isinstance(command, Verify):
                raise BadCommand(
                    "this person was enrolled without a finger: there is nothing to compare with"
                )
            return _without_record(command, {**body, "packet": earlier.body["packet"]})
        _refuse_two_people(subject, earlier, journal)
        position, template = _of_record(earlier, command.position, vault, plan.positions)
        holder, body["source"] = (template, "vantay"), "record"
    if earlier and not unseen:
        body["packet"] = earlier.body["packet"]
    body["position"] = position
    hands_over = isinstance(command, HandOver)
    success, failure = (HANDED_OVER, NOT_MATCHED) if hands_over else (VERIFIED, NOT_VERIFIED)
    return Presenting(
        "hand-over" if hands_over else "verify", HOLDER, position, ((success, body),), ((failure, body),),
        holder=holder, record=record, unseen=unseen, fmr=fmr, attempts=plan.attempts,
        quality_wanted=plan.quality.plain.of(position),
    )  # fmt: skip


def tried_by(subject: str, journal: Journal) -> frozenset[str]:
    """Return the operators at whose hand-overs no finger matched since the subject last got a card."""
    given = max((e.seq for e in journal.of_kind(HANDED_OVER) if e.body["subject"] == subject), default=0)
    tried = (e.body["operator"] for e in journal.of_kind(NOT_MATCHED, given) if e.body["subject"] == subject)
    return frozenset(str(name) for name in tried if name)


def _without_record(command: HandOver, body: Body) -> Presenting:
    """Somebody who was enrolled without a finger has none to show: only a supervisor hands the card over."""
    if command.without_finger is None:
        raise BadCommand(
            "the holder was enrolled without a finger: send the reason as 'without_finger', signed by a "
            "supervisor",
            wants="without_finger",
        )
    return Presenting("hand-over", HOLDER, 0, ((HANDED_OVER, {**body, "source": "none"}),))


def _refuse_two_people(subject: str, newest: JournalEntry | None, journal: Journal) -> None:
    """Refuse to go by the newest record where an older one of the number is not known to be its person's.

    The template of the card says whom the card was made for; the number does not.
    """
    if _two_people(subject, newest, journal):
        raise BadCommand(
            "records were made here with this number that are not known to be one person's: check whose "
            "number it is, and send the template of the card as 'card'",
            wants="card",
        )


def _two_people(subject: str, newest: JournalEntry | None, journal: Journal) -> bool:
    """Whether records were made here under the number that are not known to be the newest one's person's."""
    return bool(set(journal.enrolments_of(subject)) - set(own_records(newest)))


def _here(
    subject: str, newest: JournalEntry | None, journal: Journal, vault: Vault
) -> tuple[dict[int, bytes], str | None]:
    """Return the fingers of the record made here, to be compared beside a card's; else why there are none."""
    if newest is None:
        return {}, "no record is here under this number"
    if _two_people(subject, newest, journal):
        return {}, "the records made here under this number are not known to be one person's"
    there = fingers_here(newest, vault)
    return there, None if there else "no finger of the record under this number is here"


def _of_card(
    command: HandOver | Verify, here: dict[int, bytes], order: tuple[int, ...]
) -> tuple[int, tuple[bytes, str]]:
    """Return which of the card's fingers is compared, and its template: one that is here as well, if any."""
    if command.card is None or command.position is None:
        raise BadCommand("say in 'position' whose finger the card's template is", wants="position")
    of_card = fingers_of_card(command.card, command.card_format, command.position)
    both = (p for p in (command.position, *order) if p in of_card and p in here)
    position = next(both, command.position)
    return position, of_card[position]


def fingers_of_card(text: str, form: Form, position: int) -> dict[int, tuple[bytes, str]]:
    """Return a card's fingers, each with its format; the first is the one named, unless another is."""
    first, *others = templates_of(text, form)
    found = {one.position: (serial.to_bytes(one), "vantay") for one in others if len(one.minutiae)}
    return {**found, first.position if position in found else position: (base64.b64decode(text), form)}


def templates_of(text: str, form: Form) -> list[Template]:
    """Return what a record or a card's template (base64) holds; BadCommand where it cannot be read."""
    try:
        data = base64.b64decode(text, validate=True)
        if form == "ansi":
            templates = ansi378.read_all(data, [])
        elif form == "iso":
            templates = iso19794.read_all(data, [])
        else:
            templates = [card.read(data, card.NORMAL if form == "iso-normal" else card.COMPACT)]
        if not templates or not len(templates[0].minutiae):
            raise BadRecord("it holds no minutiae")
        return templates
    except (binascii.Error, BadRecord) as error:
        raise BadCommand(f"the card's template cannot be read as {form}: {error}") from None


def fingers_here(earlier: JournalEntry | None, vault: Vault) -> dict[int, bytes]:
    """Return the fingers of the one record that an entry sealed, by position (matching.serial).

    Never those of all records of a number: two people may have come under it. Without those that do not open.
    """
    if earlier is None:
        return {}
    return vault.enrolled(str(earlier.body["enrolment"]))[0]


def own_records(here: JournalEntry | None) -> tuple[str, ...]:
    """Return the enrolments here that are one person's: a number's newest, and whose renewal it was.

    `here`: the entry that sealed the newest; of others nobody knows whose they are.
    """
    if here is None:
        return ()
    before = here.body.get("renews") if here.body.get("renewal") == "same" else None
    return (str(here.body["enrolment"]), *(map(str, before) if isinstance(before, list) else ()))


def _of_record(
    earlier: JournalEntry | None, position: int | None, vault: Vault, order: tuple[int, ...]
) -> tuple[int, bytes]:
    """The finger that was asked for, else the first in the plan's order; of the number's newest record."""
    there = fingers_here(earlier, vault)
    if not there:
        raise BadCommand(
            "nobody was enrolled here with this number: send the template of the card as 'card'", wants="card"
        )
    if position is not None and position not in there:
        names = ", ".join(POSITION_NAMES[p] for p in sorted(there))
        raise BadCommand(f"the record has no {POSITION_NAMES[position]}: it has {names}", wants="position")
    chosen = position or next(p for p in order if p in there)
    return chosen, there[chosen]
