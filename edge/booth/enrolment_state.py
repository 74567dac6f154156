"""Where one subject's enrolment stands, pure: what is captured, what is wanted next, when it is done.

What is kept of findings is in `findings.py`; `enrolment_fold.py` applies journal entries.
"""

from dataclasses import dataclass, field
from typing import Literal

from edge.booth import slap_rule
from edge.booth.entries import (
    ALREADY_ENROLLED,
    EARLIER_DIFFERS,
    ENROLLED,
    MISSING_FINGERS,
    NO_FINGER,
    NO_PORTRAIT,
    OVERRIDDEN,
    OVERRIDES,
    SIGNABLE,
    UNDETERMINED,
    Body,
)
from edge.booth.findings import Findings
from edge.booth.rolled_rule import Control, too_many
from edge.messages import POSITION_NAMES

EARLIER_FINGERS = 2  # of the earlier record that are compared at most


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
    attack: Body | None = None


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
    at_work: str | None = None  # who is logged in now
    workers: frozenset[str] = frozenset()  # who began it, or was logged in while something of it was done
    confirm: bool = False  # what the plan asks for before sealing
    review: bool = False
    portrait: bool = False
    supervisor: frozenset[str] = frozenset(OVERRIDES)  # which findings the plan has a supervisor sign
    station: bool = False  # whether the station's gallery is asked who was enrolled elsewhere
    answered: frozenset[str] = frozenset()  # samples of which it said whose they are
    earlier: tuple[int, ...] = ()  # positions of the person's earlier record, at a renewal
    renews: tuple[str, ...] = ()  # enrolments here that are the person's own: nobody is looked for there
    earlier_same: dict[int, bool] = field(default_factory=dict)  # what was compared with it
    earlier_rates: dict[int, float] = field(default_factory=dict)  # at which false match rate each matched
    own_at: dict[str, frozenset[int]] = field(default_factory=dict)  # renewed: booth -> found by the station
    missing: dict[int, str] = field(default_factory=dict)  # position -> reason
    missing_why: dict[int, str] = field(default_factory=dict)  # its class, also of one that is not rolled
    warnings: tuple[str, ...] = ()  # about the subject's data, for the operator
    name_stated: bool = False  # whether a name was, which the review confirms
    tried: dict[int, tuple[Attempt, ...]] = field(default_factory=dict)
    accepted: dict[int, Attempt] = field(default_factory=dict)
    hits: dict[str, frozenset[int]] = field(default_factory=dict)  # earlier subject -> positions
    told_alone: dict[str, int] = field(default_factory=dict)  # whom one finger tells -> their fingers here
    found: Findings = field(default_factory=Findings)
    doubtful: dict[int, float] = field(default_factory=dict)  # of the last sample: position -> FMR
    tried_slaps: dict[int, tuple[SlapAttempt, ...]] = field(default_factory=dict)
    kept_slaps: dict[int, SlapAttempt] = field(default_factory=dict)
    doubtful_slap: dict[tuple[int, int], float] = field(default_factory=dict)  # shown as, taken as -> FMR
    other_hand: dict[int, int] = field(default_factory=dict)  # slap -> how often it looked like it
    not_taken: dict[int, int] = field(default_factory=dict)  # position -> pictures refused
    rolled: tuple[int, ...] = ()  # rolled after the plain ones, in order, without missing ones
    rolled_quality: dict[int, int] = field(default_factory=dict)  # as quality_wanted, of rolled ones
    tried_rolled: dict[int, tuple[RolledAttempt, ...]] = field(default_factory=dict)
    kept_rolled: dict[int, RolledAttempt] = field(default_factory=dict)
    not_rolled: dict[int, str] = field(default_factory=dict)  # position -> why a finger that is there is not
    undetermined: frozenset[int] = frozenset()  # that matched no plain one and were asked for once more
    hint: str | None = None  # of the last attempt, for the person
    in_doubt: tuple[int, ...] = ()  # perhaps not the fingers they stand for: each is to be confirmed
    of_others: dict[int, frozenset[str]] = field(default_factory=dict)  # found alone, as whose; the same
    unlike: tuple[int, ...] = ()  # did not confirm; in doubt as soon as another one does
    mismatches: int = 0  # fingers shown to confirm that were not the captured one; anew after each in doubt
    unseen: int = 0  # pictures to confirm that show no finger; anew after each in doubt
    confirmed: str | None = None  # CONFIRMED | OVERRIDDEN
    reviewed: Body | None = None  # what the operator confirmed

    def wanted(self) -> int | None:
        """Return the position to capture next, 13 to 15 for a slap, None when no finger is awaited."""
        if self.duplicate_of or self.to_compare or self.found.stands(EARLIER_DIFFERS):
            return None
        if (missing := self._next()) is not None:
            return missing
        if (missing := self._to_roll()) is not None:
            return missing
        return self._to_confirm() if self.confirming else None

    @property
    def duplicate_of(self) -> str | None:
        """The earlier subject that this person was found to be."""
        return str(self.found.known["of"]) if self.found.known else None

    @property
    def rolling(self) -> bool:
        """Whether the finger that is wanted is to be rolled."""
        return not self.duplicate_of and self._next() is None and self._to_roll() is not None

    @property
    def confirming(self) -> bool:
        """Whether all fingers are captured and one is to be shown once more."""
        done = self._captured and bool(self.accepted) and self.confirm
        return done and (self.confirmed is None or bool(self.doubts))

    @property
    def doubts(self) -> tuple[int, ...]:
        """The fingers of which each is to be confirmed, whatever another one says."""
        others = (p for p, whose in self.of_others.items() if whose - self.found.others)
        return tuple(dict.fromkeys((*self.in_doubt, *others)))

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
    def reviewing(self) -> bool:
        """Whether the operator's word is awaited, whatever the plan asks for where the person is known."""
        if self.duplicate_of:
            return self.reviewed is None
        done = self._captured and not self.confirming and self.review
        return done and (self.reviewed is None or self.without_portrait is not None)

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
        if self.duplicate_of and self.reviewed is not None:
            return None
        stranger = self.confirming and max(self.mismatches, self.unseen) >= self.attempts_allowed
        found = self.found.alarm(self._next(), self.attempts_allowed, stranger)
        return found or self._rolls_unsigned or self._missing_unsigned or self.without_portrait

    @property
    def without_portrait(self) -> Body | None:
        """The finding that there is no portrait, while a supervisor is to sign for it."""
        none = self.portrait and self.reviewed is not None and self.reviewed["portrait"] is None
        if not none or not self._to_sign(NO_PORTRAIT):
            return None
        return next((f for f in reversed(self.findings) if f["finding"] == NO_PORTRAIT), None)

    @property
    def _rolls_unsigned(self) -> Body | None:
        """An alarm once all is captured: so many rolls match no plain finger that another may have rolled."""
        none = [p for p, roll in self.kept_rolled.items() if roll.control != Control.OWN]
        of = sorted(set(none) - self.found.sequence_allowed)  # a supervisor looked at those
        told = of and too_many(len(of), len(none), len(self.kept_rolled))
        if not told or not self._alarms_last(UNDETERMINED):
            return None
        which = f"{len(of)} rolled fingers match" if len(of) > 1 else "1 rolled finger matches"
        names = ", ".join(POSITION_NAMES[p] for p in of)
        text = f"{which} none of the plain ones ({names}): look whether the same person stands there"
        return {"enrolment": self.id, "finding": UNDETERMINED, "position": 0, "of": of, "text": text}

    @property
    def _missing_unsigned(self) -> Body | None:
        """An alarm once all is captured: fingers are missing, and nobody but the operator has looked."""
        looked = self.exception and self.exception["signed_by"]
        if not (self.missing or self.not_rolled) or looked or not self._to_sign(MISSING_FINGERS):
            return None
        names = [*map(self._missing_name, self.missing), *map(self._missing_name, self.not_rolled)]
        text = f"{', '.join(names)} cannot be captured: a supervisor looks at the hands{self._perhaps_known}"
        of = sorted({*self.missing, *self.not_rolled})
        return {"enrolment": self.id, "finding": MISSING_FINGERS, "position": 0, "of": of, "text": text}

    @property
    def _perhaps_known(self) -> str:
        """For the supervisor, of somebody whose few fingers do not tell by themselves who it is."""
        few = (one for one, seen in self.hits.items() if len(seen) >= len(self.positions))
        one = next((one for one in few if one not in self.found.others), None)
        said = f", and whether this is subject {one}, who is enrolled already and has a finger like it"
        return said if one else ""

    def _missing_name(self, position: int) -> str:
        why = self.missing_why.get(position)
        said = [*([why] if why else []), *(["not rolled"] if position in self.not_rolled else [])]
        return POSITION_NAMES[position] + (f" ({', '.join(said)})" if said else "")

    def _to_sign(self, what: str) -> bool:
        """Whether a supervisor is to sign for something before sealing: only where people log in."""
        return self.operator is not None and self._alarms_last(what)

    def _alarms_last(self, what: str) -> bool:
        """Whether it is an alarm once everything is captured and confirmed: as the plan said at the start."""
        if not self._captured or self.confirming:
            return False
        return what in self.supervisor and not self.found.overridden(what)

    @property
    def overrides_alone(self) -> bool:
        """Whether the plan leaves what is an alarm now to the operator."""
        return self.alarming is not None and not self.needs_supervisor(str(self.alarming["finding"]))

    def needs_supervisor(self, what: str) -> bool:
        """Whether a supervisor signs for it: what no plan can leave to the operator is signed, too."""
        return what in self.supervisor or what not in SIGNABLE

    @property
    def findings(self) -> tuple[Body, ...]:
        """What was noticed, in order."""
        return self.found.all

    @property
    def exception(self) -> Body | None:
        """What the sealed record is marked with where no finger could be captured."""
        if self.accepted or self.duplicate_of:
            return None
        signed = (f for f in self.findings if f["finding"] == OVERRIDDEN and f["of"]["finding"] == NO_FINGER)
        one = next(signed, None)
        return one and {"exception": NO_FINGER, "signed_by": one["of"]["signed_by"], "text": one["text"]}

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
        if self.doubts:
            return self.doubts[0]
        best = sorted(self.accepted, key=lambda p: (-self.accepted[p].quality, self.positions.index(p)))
        return best[self.mismatches % len(best)]

    @property
    def unsettled(self) -> tuple[int, ...]:
        """The accepted fingers of which the station has not said whose they are."""
        if not self.station or self.duplicate_of:
            return ()
        return tuple(p for p, taken in self.accepted.items() if taken.sample not in self.answered)

    @property
    def same_at(self) -> tuple[str, ...]:
        """The other booths whose record of the number the station found to be this person's."""
        needed = min(self.fingers_to_tell, len(self.accepted))
        return tuple(sorted(booth for booth, seen in self.own_at.items() if len(seen) >= needed))

    @property
    def outcome(self) -> str:
        """What the sealed record will say."""
        return ALREADY_ENROLLED if self.duplicate_of else ENROLLED
