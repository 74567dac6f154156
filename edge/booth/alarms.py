"""What looks like a mix-up, pure: the findings that say so, and a supervisor's word against one."""

from collections.abc import Iterable, Mapping
from typing import Any

from edge.booth.enrolment_fold import evolve, fewest
from edge.booth.enrolment_state import Enrolment
from edge.booth.entries import (
    ALREADY_ENROLLED,
    ATTENDANT_FINGER,
    EARLIER_DIFFERS,
    FINDING,
    LIST_DIFFERS,
    MISSING_FINGERS,
    NO_FINGER,
    NUMBER_USED,
    OVERRIDDEN,
    PORTRAIT_USED,
    SAME_FINGER,
    SEQUENCE_ERROR,
    UNDETERMINED,
    Body,
    Entry,
)
from edge.booth.judged import SampleJudged
from edge.errors import BadCommand
from edge.messages import POSITION_NAMES
from matching.calibration import fmr_of_search

NOBODY: Mapping[str, int] = {}
SAID_OTHERWISE = {
    "name": "another name",
    "birth": "another birth",
    "sex": "another sex",
    "deceased": "the person is deceased",
}


def finding(current: Enrolment, what: str, position: int, of: Any, text: str) -> Entry:
    """Return the entry of something that was noticed, in words for the operator."""
    body = {"enrolment": current.id, "finding": what, "position": position, "of": of, "text": text}
    return (FINDING, body)


def by_device(entry: Entry, facts: Body) -> Entry:
    """Keep with a finding which device took the sample that it is about."""
    kind, body = entry
    return (kind, {**body, "device": facts["device"]} if "device" in facts else body)


def with_pairs(entry: Entry, pairs: list[tuple[int, int]], judged: Iterable[SampleJudged]) -> Entry:
    """Keep with a finding of the same finger which were taken for one, shown and taken, and their scores."""
    kind, body = entry
    scores = [
        {"shown": one.position, "taken": hit["position"], "score": hit["score"], "fmr": hit["fmr"]}
        for one in judged
        for hit in one.facts.get("scores", ())
        if hit["subject"] is None and (one.position, hit["position"]) in pairs
    ]
    return (kind, {**body, "pairs": [list(pair) for pair in pairs], **({"scores": scores} if scores else {})})


def note_listed_otherwise(new: Enrolment, differing: list[str]) -> Entry:
    """Keep with the record, and alarm, that the worklist says something else of this number."""
    text = f"the worklist says otherwise of this number: {', '.join(SAID_OTHERWISE[d] for d in differing)}"
    return finding(new, LIST_DIFFERS, 0, differing, text)


def note_used_number(new: Enrolment, earlier: str, reason: str) -> Entry:
    """Keep with the record that its number was enrolled here before, and why it is enrolled once more."""
    text = (
        f"the identity number was enrolled here before, as enrolment {earlier}; once more because: {reason}"
    )
    return finding(new, NUMBER_USED, 0, earlier, text)


def attendants_finger(current: Enrolment, position: int, person: str, how: str = "shown") -> Entry:
    """Alarm that a finger is one of somebody who works here."""
    text = f"the finger {how} as {POSITION_NAMES[position]} is one of {person}, who works here"
    return finding(current, ATTENDANT_FINGER, position, person, text)


def no_finger(current: Enrolment) -> Entry:
    """Alarm that nothing of the person can be captured: the card is issued all the same, by two people."""
    text = "no finger that the plan asks for can be captured: a supervisor looks at the hands"
    return finding(current, NO_FINGER, 0, None, text)


