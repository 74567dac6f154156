"""One subject's enrolment, pure: impressions, retries, best kept, mix-ups noticed.

    none        --start-->         capturing     refused while another subject is being enrolled
    capturing   --sample judged--> capturing     a finger of somebody who works here: an alarm until
                                                 another is shown, or a supervisor says that it is theirs
                                                 wrong finger: found and asked again, no attempt is used up;
                                                 as often as there are attempts: an alarm until another is
                                                 shown, or a supervisor says that they are two fingers
                                                 perhaps a finger taken before: asked for once more, and
                                                 both samples decide (second_look.py); no attempt is used up
                                                 good enough: accepted; else a hint, and after the last
                                                 allowed attempt the best one is kept
                                                 enough fingers of one earlier subject: closed
    capturing   --finger missing-> capturing     the reason is kept; who is known by the fingers left: closed
    any         --(no finger left)-> reviewing   an alarm that a supervisor overrides: the record is sealed
                                                 without a finger, and says so
    capturing   --(all done)-->    rolling       where the plan asks for rolled fingers, one after another
                                                 (rolled_judging.py)
    rolling     --(all done)-->    confirming    one accepted finger is shown once more; before it those of
                                                 which a second look left open whether they are one
    confirming  --sample judged--> confirming    not that finger: asked again; too often: an alarm
    confirming  --overridden-->    reviewing     with a reason, once there is an alarm
    any but closed --overridden--> the same      the worklist says otherwise: an alarm from the start, that is
                                                 overridden before the review
    confirming  --(it matches)-->  reviewing     waits for the operator's word on number and portrait
    reviewing   --reviewed-->      closed        waits to be sealed
    closed      --sealed-->        none
    any but closed --abandoned-->  none

    capturing   --(renewal: a finger of the earlier record is accepted)--> the same, once it is compared
                                                 1:1; when two are not its, or none can be: an alarm that
                                                 a supervisor overrides, and no finger is asked for before
    any but closed --the station answered--> the same, or closed: enrolled elsewhere at the station before

Rolling, confirming and reviewing are left out where the plan does not ask for them. Several fingers at once
are judged in `slap_judging.py`.

The functions named after events give the journal entries that follow and change nothing; `evolve` applies
one. The state is a fold of `evolve` over the journal, so after a power cut it is what it was. Everything that
affects an enrolment lives in these three files.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edge.booth import slap_rule
from edge.booth.second_look import Looked, look
from edge.errors import BadCommand, IllegalTransition, NotedRefusal
from edge.messages import POSITION_NAMES

Body = dict[str, Any]
Entry = tuple[str, Body]  # kind, body of a journal entry

STARTED, ATTEMPT, FINDING, MISSING = "enrolment.started", "attempt.made", "finding", "finger.missing"
SLAP, ROLLED = "slap.made", "rolled.made"
CONFIRMATION, REVIEWED = "confirmation.made", "enrolment.reviewed"
STATION_ANSWERED, EARLIER_COMPARED = "station.answered", "earlier.compared"
SEALED, ABANDONED = "enrolment.sealed", "enrolment.abandoned"
ENDS = (SEALED, ABANDONED)  # after one of these the state is None whatever came before

ACCEPTED, RETRY, BEST_KEPT, WRONG_FINGER = "accepted", "retry", "best-kept", "wrong-finger"
SECOND_LOOK, WRONG_HAND, REFUSED = "second-look", "wrong-hand", "refused"
KEPT = (ACCEPTED, RETRY, BEST_KEPT)  # decisions after which the sample itself is kept
CONFIRMED, NOT_CONFIRMED = "confirmed", "not-confirmed"
ENROLLED, ALREADY_ENROLLED = "enrolled", "already-enrolled"
ATTENDANT_FINGER = "attendant-finger"
SEQUENCE_ERROR, UNDETERMINED = "sequence-error", "undetermined"
SAME_FINGER, NUMBER_USED, NUMBER_DIFFERS = "same-finger", "number-used", "number-differs"
LIST_DIFFERS, EARLIER_DIFFERS = "list-differs", "earlier-differs"
EARLIER_FINGERS = 2  # of the earlier record that are compared at most
SAID_OTHERWISE = {
    "name": "another name",
    "birth": "another birth",
    "sex": "another sex",
    "deceased": "the person is deceased",
}
SETTLED, UNSETTLED = "settled", "unsettled"  # whether the station said of every finger whose it is
OVERRIDDEN, NO_PORTRAIT = "overridden", "no-portrait"
NO_FINGER, SINGLE_FINGERS = "no-finger", "single-fingers"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One judged sample of one position."""

    number: int
    sample: str  # id of the vault's blob
    quality: int  # 0..100
    device: Body | None = None  # that took it
    attack: Body | None = None  # what its attack detection said, where it has one: score and detector


