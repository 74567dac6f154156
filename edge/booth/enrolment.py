"""One subject's enrolment, pure: ten single plain impressions, retries, best kept, mix-ups noticed.

    none       --start-->         capturing     refused while another subject is being enrolled
    capturing  --sample judged--> capturing     wrong finger: found and asked again, no attempt is used up
                                                good enough: accepted; else a hint, and after the last
                                                allowed attempt the best one is kept
                                                enough fingers of one earlier subject: closed
    capturing  --finger missing-> capturing     the reason is kept; who is known by the fingers left: closed
    capturing  --(all done)-->    closed        waits to be sealed
    closed     --sealed-->        none
    capturing  --abandoned-->     none

The functions named after events give the journal entries that follow and change nothing; `evolve` applies
one. The state is a fold of `evolve` over the journal, so after a power cut it is what it was. Everything that
affects an enrolment lives in this file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from edge.errors import BadCommand, IllegalTransition
from edge.messages import POSITION_NAMES

Body = dict[str, Any]
Entry = tuple[str, Body]  # kind, body of a journal entry

STARTED, ATTEMPT, FINDING, MISSING = "enrolment.started", "attempt.made", "finding", "finger.missing"
SEALED, ABANDONED = "enrolment.sealed", "enrolment.abandoned"
ENDS = (SEALED, ABANDONED)  # after one of these the state is None whatever came before

ACCEPTED, RETRY, BEST_KEPT, WRONG_FINGER = "accepted", "retry", "best-kept", "wrong-finger"
ENROLLED, ALREADY_ENROLLED = "enrolled", "already-enrolled"
SAME_FINGER, NUMBER_USED = "same-finger", "number-used"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One judged sample of one position."""

    number: int
    sample: str  # id of the vault's blob
    quality: int  # 0..100


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One subject in front of the booth. Positions are ISO/IEC 19794-2:2005 codes 1..10."""

    id: str
    subject: str  # keyed hash of the identity number
    positions: tuple[int, ...]  # in capture order, without missing fingers
    attempts_allowed: int
    quality_wanted: int
    fingers_to_tell: int  # hits on one earlier subject that close the enrolment as already enrolled
    missing: dict[int, str] = field(default_factory=dict)  # position -> reason
    tried: dict[int, tuple[Attempt, ...]] = field(default_factory=dict)
    accepted: dict[int, Attempt] = field(default_factory=dict)
    hits: dict[str, frozenset[int]] = field(default_factory=dict)  # earlier subject -> positions
    findings: tuple[Body, ...] = ()
    hint: str | None = None  # of the last attempt, for the person
    duplicate_of: str | None = None  # the earlier subject this person was found to be

    def wanted(self) -> int | None:
        """Return the position to capture next, None when the enrolment is closed."""
        if self.duplicate_of:
            return None
        return next((p for p in self.positions if p not in self.accepted), None)

    def attempt_number(self, position: int) -> int:
        """Return the number of the next attempt at a position."""
        return len(self.tried.get(position, ())) + 1

    @property
    def outcome(self) -> str:
        """What the sealed record will say."""
        return ALREADY_ENROLLED if self.duplicate_of else ENROLLED


@dataclass(frozen=True, slots=True)
class SampleJudged:
    """The matcher's word on one sample; everything random or timed was made before."""

    enrolment: str
    position: int
    sample: str
    quality: int
    hint: str | None
    same_finger_as: tuple[int, ...]  # accepted positions of this enrolment that the sample matches
    already: tuple[str, ...]  # earlier subjects whose finger at this position the sample matches
    facts: Body = field(default_factory=dict)  # kept with the attempt: device, parts of the quality, scores


def start(current: Enrolment | None, new: Enrolment) -> list[Entry]:
    """Begin an enrolment; BadCommand while another subject stands at the booth."""
    if current:
        raise BadCommand(
            f"enrolment {current.id} is not finished: finish it or abandon it before the next subject"
        )
    body: Body = {
        "enrolment": new.id,
        "subject": new.subject,
        "positions": list(new.positions),
        "missing": {str(position): reason for position, reason in new.missing.items()},
        "attempts_allowed": new.attempts_allowed,
        "quality_wanted": new.quality_wanted,
        "fingers_to_tell": new.fingers_to_tell,
    }
    return [(STARTED, body)]


def note_used_number(new: Enrolment, earlier: str, reason: str) -> Entry:
    """Keep with the record that its number was enrolled here before, and why it is enrolled once more."""
    text = (
        f"the identity number was enrolled here before, as enrolment {earlier}; once more because: {reason}"
    )
    return _finding(new, NUMBER_USED, 0, earlier, text)


def judge(current: Enrolment | None, event: SampleJudged) -> list[Entry]:
    """Decide what becomes of a sample."""
    if current is None or current.id != event.enrolment or current.wanted() != event.position:
        raise IllegalTransition(f"a sample of position {event.position} is not awaited by {current}")
    number = current.attempt_number(event.position)
    entries: list[Entry] = []
    if event.same_finger_as:
        decision = WRONG_FINGER
    elif event.quality >= current.quality_wanted:
        decision = ACCEPTED
    else:
        decision = BEST_KEPT if number >= current.attempts_allowed else RETRY
    body: Body = {
        "enrolment": current.id,
        "position": event.position,
        "attempt": number,
        "sample": event.sample,
        "quality": event.quality,
        "decision": decision,
        "hint": _hint(event, decision),
        **event.facts,
    }
    if decision == BEST_KEPT:
        body["kept"] = _best([*current.tried.get(event.position, ()), _attempt(body)]).sample
    if decision == WRONG_FINGER:
        names = " and ".join(POSITION_NAMES[p] for p in event.same_finger_as)
        text = f"the finger shown as {POSITION_NAMES[event.position]} is the one taken as {names}"
        entries.append(_finding(current, SAME_FINGER, event.position, list(event.same_finger_as), text))
    else:
        body["already"] = list(event.already)
        hits = {s: current.hits.get(s, frozenset()) | {event.position} for s in event.already}
        entries += _known_person(current, event.position, hits, len(current.positions))
    return [(ATTEMPT, body), *entries]


