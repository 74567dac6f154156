"""One journal entry applied to an enrolment, pure: the state is a fold of `evolve` over the journal."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from edge.booth.enrolment_state import Attempt, Enrolment, RolledAttempt, SlapAttempt
from edge.booth.entries import (
    ACCEPTED,
    ALREADY_ENROLLED,
    ATTEMPT,
    ATTENDANT_FINGER,
    BEST_KEPT,
    CONFIRMATION,
    CONFIRMED,
    EARLIER_COMPARED,
    ENDS,
    FINDING,
    KEPT,
    LOGGED_IN,
    LOGGED_OUT,
    MISSING,
    NOT_CONFIRMED,
    OVERRIDDEN,
    OVERRIDES,
    REFUSED,
    RETRY,
    REVIEWED,
    ROLLED,
    SAME_FINGER,
    SECOND_LOOK,
    SEQUENCE_ERROR,
    SINGLE_FINGERS,
    SLAP,
    STARTED,
    STATION_ANSWERED,
    WRONG_HAND,
    Body,
    Entry,
)

Of = TypeVar("Of")
Found = TypeVar("Found")
DONE_BY_HAND = (ATTEMPT, SLAP, ROLLED, CONFIRMATION, FINDING, MISSING, REVIEWED)  # an operator is there
NO_DOUBT: Body = {"in_doubt": (), "of_others": {}, "unlike": ()}
ABOUT_A_FINGER = (ATTENDANT_FINGER, SEQUENCE_ERROR, SAME_FINGER, WRONG_HAND)  # an override ends the hint


def evolve(current: Enrolment | None, kind: str, body: Body) -> Enrolment | None:
    """Apply one journal entry; entries of other matters leave the state as it is."""
    if kind in ENDS:
        return None
    if kind == STARTED:
        return Enrolment(
            id=body["enrolment"],
            subject=body["subject"],
            positions=tuple(body["positions"]),
            attempts_allowed=body["attempts_allowed"],
            quality_wanted={int(position): wanted for position, wanted in body["quality_wanted"].items()},
            fingers_to_tell=body["fingers_to_tell"],
            plan=body["plan"],
            operator=body["operator"],
            at_work=body["operator"],
            workers=frozenset({body["operator"]} - {None}),
            confirm=body["confirm"],
            review=body["review"],
            portrait=body["portrait"],
            supervisor=frozenset(body.get("supervisor", OVERRIDES)),  # releases before 2026-11-27: none
            missing={int(position): reason for position, reason in body["missing"].items()},
            missing_why={int(position): why for position, why in body.get("missing_why", {}).items()},
            slaps=tuple(body.get("slaps", ())),
            rolled=tuple(body.get("rolled", ())),
            rolled_quality={
                int(position): wanted for position, wanted in body.get("rolled_quality", {}).items()
            },
            station=body.get("station", False),
            earlier=tuple(body.get("earlier", ())),
            renews=tuple(body.get("renews", ())),
            warnings=tuple(body.get("warnings", ())),  # releases before 2026-11-26 wrote none
            name_stated=body.get("name_stated", False),
        )
    if current is None:
        return None
    if kind in (LOGGED_IN, LOGGED_OUT):
        return replace(current, at_work=body["person"] if kind == LOGGED_IN else None)
    if kind in DONE_BY_HAND and current.at_work:
        current = replace(current, workers=current.workers | {current.at_work})
    if kind in (ATTEMPT, SLAP, ROLLED) and body["decision"] == REFUSED:
        position = body["slap"] if kind == SLAP else body["position"]
        refused = {**current.not_taken, position: current.not_taken.get(position, 0) + 1}
        return replace(current, hint=body["hint"], not_taken=refused)  # a doubt or an alarm stays so
    if kind == ATTEMPT:
        return _after_attempt(current, body)
    if kind == SLAP:
        return _after_slap(current, body)
    if kind == ROLLED:
        return _after_rolled(current, body)
    if kind == FINDING:
        return _after_finding(current, body)
    if kind == CONFIRMATION and body["decision"] == REFUSED:
        return replace(current, hint=body["hint"], unseen=current.unseen + 1)
    if kind == CONFIRMATION:
        if body["decision"] == CONFIRMED:
            return _after_confirmed(current, body)
        if body["decision"] != NOT_CONFIRMED:
            return replace(current, hint=body["hint"])
        unlike = (*current.unlike, body["position"])
        return replace(current, mismatches=current.mismatches + 1, unlike=unlike, hint=body["hint"])
    if kind == REVIEWED:
        doubts = {} if current.duplicate_of else NO_DOUBT  # an earlier release's journal may leave some
        return replace(current, reviewed=body, found=current.found.another_portrait(), **doubts)
    if kind == MISSING and "why" in body:
        said = {**current.missing_why, body["position"]: body["why"]}
        current = replace(current, missing_why=said)
    if kind == MISSING and body.get("impression") == "rolled":
        rest = tuple(p for p in current.rolled if p != body["position"])
        why = {**current.not_rolled, body["position"]: body["reason"]}
        return replace(current, rolled=rest, not_rolled=why, hint=None, found=current.found.another_rolled())
    if kind == EARLIER_COMPARED:
        rates = {body["position"]: body["rate"]} if "rate" in body else {}
        return replace(
            current,
            earlier_same={**current.earlier_same, body["position"]: body["same"]},
            earlier_rates={**current.earlier_rates, **rates},
        )
    if kind == STATION_ANSWERED:
        hits = with_hits(current.hits, elsewhere(current, body["hits"]))
        late = current.reviewed is not None  # the person may be gone
        anothers = [(body["position"], subject) for subject in body.get("alone", {}) if not late]
        own = [(hit["booth"], hit["shown"]) for hit in body["hits"] if hit["subject"] == _renewed(current)]
        return replace(
            current,
            hits=hits,
            told_alone=_told_alone(current, body),
            of_others=with_hits(current.of_others, anothers),
            own_at=with_hits(current.own_at, own),
            answered=current.answered | {body["sample"]},
        )
    if kind == MISSING:
        left = tuple(p for p in current.positions if p != body["position"])
        missing = {**current.missing, body["position"]: body["reason"]}
        settled: Body = {"hint": None, "doubtful": {}, "doubtful_slap": {}}
        settled["in_doubt"] = tuple(p for p in current.in_doubt if p != body["position"])
        settled["of_others"] = {p: whose for p, whose in current.of_others.items() if p != body["position"]}
        rest, found = tuple(p for p in current.rolled if p != body["position"]), current.found.another_shown()
        return replace(current, positions=left, rolled=rest, missing=missing, found=found, **settled)
    return current


def fold(entries: Iterable[Entry], current: Enrolment | None = None) -> Enrolment | None:
    """Apply entries in order."""
    for kind, body in entries:
        current = evolve(current, kind, body)
    return current


def _after_confirmed(current: Enrolment, body: Body) -> Enrolment:
    both = dict.fromkeys((*current.in_doubt, *current.unlike))
    left = tuple(p for p in both if p != body["position"])
    confirmed = CONFIRMED if body.get("sure", True) else current.confirmed
    of_others = {p: whose for p, whose in current.of_others.items() if p != body["position"]}
    doubts: Body = {"in_doubt": left, "of_others": of_others, "unlike": ()}
    return replace(current, **doubts, confirmed=confirmed, mismatches=0, unseen=0, hint=None)


def _after_finding(current: Enrolment, body: Body) -> Enrolment:
    after = replace(current, found=current.found.after(body))
    if body["finding"] == ALREADY_ENROLLED:
        return replace(after, reviewed=None)  # who was looked at before this was known is looked at again
    if body["finding"] == SINGLE_FINGERS:
        left = tuple(s for s in after.slaps if s != body["position"])
        settled = after.found.another_shown()
        return replace(after, slaps=left, hint=None, doubtful_slap={}, found=settled)
    if body["finding"] != OVERRIDDEN:
        return after
    if body["of"]["finding"] == NOT_CONFIRMED:
        return replace(after, confirmed=OVERRIDDEN, **NO_DOUBT, hint=None)
    return replace(after, hint=None) if body["of"]["finding"] in ABOUT_A_FINGER else after


def _after_attempt(current: Enrolment, body: Body) -> Enrolment:
    doubtful = {int(position): rate for position, rate in body.get("doubtful", {}).items()}
    current = replace(current, found=current.found.another_shown(), doubtful=doubtful)
    if body["decision"] not in KEPT:
        return replace(current, hint=body["hint"])
    position, attempt = body["position"], attempt_of(body)
    tries = (*current.tried.get(position, ()), attempt)
    hits = with_hits(current.hits, [(subject, position) for subject in body["already"]])
    accepted = dict(current.accepted)
    if body["decision"] == ACCEPTED:
        accepted[position] = attempt
    elif body["decision"] == BEST_KEPT:
        accepted[position] = next(a for a in tries if a.sample == body["kept"])
    perhaps_one = (position, *(int(p) for p in body["together"])) if body.get("together") else ()
    anothers = [(position, subject) for subject in body.get("alone", {})]
    return replace(
        current,
        tried={**current.tried, position: tries},
        accepted=accepted,
        hits=hits,
        told_alone=_told_alone(current, body),
        in_doubt=_with_doubt(current, perhaps_one),
        of_others=with_hits(current.of_others, anothers),
        hint=body["hint"],
    )


def _after_slap(current: Enrolment, body: Body) -> Enrolment:
    slap, decision = body["slap"], body["decision"]
    doubtful = {(one["shown"], one["taken"]): one["fmr"] for one in body.get("doubtful", ())}
    settled = current.found.another_shown()
    current = replace(current, found=settled, doubtful_slap=doubtful, hint=body["hint"])
    if decision == WRONG_HAND:
        times = current.other_hand.get(slap, 0) + 1
        return replace(current, other_hand={**current.other_hand, slap: times})
    if decision not in KEPT:
        return current
    number, said = body["attempt"], (body.get("device"), body.get("attack"))
    fingers = {f["position"]: Attempt(number, f["sample"], f["quality"], *said) for f in body["fingers"]}
    tries = (*current.tried_slaps.get(slap, ()), SlapAttempt(number, body["sample"], fingers, *said))
    hits = with_hits(current.hits, [(hit["subject"], hit["position"]) for hit in body["already"]])
    pairs = [(one["shown"], one["taken"]) for one in body.get("together", ())]
    told = body.get("alone", {})
    anothers = [(hit["position"], hit["subject"]) for hit in body["already"] if hit["subject"] in told]
    in_doubt, of_others = _with_doubt(current, chain(*pairs)), with_hits(current.of_others, anothers)
    tried_slaps = {**current.tried_slaps, slap: tries}
    alone = _told_alone(current, body)
    current = replace(
        current, tried_slaps=tried_slaps, hits=hits, told_alone=alone, in_doubt=in_doubt, of_others=of_others
    )
    if decision == RETRY:
        return current
    wanted = body["sample"] if decision == ACCEPTED else body["kept"]
    kept = next(one for one in tries if one.sample == wanted)
    taken = {p: kept.fingers[p] for p in current.fingers_of(slap)}
    return replace(
        current, accepted={**current.accepted, **taken}, kept_slaps={**current.kept_slaps, slap: kept}
    )


def _with_doubt(current: Enrolment, positions: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*current.in_doubt, *positions)))


def _after_rolled(current: Enrolment, body: Body) -> Enrolment:
    position, decision = body["position"], body["decision"]
    current = replace(current, found=current.found.another_rolled(), hint=body["hint"])
    if decision == SECOND_LOOK:
        return replace(current, undetermined=current.undetermined | {position})
    if decision not in KEPT:
        return current
    tries = (*current.tried_rolled.get(position, ()), rolled_attempt(body))
    current = replace(current, tried_rolled={**current.tried_rolled, position: tries})
    if decision == RETRY:
        return current
    wanted = body["sample"] if decision == ACCEPTED else body["kept"]
    kept = next(one for one in tries if one.sample == wanted)
    return replace(current, kept_rolled={**current.kept_rolled, position: kept})


def rolled_attempt(body: Body) -> RolledAttempt:
    """Return the attempt that a journal entry tells of."""
    return RolledAttempt(
        body["attempt"],
        body["sample"],
        body["quality"],
        tuple(body["issues"]),
        body["control"],
        body.get("device"),
        body.get("attack"),
    )


def with_hits(
    before: dict[Of, frozenset[Found]], found: Iterable[tuple[Of, Found]]
) -> dict[Of, frozenset[Found]]:
    """Return earlier subjects, or booths, with the fingers of this person that are theirs; or the reverse."""
    hits = dict(before)
    for of, one in found:
        hits[of] = hits.get(of, frozenset()) | {one}
    return hits


def fewest(said: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return for each subject the least number said of it."""
    least: dict[str, int] = {}
    for subject, number in said:
        least[subject] = min(number, least.get(subject, number))
    return least


def _told_alone(current: Enrolment, body: Body) -> dict[str, int]:
    return fewest((*current.told_alone.items(), *body.get("alone", {}).items()))


def elsewhere(current: Enrolment, hits: Iterable[Body]) -> list[tuple[str, int]]:
    """Return whom the station found, without who is renewed.

    Which of a number's records is the person's it cannot say; those made here the booth looks through itself.
    """
    return [(hit["subject"], hit["shown"]) for hit in hits if hit["subject"] != _renewed(current)]


def _renewed(current: Enrolment) -> str | None:
    return current.subject if current.earlier else None


def attempt_of(body: Body) -> Attempt:
    """Return the attempt at a plain finger that a journal entry tells of."""
    said = body.get("device"), body.get("attack")
    return Attempt(body["attempt"], body["sample"], body["quality"], *said)