@dataclass(frozen=True, slots=True)
class SlapAttempt:
    """One judged slap."""

    number: int
    sample: str  # id of the whole picture
    fingers: dict[int, Attempt]  # by position
    device: Body | None = None
    attack: Body | None = None


@dataclass(frozen=True, slots=True)
class RolledAttempt:
    """One judged rolled finger."""

    number: int
    sample: str
    quality: int
    issues: tuple[str, ...]  # of how it was rolled
    control: str  # rolled_rule.Control
    device: Body | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One subject in front of the booth. Positions are ISO/IEC 19794-2:2005 codes 1..10."""

    id: str
    subject: str  # keyed hash of the identity number
    positions: tuple[int, ...]  # in capture order, without missing fingers
    attempts_allowed: int
    quality_wanted: dict[int, int]  # position -> quality at which an attempt is accepted at once
    fingers_to_tell: int  # hits on one earlier subject that close the enrolment as already enrolled
    slaps: tuple[int, ...] = ()  # 13, 14, 15: whose fingers are taken together
    plan: str = ""
    operator: str | None = None  # who is logged in when it begins; None where nobody logs in
    confirm: bool = False  # what the plan asks for before sealing
    review: bool = False
    portrait: bool = False
    station: bool = False  # whether the station's gallery is asked who was enrolled elsewhere
    answered: frozenset[str] = frozenset()  # samples of which it said whose they are
    earlier: tuple[int, ...] = ()  # positions of the person's earlier record, at a renewal
    earlier_same: dict[int, bool] = field(default_factory=dict)  # what was compared with it
    missing: dict[int, str] = field(default_factory=dict)  # position -> reason
    warnings: tuple[str, ...] = ()  # about the subject's data, for the operator
    tried: dict[int, tuple[Attempt, ...]] = field(default_factory=dict)
    accepted: dict[int, Attempt] = field(default_factory=dict)
    hits: dict[str, frozenset[int]] = field(default_factory=dict)  # earlier subject -> positions
    findings: tuple[Body, ...] = ()
    attendant: Body | None = None  # the finding, while the finger shown last was an attendant's
    attendants_allowed: frozenset[str] = frozenset()  # who are the subject: a supervisor said so
    doubtful: dict[int, float] = field(default_factory=dict)  # of the last sample: position -> FMR
    tried_slaps: dict[int, tuple[SlapAttempt, ...]] = field(default_factory=dict)
    kept_slaps: dict[int, SlapAttempt] = field(default_factory=dict)
    doubtful_slap: dict[tuple[int, int], float] = field(default_factory=dict)  # shown as, taken as -> FMR
    other_hand: dict[int, int] = field(
        default_factory=dict
    )  # slap -> how often it looked like the other hand
    hands_allowed: frozenset[int] = frozenset()  # slaps whose hand a supervisor has looked at
    alike: frozenset[tuple[int, int]] = frozenset()  # pairs that a supervisor says are two fingers
    not_taken: dict[int, int] = field(default_factory=dict)  # position -> pictures refused
    rolled: tuple[
        int, ...
    ] = ()  # fingers that are rolled after the plain ones, in order, without missing ones
    rolled_quality: dict[int, int] = field(default_factory=dict)  # as quality_wanted, of rolled ones
    tried_rolled: dict[int, tuple[RolledAttempt, ...]] = field(default_factory=dict)
    kept_rolled: dict[int, RolledAttempt] = field(default_factory=dict)
    not_rolled: dict[int, str] = field(default_factory=dict)  # position -> why a finger that is there is not
    undetermined: frozenset[int] = frozenset()  # that matched no plain one and were asked for once more
    sequence_error: Body | None = None  # the finding, while the finger rolled last was another one
    sequence_allowed: frozenset[int] = frozenset()  # positions at which a supervisor looked at such a finding
    hint: str | None = None  # of the last attempt, for the person
    duplicate_of: str | None = None  # the earlier subject this person was found to be
    in_doubt: tuple[int, ...] = ()  # accepted, perhaps of one finger: each is to be confirmed
    mismatches: int = 0  # fingers shown to confirm that were not the captured one; anew after each in doubt
    unseen: int = 0  # pictures to confirm that show no finger; anew after each in doubt
    confirmed: str | None = None  # CONFIRMED | OVERRIDDEN
    reviewed: Body | None = None  # what the operator confirmed

    def wanted(self) -> int | None:
        """Return the position to capture next, 13 to 15 for a slap, None when no finger is awaited."""
        if self.duplicate_of or self.to_compare or self._another:
            return None
        if (missing := self._next()) is not None:
            return missing
        if (missing := self._to_roll()) is not None:
            return missing
        return self._to_confirm() if self.confirming else None

    @property
    def rolling(self) -> bool:
        """Whether the finger that is wanted is to be rolled."""
        return not self.duplicate_of and self._next() is None and self._to_roll() is not None

    @property
    def confirming(self) -> bool:
        """Whether all fingers are captured and one is to be shown once more."""
        done = self._captured and bool(self.accepted) and self.confirm
        return done and (self.confirmed is None or bool(self.in_doubt))

    @property
    def looking_again(self) -> bool:
        """Whether the finger shown last is to be shown once more: it may be one that was taken before."""
        return bool(self.doubtful or self.doubtful_slap)

    @property
    def comparable(self) -> tuple[int, ...]:
        """The fingers that are compared with the earlier record, in capture order."""
        return tuple(p for p in self.positions if p in self.earlier)[:EARLIER_FINGERS]

    @property
    def to_compare(self) -> int | None:
        """The accepted finger that is to be compared with the earlier record's now."""
        if self.duplicate_of or any(self.earlier_same.values()):
            return None
        due = (p for p in self.comparable if p in self.accepted and p not in self.earlier_same)
        return next(due, None)

    @property
    def renewal(self) -> Literal["to compare", "same", "another"] | None:
        """How the comparison with the earlier record stands; None where there is none."""
        if not self.earlier:
            return None
        if any(self.earlier_same.values()):
            return "same"
        return "to compare" if set(self.comparable) - set(self.earlier_same) else "another"

    @property
    def _another(self) -> bool:
        """Whether it is an alarm that the person is not the earlier record's."""
        overridden = {f["of"]["finding"] for f in self.findings if f["finding"] == OVERRIDDEN}
        return _found(self, EARLIER_DIFFERS) and EARLIER_DIFFERS not in overridden

    @property
    def reviewing(self) -> bool:
        """Whether the operator's word is awaited."""
        return self._captured and not self.confirming and self.review and self.reviewed is None

    @property
    def _captured(self) -> bool:
        """Whether everything is captured of a person who is enrolled."""
        return not self.duplicate_of and self._next() is None and self._to_roll() is None

    @property
    def closed(self) -> bool:
        """Whether the record is to be sealed now."""
        waits = self.reviewing or self.to_compare is not None
        return self.wanted() is None and not waits and self.alarming is None

    @property
    def alarm(self) -> str | None:
        """What looks like a mix-up and is not settled yet, in the words of its finding."""
        return str(self.alarming["text"]) if self.alarming else None

    @property
    def alarming(self) -> Body | None:
        """The finding that is an alarm now; the worklist's stays one until it is overridden."""
        if self.duplicate_of:
            return None
        if self.attendant or self.sequence_error:
            return self.attendant or self.sequence_error
        overridden = {f["of"]["finding"] for f in self.findings if f["finding"] == OVERRIDDEN}
        slap = self._next()
        if slap and (same := self._same_again(slap)):
            return same
        if slap in self.slaps and slap not in self.hands_allowed:
            of_hand = (f for f in self.findings if f["finding"] == WRONG_HAND and f["position"] == slap)
            if (hand := next(of_hand, None)) is not None:
                return hand
        for one in self.findings:
            if one["finding"] in {LIST_DIFFERS, NO_FINGER, EARLIER_DIFFERS} - overridden:
                return one
        stranger = self.confirming and max(self.mismatches, self.unseen) >= self.attempts_allowed
        return next((f for f in reversed(self.findings) if stranger and f["finding"] == NOT_CONFIRMED), None)

    @property
    def exception(self) -> Body | None:
        """What the sealed record is marked with where no finger could be captured."""
        if self.accepted or self.duplicate_of:
            return None
        signed = (f for f in self.findings if f["finding"] == OVERRIDDEN and f["of"]["finding"] == NO_FINGER)
        one = next(signed, None)
        return one and {"exception": NO_FINGER, "signed_by": one["of"]["signed_by"], "text": one["text"]}

    def two_fingers(self, one: int, other: int) -> bool:
        """Whether a supervisor said that these are not the same finger."""
        return (min(one, other), max(one, other)) in self.alike

    def _same_again(self, position: int) -> Body | None:
        """The last finding of a finger taken before, where there are as many as attempts, not overridden."""
        same = [
            f
            for f in self.findings
            if f["finding"] == SAME_FINGER
            and f["position"] == position
            and any(not self.two_fingers(*pair) for pair in f.get("pairs", ()))
        ]
        return same[-1] if len(same) >= self.attempts_allowed else None

    def attempt_number(self, position: int) -> int:
        """Return the number of the next attempt at a position."""
        if self.confirming:
            return self.mismatches + 1
        if self.rolling:
            return len(self.tried_rolled.get(position, ())) + 1
        tried = self.tried_slaps if position in slap_rule.FINGERS else self.tried
        return len(tried.get(position, ())) + 1

    def fingers_of(self, position: int) -> tuple[int, ...]:
        """Return the fingers that are captured together at a position: a slap's without missing ones."""
        return tuple(p for p in slap_rule.FINGERS.get(position, (position,)) if p in self.positions)

    def _next(self) -> int | None:
        finger = next((p for p in self.positions if p not in self.accepted), None)
        return next((s for s in self.slaps if finger in slap_rule.FINGERS[s]), finger)

    def _to_roll(self) -> int | None:
        return next((p for p in self.rolled if p not in self.kept_rolled), None)

    def _to_confirm(self) -> int:
        """The first in doubt; else the finger compared most surely, and after a mismatch the next best."""
        if self.in_doubt:
            return self.in_doubt[0]
        best = sorted(self.accepted, key=lambda p: (-self.accepted[p].quality, self.positions.index(p)))
        return best[self.mismatches % len(best)]

    @property
    def unsettled(self) -> tuple[int, ...]:
        """The accepted fingers of which the station has not said whose they are."""
        if not self.station or self.duplicate_of:
            return ()
        return tuple(p for p, taken in self.accepted.items() if taken.sample not in self.answered)

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
    attendants: tuple[str, ...] = ()  # people who work here, one of whose fingers the sample matches
    perhaps: dict[int, float] = field(default_factory=dict)  # accepted positions it may match -> FMR


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
        "quality_wanted": {str(position): wanted for position, wanted in new.quality_wanted.items()},
        "fingers_to_tell": new.fingers_to_tell,
        "plan": new.plan,
        "operator": new.operator,
        "confirm": new.confirm,
        "review": new.review,
        "portrait": new.portrait,
        "warnings": list(new.warnings),
        **({"slaps": list(new.slaps)} if new.slaps else {}),
        **({"rolled": list(new.rolled)} if new.rolled else {}),
        **(
            {"rolled_quality": {str(position): wanted for position, wanted in new.rolled_quality.items()}}
            if new.rolled
            else {}
        ),
        **({"station": True} if new.station else {}),
        **({"earlier": list(new.earlier)} if new.earlier else {}),
    }
    return [(STARTED, body), *([] if new.positions else [_no_finger(new)])]


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


