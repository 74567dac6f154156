"""A renewal: the person's first fingers are compared with those of the earlier record, 1:1.

Two fingers at most are compared, each as soon as it is accepted: one that matches says that it is the same
person; when none does, or none of the record's can be captured, it is an alarm that a supervisor overrides.
"""

from edge.booth import enrolment as core
from edge.booth.enrolment import Body, Enrolment, Entry
from edge.booth.handover import fingers_here, templates_of
from edge.errors import BadCommand
from edge.messages import POSITION_NAMES, Earlier, JournalEntry
from edge.vault import Vault
from matching import serial


def fingers_of(earlier: Earlier, here: JournalEntry | None, vault: Vault) -> dict[int, bytes]:
    """Return the earlier record's fingers by position (matching.serial); BadCommand says what is lacking.

    `here`: the entry that sealed the number's newest record, where it was made here.
    """
    if earlier.record is None:
        found = fingers_here(here, vault)
        if not found:
            who = "who was enrolled here last" if here else "nobody was enrolled here"
            lacks = " has no finger in the record" if here else ""
            raise BadCommand(
                f"{who} with this number{lacks}: send the earlier record in 'earlier'", wants="earlier"
            )
        return found
    templates = templates_of(earlier.record, earlier.format)
    positions = [template.position for template in templates]
    if len(templates) == 1 and earlier.position:
        positions = [earlier.position]
    there = {p: t for p, t in zip(positions, templates, strict=True) if p in POSITION_NAMES}
    if not there:
        raise BadCommand("say in 'earlier' whose finger the record's is, as 'position'", wants="earlier")
    return {position: serial.to_bytes(template) for position, template in there.items()}


def own_records(earlier: Earlier, here: JournalEntry | None) -> tuple[str, ...]:
    """Return the enrolments here that are the person's own, in whose place the new record comes.

    The number's newest, and those that a renewal found to be the same person's as it; of one who brings
    another record the newest alone: whose the others are was not compared.
    """
    if here is None:
        return ()
    compared_before = here.body.get("renewal") == "same" and earlier.record is None
    before = here.body.get("renews") if compared_before else None
    return (str(here.body["enrolment"]), *(map(str, before) if isinstance(before, list) else ()))


def refuse_without_common(new: Enrolment, plan: str) -> None:
    """Refuse a record of which no finger will be captured."""
    if new.earlier and not new.comparable:
        names = ", ".join(POSITION_NAMES[p] for p in new.earlier)
        raise BadCommand(
            f"the earlier record has the {names}, and none of these is captured by the plan {plan}: bring "
            "another record, or enrol without one",
            wants="earlier",
        )


def compared(current: Enrolment | None, position: int, match: bool, facts: Body) -> list[Entry]:
    """Take the matcher's word on one accepted finger; nothing where it is not to be compared."""
    if current is None or current.to_compare != position:
        return []
    body: Body = {
        "enrolment": current.id,
        "position": position,
        "sample": current.accepted[position].sample,
        "same": match,
        **facts,
    }
    entry: Entry = (core.EARLIER_COMPARED, body)
    after = core.evolve(current, *entry)
    return [entry, *core.another_than_before(after)]
