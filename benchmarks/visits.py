"""Who comes to a booth on a day, and which mix-ups happen: plain values, the same for every part of the day.

A person's captures take two impressions of a finger in turn. Whatever these are compared with, to confirm, by
mistake or at a second visit, takes the other two: no image is ever compared with itself.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from numpy.random import Generator

from benchmarks.people import IMPRESSIONS, POSITIONS, WORKS_HERE, Finger
from edge.booth.enrolment import (
    ALREADY_ENROLLED,
    ATTENDANT_FINGER,
    EARLIER_DIFFERS,
    ENROLLED,
    NOT_CONFIRMED,
    SAME_FINGER,
    SEQUENCE_ERROR,
    UNDETERMINED,
)

HONEST = "honest"
TWICE = "same finger twice"  # one that was taken, where another is wanted
HANDS = "right hand for left"  # all five, until the booth says so
WRONG = "wrong finger for the position"  # the next one of the hand; the right one is then its second time
KNOWN = "enrolled already"
KNOWN_SWAPPED = "enrolled already, hands swapped"
STRANGER = "another person's finger to confirm"
OPERATOR = "the operator's own finger"
MISTAKES = (TWICE, HANDS, WRONG, STRANGER, OPERATOR)
RETURNS = (KNOWN, KNOWN_SWAPPED)
KINDS = (*MISTAKES, *RETURNS)  # of a day
RENEWAL = "another person's record at a renewal"
ROLLED = "another finger rolled"  # the other one of those that are rolled, out of order
ROLLED_STRANGER = "another person's finger rolled"
ON_TEMPLATES = (RENEWAL, ROLLED, ROLLED_STRANGER)  # beside those of a day, in the checks alone
ALL_KINDS = (*KINDS, *ON_TEMPLATES)
FINDINGS = {  # of other mistakes: one for two
    STRANGER: {NOT_CONFIRMED},
    OPERATOR: {ATTENDANT_FINGER},
    RENEWAL: {EARLIER_DIFFERS},
    ROLLED: {SEQUENCE_ERROR},
    ROLLED_STRANGER: {UNDETERMINED},
}
RECORD = (2, 7)  # positions of an earlier record
OWN_RECORDS = 5  # honest subjects with their own earlier record to one with another's
HAND = 5
Fingers = dict[int, Finger]  # by the position that is asked for


@dataclass(frozen=True)
class Visit:
    """One person steps up to the booth."""

    kind: str
    identity_number: str
    fingers: Fingers
    turn: int = 0  # which impression is shown first, counted from 0
    wrong: Fingers = field(default_factory=dict)  # shown at these positions until the booth says so
    stranger: Fingers = field(default_factory=dict)  # shown to confirm, until there is an alarm
    earlier: Fingers = field(default_factory=dict)  # of the record that is brought: it is a renewal

    def shows(self, position: int, confirming: bool, told: bool, before: int) -> tuple[Finger, int]:
        """Return finger and impression (1 ..).

        `told`: the booth has said that one was taken before, or that another person may stand there;
        `before`: how often one was shown here.
        """
        other, finger = confirming, self.fingers[position]
        wrong = None if confirming or told else self.wrong.get(position)
        if wrong and wrong.person == WORKS_HERE:
            return wrong, IMPRESSIONS  # the others were registered
        if confirming and self.stranger and not told:
            finger = self.stranger[position]
        elif wrong:
            other, finger = True, wrong
        return finger, (self.turn + 2 * other + before % 2) % IMPRESSIONS + 1

    def recorded(self) -> list[tuple[int, tuple[Finger, int]]]:
        """Return position, finger and impression of the earlier record; the impressions are shown nowhere."""
        return [(p, (finger, (self.turn + 2) % IMPRESSIONS + 1)) for p, finger in self.earlier.items()]

    def to_abandon(self, told: bool, not_confirmed: bool) -> bool:
        """Whether what was captured is worth nothing, by what the booth has told."""
        return (told and self.kind == WRONG) or (not_confirmed and bool(self.wrong))


@dataclass
class Seen:
    """What the booth made of a visit."""

    outcome: str = ""
    findings: list[str] = field(default_factory=list)
    second_looks: int = 0  # how often a finger was asked for once more, to be sure
    shown: list[str] = field(default_factory=list)  # samples worth looking at, with their scores

    def caught(self, visit: Visit) -> bool:
        """Whether the visit's mix-up was noticed."""
        if visit.kind in RETURNS:
            return self.outcome == ALREADY_ENROLLED
        return not FINDINGS.get(visit.kind, {SAME_FINGER, NOT_CONFIRMED}).isdisjoint(self.findings)

    def right(self, visit: Visit) -> bool:
        """Whether the visit ended as it should: a mix-up was noticed, and the person served all the same."""
        return not self.miscounted(visit) and self.outcome == (
            ALREADY_ENROLLED if visit.kind in RETURNS else ENROLLED
        )

    def miscounted(self, visit: Visit) -> bool:
        """Whether it is a miss or a false alarm, of which the limits allow some."""
        return self.false_alarm(visit) if visit.kind == HONEST else not self.caught(visit)

    def false_alarm(self, visit: Visit) -> bool:
        """Whether an honest visit was taken for anything else."""
        return visit.kind == HONEST and (self.outcome != ENROLLED or bool(self.findings))