def judge(current: Enrolment | None, event: SampleJudged) -> list[Entry]:
    """Decide what becomes of a sample."""
    if current is None or current.id != event.enrolment or current.wanted() != event.position:
        raise IllegalTransition(f"a sample of position {event.position} is not awaited by {current}")
    if current.rolling:
        raise IllegalTransition(f"a plain sample of position {event.position} is not awaited by {current}")
    if current.confirming:
        return _confirmation(current, event)
    number = current.attempt_number(event.position)
    entries: list[Entry] = []
    attendants = sorted(set(event.attendants) - current.attendants_allowed)
    apart = [p for p in current.accepted if current.two_fingers(event.position, p)]
    same = [p for p in event.same_finger_as if p not in apart]
    perhaps = {p: rate for p, rate in event.perhaps.items() if p not in apart}
    looked = look(same, perhaps, current.doubtful)
    if looked.same or attendants:
        decision = WRONG_FINGER
    elif looked.doubtful:
        decision = SECOND_LOOK
    elif event.quality >= current.quality_wanted[event.position]:
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
        "hint": "this is a finger of somebody who works here"
        if attendants
        else _hint(event, decision, looked),
        **event.facts,
        **_of_looks(looked, decision),
        **({"two_fingers": alike} if (alike := sorted({*apart} & {*event.same_finger_as})) else {}),
    }
    if decision == BEST_KEPT:
        body["kept"] = _best([*current.tried.get(event.position, ()), _attempt(body)]).sample
    if attendants:
        text = (
            f"the finger shown as {POSITION_NAMES[event.position]} is one of {attendants[0]}, who works here"
        )
        entries.append(finding(current, ATTENDANT_FINGER, event.position, attendants[0], text))
    elif decision == WRONG_FINGER:
        text = (
            f"the finger shown as {POSITION_NAMES[event.position]} is the one taken as {_names(looked.same)}"
        )
        found = finding(current, SAME_FINGER, event.position, list(looked.same), text)
        entries.append(with_pairs(found, [(event.position, p) for p in looked.same], [event]))
    elif decision in KEPT:
        body["already"] = list(event.already)
        hits = {s: current.hits.get(s, frozenset()) | {event.position} for s in event.already}
        entries += known_person(current, event.position, hits, len(current.positions))
    return [(ATTEMPT, body), *(by_device(entry, event.facts) for entry in entries)]