def mark_missing(current: Enrolment | None, position: int, reason: str) -> list[Entry]:
    """A finger cannot be captured."""
    name = POSITION_NAMES[position]
    if current is None:
        raise BadCommand(
            "no subject is being enrolled: a finger can be marked missing only during an enrolment"
        )
    if current.wanted() is None:
        raise BadCommand(f"enrolment {current.id} is complete: its record is being sealed")
    if position in current.accepted:
        raise BadCommand(f"the {name} was captured already: it cannot be missing")
    if position in current.missing:
        raise BadCommand(f"the {name} is marked missing already: {current.missing[position]}")
    if len(current.positions) == 1:
        raise BadCommand(f"the {name} is the only finger left: abandon the enrolment instead")
    missing = (MISSING, {"enrolment": current.id, "position": position, "reason": reason})
    return [missing, *_known_person(current, position, current.hits, len(current.positions) - 1)]


def abandon(current: Enrolment | None, reason: str) -> list[Entry]:
    """Give the enrolment up."""
    if current is None:
        raise BadCommand("no subject is being enrolled: there is nothing to abandon")
    if current.wanted() is None:
        raise BadCommand(f"enrolment {current.id} is complete: its record is being sealed")
    return [(ABANDONED, {"enrolment": current.id, "subject": current.subject, "reason": reason})]


def sealed(current: Enrolment | None, packet: str, size: int) -> list[Entry]:
    """Record that the closed enrolment was sealed."""
    if current is None or current.wanted() is not None:
        raise IllegalTransition(f"only a closed enrolment is sealed, not {current}")
    body: Body = {
        "enrolment": current.id,
        "subject": current.subject,
        "outcome": current.outcome,
        "duplicate_of": current.duplicate_of,
        "packet": packet,
        "size": size,
        "samples": {str(position): attempt.sample for position, attempt in current.accepted.items()},
        "missing": {str(position): reason for position, reason in current.missing.items()},
    }
    return [(SEALED, body)]


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
            quality_wanted=body["quality_wanted"],
            fingers_to_tell=body["fingers_to_tell"],
            missing={int(position): reason for position, reason in body["missing"].items()},
        )
    if current is None:
        return None
    if kind == ATTEMPT:
        return _after_attempt(current, body)
    if kind == FINDING:
        duplicate = body["of"] if body["finding"] == ALREADY_ENROLLED else current.duplicate_of
        return replace(current, findings=(*current.findings, body), duplicate_of=duplicate)
    if kind == MISSING:
        left = tuple(p for p in current.positions if p != body["position"])
        return replace(
            current, positions=left, missing={**current.missing, body["position"]: body["reason"]}, hint=None
        )
    return current


def fold(entries: Iterable[Entry], current: Enrolment | None = None) -> Enrolment | None:
    """Apply entries in order."""
    for kind, body in entries:
        current = evolve(current, kind, body)
    return current


def _after_attempt(current: Enrolment, body: Body) -> Enrolment:
    if body["decision"] == WRONG_FINGER:
        return replace(current, hint=body["hint"])
    position, attempt = body["position"], _attempt(body)
    tries = (*current.tried.get(position, ()), attempt)
    hits = {s: current.hits.get(s, frozenset()) | {position} for s in body["already"]}
    accepted = dict(current.accepted)
    if body["decision"] == ACCEPTED:
        accepted[position] = attempt
    elif body["decision"] == BEST_KEPT:
        accepted[position] = next(a for a in tries if a.sample == body["kept"])
    return replace(
        current,
        tried={**current.tried, position: tries},
        accepted=accepted,
        hits={**current.hits, **hits},
        hint=body["hint"],
    )


def _attempt(body: Body) -> Attempt:
    return Attempt(body["attempt"], body["sample"], body["quality"])


def _best(tries: list[Attempt]) -> Attempt:
    """Highest quality; the last of equals (BSI TR-03121-3 volume 4, rolled and single captures)."""
    return max(tries, key=lambda attempt: (attempt.quality, attempt.number))


def _hint(event: SampleJudged, decision: str) -> str | None:
    if decision == WRONG_FINGER:
        names = " and ".join(POSITION_NAMES[p] for p in event.same_finger_as)
        return f"this is the finger taken as {names}"
    return event.hint if decision == RETRY else None


def _finding(current: Enrolment, finding: str, position: int, of: Any, text: str) -> Entry:
    body = {"enrolment": current.id, "finding": finding, "position": position, "of": of, "text": text}
    return (FINDING, body)


def _known_person(
    current: Enrolment, position: int, hits: dict[str, frozenset[int]], fingers: int
) -> list[Entry]:
    """Close the enrolment when enough of the person's `fingers` are those of one earlier subject."""
    needed = min(current.fingers_to_tell, fingers)
    for subject, positions in hits.items():
        if len(positions) >= needed:
            names = ", ".join(POSITION_NAMES[p] for p in sorted(positions))
            text = f"this person is enrolled already as subject {subject}: the same {names}"
            return [_finding(current, ALREADY_ENROLLED, position, subject, text)]
    return []
