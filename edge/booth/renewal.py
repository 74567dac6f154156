"""A renewal: the person's first fingers are compared with those of the earlier record, 1:1.

Two fingers at most are compared, each as soon as it is accepted: one that matches says that it is the same
person; when none does, or none of the record's can be captured, it is an alarm that a supervisor overrides.
"""

from edge.booth import enrolment as core
from edge.booth.enrolment import Body, Enrolment, Entry
from edge.booth.handover import templates_of
from edge.errors import BadCommand
from edge.messages import POSITION_NAMES, Earlier
from edge.vault import ENROLLED, Vault
from matching import serial


def fingers_of(earlier: Earlier, subject: str, vault: Vault) -> dict[int, bytes]:
    """Return the earlier record's fingers by position (matching.serial); BadCommand says what is lacking."""
    if earlier.record is None:
        found = {label.position: data for label, data in vault.of_subject(ENROLLED, subject)}
        if not found:
            raise BadCommand(
                "nobody was enrolled here with this number: send the earlier record in 'earlier'",
                wants="earlier",
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