def _of_looks(looked: Looked[int], decision: str) -> Body:
    """What the journal keeps of a second look: why it is asked for, and what both samples say."""
    said = {"doubtful": looked.doubtful if decision == SECOND_LOOK else {}, "together": looked.together}
    return {key: {str(p): float(f"{r:.3g}") for p, r in of.items()} for key, of in said.items() if of}


def mark_missing(current: Enrolment | None, position: int, reason: str) -> list[Entry]:
    """A finger cannot be captured."""
    name = POSITION_NAMES[position]
    if current is None:
        raise BadCommand(
            "no subject is being enrolled: a finger can be marked missing only during an enrolment"
        )
    _refuse_when_closed(current)
    if current.rolling and position in current.rolled and position not in current.kept_rolled:
        body: Body = {"enrolment": current.id, "position": position, "reason": reason, "impression": "rolled"}
        return [(MISSING, body)]
    if position in current.accepted:
        raise BadCommand(f"the {name} was captured already: it cannot be missing")
    if position in current.missing:
        raise BadCommand(f"the {name} is marked missing already: {current.missing[position]}")
    if position not in current.positions:
        raise BadCommand(f"the plan {current.plan} does not ask for the {name}")
    missing = (MISSING, {"enrolment": current.id, "position": position, "reason": reason})
    known = known_person(current, position, current.hits, len(current.positions) - 1)
    last = len(current.positions) == 1 and not known
    rest = known or another_than_before(evolve(current, *missing))
    return [missing, *rest, *([_no_finger(current)] if last else [])]


