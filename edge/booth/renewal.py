"""A renewal: the person's first fingers are compared with those of the earlier record, 1:1.

Whoever comes under a number that was enrolled here is compared with that record, said to renew it or not.

Two fingers at most are compared, each as soon as it is accepted: one that matches says that it is the same
person, or both together, where neither is quite enough; when none does, or none of the record's can be
captured, it is an alarm that a supervisor overrides.
"""

from dataclasses import replace

from edge.booth import enrolment as core
from edge.booth.enrolment import Body, Enrolment, Entry
from edge.booth.handover import fingers_here, own_records, templates_of
from edge.errors import BadCommand
from edge.messages import POSITION_NAMES, Earlier, JournalEntry
from edge.vault import Vault
from matching import serial
from matching.calibration import together

NOT_THE_BROUGHT = (
    "the record that was made here with this number is compared, not the one that was brought: that says "
    "nothing of whose number it is"
)


def renewing(
    new: Enrolment, earlier: Earlier | None, here: JournalEntry | None, vault: Vault
) -> tuple[Enrolment, dict[int, bytes]]:
    """Return the enrolment as it is compared with an earlier record, and the fingers of that.

    The record made here counts where one of its fingers will be captured: the hand-over goes by it. Else one
    that was brought; without any there is nothing to compare with.
    """
    brought = fingers_of(earlier, here, vault) if earlier else {}
    there = fingers_here(here, vault)
    renewal = replace(new, earlier=tuple(there), renews=own_records(here))
    if renewal.comparable:
        said = (NOT_THE_BROUGHT,) if earlier and earlier.record else ()
        return replace(renewal, warnings=(*new.warnings, *said)), there
    renewal = replace(new, earlier=tuple(brought))
    _refuse_without_common(renewal)
    return renewal, brought


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


def _refuse_without_common(new: Enrolment) -> None:
    """Refuse a record of which no finger will be captured."""
    if new.earlier and not new.comparable:
        names = ", ".join(POSITION_NAMES[p] for p in new.earlier)
        raise BadCommand(
            f"the earlier record has the {names}, and none of these is captured by the plan {new.plan}: "
            "bring another record, or enrol without one",
            wants="earlier",
        )


def compared(current: Enrolment | None, position: int, match: bool, facts: Body) -> list[Entry]:
    """Take the matcher's word on one accepted finger; nothing where it is not to be compared.

    `facts`: `rate`, at which false match rate it matches, and `fmr`, which is wanted: with these it is judged
    together with the one before.
    """
    if current is None or current.to_compare != position:
        return []
    if current.earlier_rates and "rate" in facts:
        all_in_all = together([*current.earlier_rates.values(), facts["rate"]])
        match, facts = match or all_in_all <= facts["fmr"], {**facts, "together": all_in_all}
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
