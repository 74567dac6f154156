"""What becomes of the station's answers, pure: while the person is there, and after the record was sealed."""

from typing import Any

from edge.booth import enrolment as core
from edge.booth.enrolment import Body, Enrolment, Entry
from edge.messages import POSITION_NAMES, FoundLater, GalleryAnswer
from edge.settings import Comparison
from matching.calibration import rate

SETTLED_LATER, NOTED = "station.settled", "station.noted"
SET_ASIDE = "station.set-aside"  # a record that the gallery does not take; asked about now and then


def answered(current: Enrolment | None, answer: GalleryAnswer, limits: Comparison) -> list[Entry]:
    """Take the answer to one accepted sample; nothing of one that is not awaited (any more)."""
    if current is None:
        return []
    position = next((p for p in current.unsettled if current.accepted[p].sample == answer.question), None)
    if position is None:
        return []
    body: Body = {
        "enrolment": current.id,
        "position": position,
        "sample": answer.question,
        "fmr": limits.station_fmr,
        **_found(answer),
    }
    found = core.elsewhere(current, body["hits"])
    others = {subject for subject, _ in found}
    if alone := {one: many for one, many in _alone(answer, limits).items() if one in others}:
        body["alone"] = alone
    hits = core.with_hits(current.hits, found)
    where = {hit.subject: hit.booth for hit in answer.hits}
    known = core.known_person(current, position, hits, alone, where)
    return [(core.STATION_ANSWERED, body), *known]


def settled_later(sealed: Body, fingers: int, answer: GalleryAnswer, limits: Comparison) -> Entry:
    """Return what the station says of a sealed record: nobody, or in `known_as` who the person was before.

    `fingers`: how many were looked for. Passed over: whose record is renewed, of whom a supervisor said that
    it is somebody else.
    """
    enrolment = sealed["enrolment"]
    hits = core.with_hits({}, [(hit.subject, hit.shown) for hit in answer.hits])
    others = {*sealed.get("told_apart", ()), *([sealed["subject"]] if "renewal" in sealed else [])}
    to_tell, alone = limits.already_enrolled_fingers, _alone(answer, limits)
    told = (s for s, seen in hits.items() if core.enough(to_tell, fingers, len(seen), alone.get(s)))
    known = next((one for one in told if one not in others), None)
    body: Body = {
        "enrolment": enrolment,
        "subject": sealed["subject"],
        "fmr": limits.station_fmr,
        "known_as": known,
        **_found(answer),
    }
    if known is not None:
        booth = next(hit.booth for hit in answer.hits if hit.subject == known)
        names = ", ".join(POSITION_NAMES[p] for p in sorted(hits[known]))
        body["text"] = (
            f"the person of enrolment {enrolment} is enrolled already at booth {booth} as subject {known}: "
            f"the same {names}; it was found after the record was sealed"
        )
    return (SETTLED_LATER, body)


def never_settled(enrolment: str, subject: str) -> Entry:
    """Return that nobody can be asked about a record any more: its templates went with another box."""
    text = (
        f"enrolment {enrolment} was sealed before the station had said who the person is, and its templates "
        "are gone with the box that was replaced: whether the person is enrolled elsewhere is not known"
    )
    body: Body = {"enrolment": enrolment, "subject": subject, "known_as": None, "people": 0, "hits": []}
    return (SETTLED_LATER, {**body, "text": text})


def set_aside(sealed: Body, reason: str) -> Entry:
    """Return that the gallery does not take a sealed record, for what concerns this one alone."""
    return (SET_ASIDE, {"enrolment": sealed["enrolment"], "subject": sealed["subject"], "reason": reason})


def found_later(body: Body) -> FoundLater | None:
    """Return the alarm that an entry of this kind is, None where it is none."""
    return FoundLater(enrolment=body["enrolment"], text=body["text"]) if body.get("known_as") else None


def _alone(answer: GalleryAnswer, limits: Comparison) -> dict[str, int]:
    """Return whom one finger tells, and how many of theirs are enrolled; earlier galleries told no number."""
    most = len(POSITION_NAMES)
    fingers, fpir = answer.people * most, limits.alone_fpir
    sure = (hit for hit in answer.hits if core.tells_alone(rate(hit.score), fingers, fpir))
    return core.fewest((hit.subject, hit.enrolled or most) for hit in sure)


def _found(answer: GalleryAnswer) -> dict[str, Any]:
    return {"people": answer.people, "hits": [hit.model_dump() for hit in answer.hits]}