def abandon(current: Enrolment | None, reason: str) -> list[Entry]:
    """Give the enrolment up."""
    if current is None:
        raise BadCommand("no subject is being enrolled: there is nothing to abandon")
    _refuse_when_closed(current)
    return [(ABANDONED, {"enrolment": current.id, "subject": current.subject, "reason": reason})]


def override(current: Enrolment | None, reason: str, signed_by: str | None = None) -> list[Entry]:
    """Go on in spite of the alarm; what it was about, and who signed, is kept."""
    if current is None or (alarm := current.alarming) is None:
        raise BadCommand("there is no alarm to override")
    of: Body = {"finding": alarm["finding"], "signed_by": signed_by}
    if alarm["finding"] == ATTENDANT_FINGER:
        if signed_by == alarm["of"]:
            raise BadCommand(f"{signed_by} cannot sign for an own finger: it needs another supervisor")
        of["person"] = alarm["of"]
    if alarm["finding"] == SAME_FINGER:
        of |= {key: alarm[key] for key in ("pairs", "scores") if key in alarm}
    if alarm["finding"] == SEQUENCE_ERROR:
        of["positions"] = alarm["of"]
    text = f"{alarm['text']}; overridden by {signed_by or 'nobody who signed'} because: {reason}"
    return [finding(current, OVERRIDDEN, alarm["position"], of, text)]


