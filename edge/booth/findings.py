"""What was noticed of one subject, and what a supervisor said to it, pure: which finding is an alarm now."""

from dataclasses import dataclass, replace
from typing import Self

from edge.booth.entries import (
    ALREADY_ENROLLED,
    ATTENDANT_FINGER,
    EARLIER_DIFFERS,
    LIST_DIFFERS,
    NO_FINGER,
    NOT_CONFIRMED,
    OVERRIDDEN,
    PORTRAIT_USED,
    SAME_FINGER,
    SEQUENCE_ERROR,
    WRONG_HAND,
    Body,
)

UNTIL_OVERRIDDEN = (LIST_DIFFERS, NO_FINGER, EARLIER_DIFFERS)  # alarms that nothing shown settles


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of an enrolment, in order, and what follows from them."""

    all: tuple[Body, ...] = ()
    known: Body | None = None  # the finding, while this person is found to be enrolled already
    others: frozenset[str] = frozenset()  # earlier subjects who are somebody else: a supervisor said so
    attendant: Body | None = None  # the finding, while the finger shown last was an attendant's
    attendants_allowed: frozenset[str] = frozenset()  # who are the subject: a supervisor said so
    hands_allowed: frozenset[int] = frozenset()  # slaps whose hand a supervisor has looked at
    alike: frozenset[tuple[int, int]] = frozenset()  # pairs that a supervisor says are two fingers
    sequence_error: Body | None = None  # the finding, while the finger rolled last was another one
    portrait: Body | None = None  # the finding, while the portrait given last was another subject's
    portraits_allowed: frozenset[str] = frozenset()  # hashes that a supervisor has looked at
    sequence_allowed: frozenset[int] = frozenset()  # positions at which a supervisor looked at such a finding

    def has(self, what: str) -> bool:
        """Whether there is such a finding, overridden or not."""
        return any(one["finding"] == what for one in self.all)

    def stands(self, what: str) -> bool:
        """Whether there is such a finding, and nobody overrode one of the kind."""
        return self.has(what) and what not in self._overridden

    def overridden(self, what: str) -> bool:
        """Whether somebody overrode a finding of the kind."""
        return what in self._overridden

    def two_fingers(self, one: int, other: int) -> bool:
        """Whether a supervisor said that these are not the same finger."""
        return (min(one, other), max(one, other)) in self.alike

    def alarm(self, wanted: int | None, attempts: int, stranger: bool) -> Body | None:
        """Return the finding that is an alarm now.

        `wanted`: the position to capture next; `attempts`: as often as the same may be found before it is an
        alarm; `stranger`: whether as many fingers shown to confirm were not the captured one.
        """
        if self.known or self.attendant or self.sequence_error:
            return self.known or self.attendant or self.sequence_error
        if wanted and (found := self._same_again(wanted, attempts) or self._other_hand(wanted)):
            return found
        standing = (one for one in self.all if one["finding"] in UNTIL_OVERRIDDEN)
        if found := next((one for one in standing if self.stands(one["finding"])), None):
            return found
        found = next((f for f in reversed(self.all) if stranger and f["finding"] == NOT_CONFIRMED), None)
        return found or self.portrait

    def after(self, body: Body) -> Self:
        """Add a finding."""
        found = replace(self, all=(*self.all, body))
        if body["finding"] == ALREADY_ENROLLED:
            return replace(found, known=body)
        if body["finding"] == ATTENDANT_FINGER:
            return replace(found, attendant=body)
        if body["finding"] == SEQUENCE_ERROR:
            return replace(found, sequence_error=body)
        if body["finding"] == PORTRAIT_USED:
            return replace(found, portrait=body)
        return found._after_override(body) if body["finding"] == OVERRIDDEN else found

    def another_shown(self) -> Self:
        """Settle what was about the finger shown last."""
        return replace(self, attendant=None)

    def another_portrait(self) -> Self:
        """Settle what was about the portrait given last."""
        return replace(self, portrait=None)

    def another_rolled(self) -> Self:
        """Settle what was about the finger rolled last."""
        return replace(self, attendant=None, sequence_error=None)

    def _after_override(self, body: Body) -> Self:
        position, of = body["position"], body["of"]
        if of["finding"] == ALREADY_ENROLLED:
            return replace(self, known=None, others=self.others | {of["subject"]})
        if of["finding"] == ATTENDANT_FINGER:
            return replace(self, attendant=None, attendants_allowed=self.attendants_allowed | {of["person"]})
        if of["finding"] == SEQUENCE_ERROR:
            return replace(self, sequence_error=None, sequence_allowed=self.sequence_allowed | {position})
        if of["finding"] == PORTRAIT_USED:
            return replace(self, portrait=None, portraits_allowed=self.portraits_allowed | {of["sha256"]})
        if of["finding"] == SAME_FINGER:
            return replace(self, alike=self.alike | {(min(pair), max(pair)) for pair in of["pairs"]})
        if of["finding"] == WRONG_HAND:
            return replace(self, hands_allowed=self.hands_allowed | {position})
        return self

    @property
    def _overridden(self) -> set[str]:
        return {f["of"]["finding"] for f in self.all if f["finding"] == OVERRIDDEN}

    def _same_again(self, position: int, attempts: int) -> Body | None:
        """The last finding of a finger taken before, where there are as many as attempts, not overridden."""
        same = [
            f
            for f in self.all
            if f["finding"] == SAME_FINGER
            and f["position"] == position
            and any(not self.two_fingers(*pair) for pair in f.get("pairs", ()))
        ]
        return same[-1] if len(same) >= attempts else None

    def _other_hand(self, slap: int) -> Body | None:
        if slap in self.hands_allowed:
            return None
        of_hand = (f for f in self.all if f["finding"] == WRONG_HAND and f["position"] == slap)
        return next(of_hand, None)