class Count:
    """Counts visits by kind."""

    def __init__(self) -> None:
        self.visits: Counter[str] = Counter()
        self.caught: Counter[str] = Counter()
        self.false_alarms = 0
        self.looked_again = 0  # honest visits that were asked for a finger once more, to be sure

    def add(self, visit: Visit, seen: Seen) -> None:
        """Count one visit."""
        self.visits[visit.kind] += 1
        self.caught[visit.kind] += visit.kind != HONEST and seen.caught(visit)
        self.false_alarms += seen.false_alarm(visit)
        self.looked_again += visit.kind == HONEST and seen.second_looks > 0

    def lines(self) -> Iterable[str]:
        """Yield a line for each kind."""
        asked = f"asked once more for a finger {self.looked_again}"
        yield f"honest: {self.visits[HONEST]}, false alarms {self.false_alarms}, {asked}"
        for kind in (kind for kind in ALL_KINDS if self.visits[kind]):
            injected, caught = self.visits[kind], self.caught[kind]
            yield f"{kind}: {injected} injected, {caught} caught, {injected - caught} missed"

    def __add__(self, other: "Count") -> "Count":
        """Return both together."""
        both = Count()
        both.visits, both.caught = self.visits + other.visits, self.caught + other.caught
        both.false_alarms = self.false_alarms + other.false_alarms
        both.looked_again = self.looked_again + other.looked_again
        return both


def as_grown(people: int) -> list[Fingers]:
    """Return people with their own fingers."""
    return [{p: Finger(person, p) for p in POSITIONS} for person in range(1, people + 1)]


def dealt(people: int, turn: int) -> list[Fingers]:
    """Return as many people with fingers of ten others each; of no two turns two share two fingers."""
    return [{p: Finger((person + turn * p) % people + 1, p) for p in POSITIONS} for person in range(people)]


def registered(turn: int) -> tuple[Finger, Finger]:
    """Return which fingers of the operator are registered on a day: two, others every day of five."""
    first = turn % HAND + 1
    return Finger(WORKS_HERE, first), Finger(WORKS_HERE, first + HAND)


def a_day(subjects: Sequence[Fingers], mixups: int, turn: int, rng: Generator) -> list[Visit]:
    """Return a day's visits: everybody comes once, so many with each mistake; some come a second time."""
    kinds = [kind for kind in MISTAKES for _ in range(mixups)]
    if len(kinds) + len(RETURNS) * mixups > len(subjects):
        raise ValueError(f"{len(subjects)} subjects are too few for {mixups} mix-ups of each kind")
    kinds += [HONEST] * (len(subjects) - len(kinds))
    rng.shuffle(kinds)
    visits = []
    for place, (kind, fingers) in enumerate(zip(kinds, subjects, strict=True)):
        others = subjects[(place + int(rng.integers(1, len(subjects)))) % len(subjects)]
        wrong, stranger = _mistake(kind, fingers, others, registered(turn), rng)
        visits.append(Visit(kind, f"001090{place:06}", fingers, turn, wrong, stranger))
    honest = [place for place, visit in enumerate(visits) if visit.kind == HONEST]
    again = rng.choice(honest, len(RETURNS) * mixups, replace=False)
    for count, place in enumerate(sorted((int(place) for place in again), reverse=True)):
        visit = _return(visits[place], RETURNS[count % len(RETURNS)], count)
        visits.insert(int(rng.integers(place + 1, len(visits) + 1)), visit)
    return visits


def with_records(visits: Sequence[Visit], mixups: int, rng: Generator) -> list[Visit]:
    """Return the visits, so many honest ones with another person's earlier record, others with their own."""
    renewed = list(visits)
    honest = [place for place, visit in enumerate(visits) if visit.kind == HONEST]
    chosen = [int(place) for place in rng.choice(honest, mixups * (1 + OWN_RECORDS), replace=False)]
    for count, place in enumerate(chosen):
        visit, another = visits[place], visits[chosen[count - 1]]
        whose, kind = (another, RENEWAL) if count < mixups else (visit, HONEST)
        renewed[place] = replace(visit, kind=kind, earlier={p: whose.fingers[p] for p in RECORD})
    return renewed


def _mistake(
    kind: str, own: Fingers, others: Fingers, attendants: Sequence[Finger], rng: Generator
) -> tuple[Fingers, Fingers]:
    if kind == TWICE:
        first, second = sorted(int(p) for p in rng.choice(list(POSITIONS), 2, replace=False))
        return {second: own[first]}, {}
    if kind == HANDS:
        return {p + HAND: own[p] for p in POSITIONS if p <= HAND}, {}
    if kind == WRONG:
        position = int(rng.choice([p for p in POSITIONS if p % HAND]))
        return {position: own[position + 1]}, {}
    if kind == OPERATOR:
        return {int(rng.choice(list(POSITIONS))): attendants[int(rng.integers(len(attendants)))]}, {}
    return {}, others if kind == STRANGER else {}


def _return(visit: Visit, kind: str, count: int) -> Visit:
    """Return the second visit of a person, under another number and with other impressions."""
    swapped = HAND if kind == KNOWN_SWAPPED else 0
    fingers = {p: visit.fingers[(p - 1 + swapped) % 10 + 1] for p in POSITIONS}
    return Visit(kind, f"001091{count:06}", fingers, visit.turn + 2)