def review(
    current: Enrolment | None, subject: str, portrait: Body | None, no_portrait: str | None
) -> list[Entry]:
    """Take the operator's word that this is the person whose number and portrait go with the record."""
    if current is None:
        raise BadCommand("no subject is being enrolled: there is nothing to review")
    _refuse_when_closed(current)
    if subject != current.subject:
        text = "another identity number than the one it began with was given at the review"
        raise NotedRefusal(
            f"this is not the identity number that enrolment {current.id} began with: check whose record is "
            "on the screen; abandon the enrolment when it began with a wrong number",
            [finding(current, NUMBER_DIFFERS, 0, None, text)],
        )
    if not current.reviewing:
        raise BadCommand(f"enrolment {current.id} is not captured yet: review it after the last finger")
    if current.alarm:
        raise BadCommand(
            f"{current.alarm}: override it with a reason before the review, or abandon the enrolment"
        )
    if current.portrait and (portrait is None) == (no_portrait is None):
        raise BadCommand(
            "the review needs the portrait: its SHA-256 and when it was taken, or in 'no_portrait' why not",
            wants="portrait",
        )
    entries: list[Entry] = [(REVIEWED, {"enrolment": current.id, "portrait": portrait})]
    if no_portrait is not None:
        text = f"the record has no portrait because: {no_portrait}"
        entries.insert(0, finding(current, NO_PORTRAIT, 0, None, text))
    return entries


def sealed(current: Enrolment | None, packet: str, size: int) -> list[Entry]:
    """Record that the closed enrolment was sealed."""
    if current is None or not current.closed:
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
    if current.exception:
        body["exception"] = NO_FINGER
    if current.station and current.outcome == ENROLLED:
        body["station"] = UNSETTLED if current.unsettled else SETTLED
    if current.earlier:
        body["renewal"] = current.renewal
    if current.kept_slaps:
        body["slaps"] = {str(slap): kept.sample for slap, kept in current.kept_slaps.items()}
    if current.kept_rolled:
        body["rolled"] = {str(position): kept.sample for position, kept in current.kept_rolled.items()}
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
            quality_wanted={int(position): wanted for position, wanted in body["quality_wanted"].items()},
            fingers_to_tell=body["fingers_to_tell"],
            plan=body["plan"],
            operator=body["operator"],
            confirm=body["confirm"],
            review=body["review"],
            portrait=body["portrait"],
            missing={int(position): reason for position, reason in body["missing"].items()},
            slaps=tuple(body.get("slaps", ())),
            rolled=tuple(body.get("rolled", ())),
            rolled_quality={
                int(position): wanted for position, wanted in body.get("rolled_quality", {}).items()
            },
            station=body.get("station", False),
            earlier=tuple(body.get("earlier", ())),
            warnings=tuple(body.get("warnings", ())),  # releases before 2026-11-26 wrote none
        )
    if current is None:
        return None
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
        mismatch = int(body["decision"] == NOT_CONFIRMED)
        return replace(current, mismatches=current.mismatches + mismatch, hint=body["hint"])
    if kind == REVIEWED:
        return replace(current, reviewed=body)
    if kind == MISSING and body.get("impression") == "rolled":
        rest = tuple(p for p in current.rolled if p != body["position"])
        why = {**current.not_rolled, body["position"]: body["reason"]}
        return replace(current, rolled=rest, not_rolled=why, hint=None, attendant=None, sequence_error=None)
    if kind == EARLIER_COMPARED:
        return replace(current, earlier_same={**current.earlier_same, body["position"]: body["same"]})
    if kind == STATION_ANSWERED:
        hits = with_hits(current.hits, [(hit["subject"], hit["shown"]) for hit in body["hits"]])
        return replace(current, hits=hits, answered=current.answered | {body["sample"]})
    if kind == MISSING:
        left = tuple(p for p in current.positions if p != body["position"])
        missing = {**current.missing, body["position"]: body["reason"]}
        settled: Body = {"hint": None, "attendant": None, "doubtful": {}, "doubtful_slap": {}}
        rest = tuple(p for p in current.rolled if p != body["position"])
        return replace(current, positions=left, rolled=rest, missing=missing, **settled)
    return current


def fold(entries: Iterable[Entry], current: Enrolment | None = None) -> Enrolment | None:
    """Apply entries in order."""
    for kind, body in entries:
        current = evolve(current, kind, body)
    return current


def _refuse_when_closed(current: Enrolment) -> None:
    if current.closed:
        raise BadCommand(f"enrolment {current.id} is complete: its record is being sealed")