def known_person(
    current: Enrolment,
    position: int,
    hits: dict[str, frozenset[int]],
    alone: Mapping[str, int] = NOBODY,
    where: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Alarm that enough of the person's fingers are those of one earlier subject.

    Nothing is captured until the operator says so too, by a review, or a supervisor that it is somebody else.
    `alone`: whom this sample tells by itself, and how many of their fingers are enrolled; `where` names the
    booth at which a subject was enrolled, where that is known.
    """
    told_alone = fewest((*current.told_alone.items(), *alone.items()))
    for subject, positions in hits.items():
        if subject in current.found.others:
            continue
        if enough(current.fingers_to_tell, len(current.positions), len(positions), told_alone.get(subject)):
            names = ", ".join(POSITION_NAMES[p] for p in sorted(positions))
            at = f" at booth {where[subject]}" if where and subject in where else ""
            text = f"this person is enrolled already{at} as subject {subject}: the same {names}"
            return [finding(current, ALREADY_ENROLLED, position, subject, text)]
    return []


def enough(to_tell: int, fingers: int, same: int, enrolled: int | None) -> bool:
    """Whether so many `same` fingers say who somebody is: `to_tell`, or where there are fewer, all of them.

    `fingers` the person has now and `enrolled` had then; None where no finger was found so surely that it
    tells alone, as one must be where there are fewer: the rate for each is chosen for several.
    """
    return same >= to_tell or (enrolled is not None and same >= min(fingers, enrolled))


def tells_alone(rate: float, fingers: int, fpir: float) -> bool:
    """Whether one finger that was found at this false match rate among so many says whose it is.

    `fpir`: the share of people of whom one finger may pass for somebody else's.
    """
    return rate <= fmr_of_search(fpir, max(fingers, 1))


def another_than_before(current: Enrolment | None) -> list[Entry]:
    """Raise the alarm when no finger can say any more that the person is the earlier record's."""
    if current is None or current.renewal != "another" or current.found.has(EARLIER_DIFFERS):
        return []
    compared = ", ".join(POSITION_NAMES[p] for p in current.earlier_same)
    text = f"the {compared} is not that of the earlier record: another person may be standing here"
    if not compared:
        text = "no finger of the earlier record can be captured: who this is was not compared"
    return [finding(current, EARLIER_DIFFERS, max(current.earlier_same, default=0), None, text)]


def what_stands(current: Enrolment, position: int) -> list[Entry]:
    """Raise what is an alarm once a finger is missing, or an earlier subject is told to be somebody else."""
    known = known_person(current, position, current.hits)
    bare = not current.positions and not current.found.has(NO_FINGER)
    return known or [*another_than_before(current), *([no_finger(current)] if bare else [])]


def override(current: Enrolment | None, reason: str, signed_by: str | None = None) -> list[Entry]:
    """Go on in spite of the alarm; what it was about, and who signed, is kept."""
    if current is None or (alarm := current.alarming) is None:
        raise BadCommand("there is no alarm to override")
    of: Body = {"finding": alarm["finding"], "signed_by": signed_by}
    if alarm["finding"] == ALREADY_ENROLLED:
        of["subject"] = alarm["of"]
    if alarm["finding"] == ATTENDANT_FINGER:
        if signed_by == alarm["of"]:
            raise BadCommand(f"{signed_by} cannot sign for an own finger: it needs another supervisor")
        of["person"] = alarm["of"]
    if alarm["finding"] == SAME_FINGER:
        of |= {key: alarm[key] for key in ("pairs", "scores") if key in alarm}
    if alarm["finding"] == PORTRAIT_USED:
        of |= alarm["of"]
    if alarm["finding"] in (SEQUENCE_ERROR, MISSING_FINGERS, UNDETERMINED):
        of["positions"] = alarm["of"]
    text = f"{alarm['text']}; overridden by {signed_by or 'nobody who signed'} because: {reason}"
    kind, said = finding(current, OVERRIDDEN, alarm["position"], of, text)
    who = current.at_work or current.operator
    entry: Entry = (kind, {**said, **({"operator": who} if who else {})})
    if alarm["finding"] != ALREADY_ENROLLED:
        return [entry]
    after = evolve(current, *entry)
    assert after is not None
    return [entry, *what_stands(after, alarm["position"])]