def _confirmation(current: Enrolment, event: SampleJudged) -> list[Entry]:
    """Compare the finger shown once more: the captured one, another of the same person, or a stranger's."""
    name, number = POSITION_NAMES[event.position], current.attempt_number(event.position)
    decision, hint = NOT_CONFIRMED, f"this is not the {name} that was captured"  # type: str, str | None
    in_doubt = event.position in current.in_doubt
    if event.position in event.same_finger_as or (in_doubt and event.position in event.perhaps):
        decision, hint = CONFIRMED, None
    elif event.same_finger_as:
        decision, hint = WRONG_FINGER, _taken_as(event.same_finger_as)
    body: Body = {
        "enrolment": current.id,
        "position": event.position,
        "attempt": number,
        "quality": event.quality,
        "decision": decision,
        "hint": hint,
        **event.facts,
    }
    if in_doubt:
        body["in_doubt"] = True
        body["sure"] = event.position in event.same_finger_as
    entries: list[Entry] = [(CONFIRMATION, body)]
    if decision == NOT_CONFIRMED and number == current.attempts_allowed:
        text = f"the finger shown to confirm is not the captured {name}: another person may be standing here"
        if in_doubt:
            text += ", or one finger was taken for two"
        entries.append(by_device(finding(current, NOT_CONFIRMED, event.position, None, text), event.facts))
    return entries


def _after_confirmed(current: Enrolment, body: Body) -> Enrolment:
    left = tuple(p for p in current.in_doubt if p != body["position"])
    confirmed = CONFIRMED if body.get("sure", True) else current.confirmed
    return replace(current, in_doubt=left, confirmed=confirmed, mismatches=0, unseen=0, hint=None)


def _after_finding(current: Enrolment, body: Body) -> Enrolment:
    found = replace(current, findings=(*current.findings, body))
    if body["finding"] == ALREADY_ENROLLED:
        return replace(found, duplicate_of=body["of"])
    if body["finding"] == ATTENDANT_FINGER:
        return replace(found, attendant=body)
    if body["finding"] == OVERRIDDEN and body["of"]["finding"] == ATTENDANT_FINGER:
        allowed = found.attendants_allowed | {body["of"]["person"]}
        return replace(found, attendant=None, attendants_allowed=allowed, hint=None)
    if body["finding"] == SEQUENCE_ERROR:
        return replace(found, sequence_error=body)
    if body["finding"] == OVERRIDDEN and body["of"]["finding"] == SEQUENCE_ERROR:
        looked = found.sequence_allowed | {body["position"]}
        return replace(found, sequence_error=None, sequence_allowed=looked, hint=None)
    if body["finding"] == OVERRIDDEN and body["of"]["finding"] == NOT_CONFIRMED:
        return replace(found, confirmed=OVERRIDDEN, in_doubt=(), hint=None)
    if body["finding"] == SINGLE_FINGERS:
        left = tuple(s for s in found.slaps if s != body["position"])
        settled: Body = {"hint": None, "attendant": None, "doubtful_slap": {}}
        return replace(found, slaps=left, **settled)
    if body["finding"] == OVERRIDDEN and body["of"]["finding"] == SAME_FINGER:
        apart = {(min(pair), max(pair)) for pair in body["of"]["pairs"]}
        return replace(found, alike=found.alike | apart, hint=None)
    if body["finding"] == OVERRIDDEN and body["of"]["finding"] == WRONG_HAND:
        return replace(found, hands_allowed=found.hands_allowed | {body["position"]}, hint=None)
    return found


def _after_attempt(current: Enrolment, body: Body) -> Enrolment:
    doubtful = {int(position): rate for position, rate in body.get("doubtful", {}).items()}
    current = replace(current, attendant=None, doubtful=doubtful)
    if body["decision"] not in KEPT:
        return replace(current, hint=body["hint"])
    position, attempt = body["position"], _attempt(body)
    tries = (*current.tried.get(position, ()), attempt)
    hits = with_hits(current.hits, [(subject, position) for subject in body["already"]])
    accepted = dict(current.accepted)
    if body["decision"] == ACCEPTED:
        accepted[position] = attempt
    elif body["decision"] == BEST_KEPT:
        accepted[position] = next(a for a in tries if a.sample == body["kept"])
    perhaps_one = (position, *(int(p) for p in body["together"])) if body.get("together") else ()
    return replace(
        current,
        tried={**current.tried, position: tries},
        accepted=accepted,
        hits=hits,
        in_doubt=_with_doubt(current, perhaps_one),
        hint=body["hint"],
    )


def _after_slap(current: Enrolment, body: Body) -> Enrolment:
    slap, decision = body["slap"], body["decision"]
    doubtful = {(one["shown"], one["taken"]): one["fmr"] for one in body.get("doubtful", ())}
    current = replace(current, attendant=None, doubtful_slap=doubtful, hint=body["hint"])
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
    in_doubt = _with_doubt(current, [p for pair in pairs for p in pair])
    tried_slaps = {**current.tried_slaps, slap: tries}
    current = replace(current, tried_slaps=tried_slaps, hits=hits, in_doubt=in_doubt)
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
    current = replace(current, attendant=None, sequence_error=None, hint=body["hint"])
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
    )


def with_hits(
    before: dict[str, frozenset[int]], found: Iterable[tuple[str, int]]
) -> dict[str, frozenset[int]]:
    """Return earlier subjects with the positions at which this person's fingers are theirs."""
    hits = dict(before)
    for subject, position in found:
        hits[subject] = hits.get(subject, frozenset()) | {position}
    return hits


def _attempt(body: Body) -> Attempt:
    said = body.get("device"), body.get("attack")
    return Attempt(body["attempt"], body["sample"], body["quality"], *said)


def _best(tries: list[Attempt]) -> Attempt:
    """Highest quality; the last of equals (BSI TR-03121-3 volume 4, rolled and single captures)."""
    return max(tries, key=lambda attempt: (attempt.quality, attempt.number))


def _hint(event: SampleJudged, decision: str, looked: Looked[int]) -> str | None:
    if decision == WRONG_FINGER:
        return _taken_as(looked.same)
    if decision == SECOND_LOOK:
        return "once more, to be sure"
    return event.hint if decision == RETRY else None


def _taken_as(positions: tuple[int, ...]) -> str:
    return f"this is the finger taken as {_names(positions)}"


def _names(positions: tuple[int, ...]) -> str:
    return " and ".join(POSITION_NAMES[p] for p in positions)


def finding(current: Enrolment, what: str, position: int, of: Any, text: str) -> Entry:
    """Return the entry of something that was noticed, in words for the operator."""
    body = {"enrolment": current.id, "finding": what, "position": position, "of": of, "text": text}
    return (FINDING, body)


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


def _no_finger(current: Enrolment) -> Entry:
    """Alarm that nothing of the person can be captured: the card is issued all the same, by two people."""
    text = "no finger that the plan asks for can be captured: a supervisor looks at the hands"
    return finding(current, NO_FINGER, 0, None, text)


def by_device(entry: Entry, facts: Body) -> Entry:
    """Keep with a finding which device took the sample that it is about."""
    kind, body = entry
    return (kind, {**body, "device": facts["device"]} if "device" in facts else body)


def known_person(
    current: Enrolment,
    position: int,
    hits: dict[str, frozenset[int]],
    fingers: int,
    where: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Close the enrolment when enough of the person's `fingers` are those of one earlier subject.

    `where` names the booth at which a subject was enrolled, where that is known.
    """
    needed = min(current.fingers_to_tell, fingers)
    for subject, positions in hits.items():
        own = bool(current.earlier) and subject == current.subject  # whose record is renewed
        if len(positions) >= needed and not own:
            names = ", ".join(POSITION_NAMES[p] for p in sorted(positions))
            at = f" at booth {where[subject]}" if where and subject in where else ""
            text = f"this person is enrolled already{at} as subject {subject}: the same {names}"
            return [finding(current, ALREADY_ENROLLED, position, subject, text)]
    return []


def another_than_before(current: Enrolment | None) -> list[Entry]:
    """Raise the alarm when no finger can say any more that the person is the earlier record's."""
    if current is None or current.renewal != "another" or _found(current, EARLIER_DIFFERS):
        return []
    compared = ", ".join(POSITION_NAMES[p] for p in current.earlier_same)
    text = f"the {compared} is not that of the earlier record: another person may be standing here"
    if not compared:
        text = "no finger of the earlier record can be captured: who this is was not compared"
    return [finding(current, EARLIER_DIFFERS, max(current.earlier_same, default=0), None, text)]


def _found(current: Enrolment, what: str) -> bool:
    return any(one["finding"] == what for one in current.findings)
