"""One finger of no subject's enrolment, pure: of somebody who works here, or of a card's holder.

    purpose    sample                                       next
    register   a finger of another attendant                asked again
    register   too poor, or not the finger shown before     asked again
    register   the third that is good and the same          registered: the templates are kept
    log-in     matches a registered finger of the person    logged in
    hand-over  matches the card's, or the record's, finger  the card is given to its holder
    verify     matches the card's, or the record's, finger  it is the same person
    either     matches one of both, where both count        asked again, and said which
    either     below the plan's threshold for the finger    asked again, and kept where it matches: should the
                                                            last be too poor as well, it counts
    any        matches none                                 asked again
    any        the third that was asked again               given up
    any        none within the booth's limit, or 'abandon'  given up; nobody failed (`give_up`)

An attendant (ISO/IEC 2382-37) whose fingers are known cannot slip one into a subject's record: every sample
of an enrolment is compared with all of them (`enrolment.judge`).
"""

from dataclasses import dataclass, replace
from typing import Literal

from edge.booth.enrolment import Body, Entry
from edge.messages import POSITION_NAMES, AttendantEnded
from matching.calibration import fmr_of_search

REGISTERED, FORGOTTEN = "person.finger", "person.fingers-forgotten"
AWAITED, GIVEN_UP = "finger.awaited", "finger.given-up"  # of a card's holder; of anybody
PRESENTATIONS = 3  # kept of one finger: the best of three scores misses far fewer than one
MISSES = 3  # after which it is given up
HOLDER = "the card's holder"
RECORD = "the record made here"
RAREST, MOST_FREQUENT = 1e-7, 1e-5  # false match rates


@dataclass(frozen=True, slots=True)
class Presenting:
    """Who is to show which finger, and how far it is."""

    purpose: Literal["register", "log-in", "hand-over", "verify"]
    person: str
    position: int  # to be shown; at a log-in any registered one will do
    success: tuple[Entry, ...]  # what is recorded then
    failure: tuple[Entry, ...] = ()
    quality_wanted: int = 0
    taken: int = 0
    missed: int = 0
    hint: str | None = None
    holder: tuple[bytes, str] | None = None  # at a hand-over: the template to be matched, and its format
    record: bytes | None = None  # beside a card's: that of the record made here, to be matched as well
    unseen: str | None = None  # why the card's is compared alone
    met: frozenset[str] = frozenset()  # which of both (HOLDER, RECORD) some sample matched
    fmr: float | None = None  # and the rate at which each is to be matched
    attempts: int = MISSES
    poor_match: Body | None = None  # facts of a holder's sample that matched, and was below `quality_wanted`
    request_id: str | None = None  # of the command that asked for it

    @property
    def finger(self) -> str:
        """What the finger is called."""
        return POSITION_NAMES[self.position]

    @property
    def templates(self) -> list[tuple[str, bytes, str]]:
        """What a holder's finger is compared with: whose it is, the template, its format."""
        holder = [(HOLDER, *self.holder)] if self.holder else []
        return [*holder, *([(RECORD, self.record, "vantay")] if self.record else [])]

    @property
    def of(self) -> int:
        """How many samples are needed."""
        return PRESENTATIONS if self.purpose == "register" else 1


@dataclass(frozen=True, slots=True)
class Presented:
    """The matcher's word on one sample."""

    quality: int
    hint: str | None
    persons: frozenset[str]  # attendants, one of whose registered fingers it matches
    as_before: bool  # it matches a sample of this presenting
    facts: Body


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of it: None is the end; `keep`: the sample's template belongs to the finger."""

    presenting: Presenting | None
    entries: tuple[Entry, ...] = ()
    keep: bool = False
    done: bool = False
    met: frozenset[str] = frozenset()  # of a holder's templates, by any sample


def attendant_fmr(fpir: float, impressions: int, templates: int) -> float:
    """Return the FMR a comparison at which this share of subjects passes for an attendant.

    `impressions` of a subject, plain and rolled, are compared with each of so many `templates`.
    """
    fmr = fmr_of_search(fpir, max(impressions, 1) * max(templates, 1))
    return min(max(fmr, RAREST), MOST_FREQUENT)


def present(current: Presenting, sample: Presented) -> Outcome:
    """Judge one sample."""
    wrong, last = _wrong(current, sample), current.missed + 1 >= current.attempts
    matched = _best_match(current, sample)
    met = current.met | (sample.persons & {HOLDER, RECORD} if current.holder else frozenset())
    if wrong and last and matched is None:
        return Outcome(None, _failed(current, met), met=met)
    if wrong and not last:
        again = replace(current, missed=current.missed + 1, hint=wrong, poor_match=matched, met=met)
        return Outcome(again, met=met)
    if current.taken + 1 < current.of:
        return Outcome(replace(current, taken=current.taken + 1, hint=None), keep=True)
    (kind, body), *others = reversed(current.success)
    ends = (kind, {**body, **(matched or sample.facts)})
    return Outcome(None, (*reversed(others), ends), keep=current.purpose == "register", done=True)


def awaited(current: Presenting) -> Entry:
    """Say that a holder's finger is awaited: the booth's next life will say that it no longer is."""
    said = {"purpose": current.purpose, "position": current.position, "request_id": current.request_id}
    return (AWAITED, {**said, "subject": current.success[0][1]["subject"]})


def awaited_before(body: Body) -> Presenting:
    """Return what an entry `AWAITED` says was awaited."""
    begun = Presenting(body["purpose"], HOLDER, body["position"], ((AWAITED, body),))
    return replace(begun, request_id=body["request_id"])


def give_up(current: Presenting, reason: str) -> tuple[Entry, AttendantEnded]:
    """Wait no longer: no finger was judged, so nobody failed."""
    body: Body = {"purpose": current.purpose, "person": current.person, "position": current.position}
    if subject := current.success[0][1].get("subject"):
        body["subject"] = subject
    left = {
        "hand-over": "the card stays here",
        "verify": "nothing was compared",
        "log-in": f"{current.person} is not logged in",
        "register": f"the {current.finger} of {current.person} is not registered",
    }[current.purpose]
    return (GIVEN_UP, {**body, "reason": reason}), _ended(current, False, f"{reason}: {left}")


def prompt(current: Presenting) -> str:
    """Say in one sentence what to do now."""
    again = f"{current.hint}: " if current.hint else ""
    if current.purpose == "log-in":
        return f"{again}{current.person}, place a registered finger on the scanner, as the {current.finger}"
    if current.purpose in ("hand-over", "verify"):
        aim = "receive the card" if current.purpose == "hand-over" else "compare it"
        alone = f" ({current.unseen}: only the card is compared)" if current.unseen else ""
        return f"{again}place the {current.finger} on the scanner, to {aim}{alone}"
    count = f" ({current.taken + 1} of {current.of})"
    return f"{again}{current.person}, place the {current.finger} on the scanner{count}"


def ended(current: Presenting, done: bool, met: frozenset[str] = frozenset()) -> AttendantEnded:
    """Say how it ended; `met`: which of a holder's templates some sample matched."""
    text = f"{current.person} is logged in"
    if current.purpose in ("hand-over", "verify"):
        text = _given(current) if done else _kept_back(current, met)
    elif not done and current.purpose == "log-in":
        text = f"{current.person} is not logged in: no registered finger was shown"
    elif current.purpose == "register":
        text = f"the {current.finger} of {current.person} is {'registered' if done else 'not registered'}"
    return _ended(current, done, text)


def _given(current: Presenting) -> str:
    """The finger matched."""
    alone = f"; {current.unseen}: only the card was compared" if current.unseen else ""
    if current.purpose == "hand-over":
        return f"the {current.finger} is the holder's: the card may be handed over{alone}"
    return f"the {current.finger} is that of the {_compared_with(current)}{alone}"


def _kept_back(current: Presenting, met: frozenset[str]) -> str:
    """The finger did not match, or one of both."""
    stays = "the card stays here"
    if half := _half(met) if current.record else None:
        what, check = half
        said = f"the {current.finger} is {what}: {check}"
        return f"{said}; {stays}" if current.purpose == "hand-over" else said
    if current.purpose == "hand-over":
        return f"the {current.finger} is not the holder's: {stays}"
    return f"the {current.finger} is not that of the {_compared_with(current)}"


def _half(met: frozenset[str]) -> tuple[str, str] | None:
    """Say which one of both a finger matches, and what to do about it; None where it is not one."""
    if met == {HOLDER}:
        return "that of the card, but not that of the record made here under this number", "check the number"
    if met == {RECORD}:
        return (
            "that of the record made here under this number, but not that of the card",
            "check whose card it is",
        )
    return None


def _failed(current: Presenting, met: frozenset[str]) -> tuple[Entry, ...]:
    """Return what is recorded then, and which of both some sample matched."""
    if not current.record:
        return current.failure
    matched = [name for one, name in ((HOLDER, "card"), (RECORD, "record")) if one in met]
    return tuple((kind, {**body, "matched": matched}) for kind, body in current.failure)


def _ended(current: Presenting, done: bool, text: str) -> AttendantEnded:
    return AttendantEnded(
        purpose=current.purpose, person=current.person, done=done, text=text, request_id=current.request_id
    )


def _compared_with(current: Presenting) -> str:
    source = current.success[0][1].get("source")
    return "card and the record" if source == "both" else str(source or "record")


def _best_match(current: Presenting, sample: Presented) -> Body | None:
    """Facts of a holder's sample that matches: of this one, else of one before, while all are poor."""
    if not current.holder:
        return None
    if _is_holders(current, sample):
        return sample.facts
    return current.poor_match if sample.quality < current.quality_wanted else None


def _is_holders(current: Presenting, sample: Presented) -> bool:
    """Whether one sample matches all that it is compared with."""
    return ({HOLDER, RECORD} if current.record else {HOLDER}) <= sample.persons


def _wrong(current: Presenting, sample: Presented) -> str | None:
    """Why a sample does not count."""
    if current.purpose in ("hand-over", "verify"):
        if sample.quality < current.quality_wanted:
            return sample.hint or f"the sample of the {current.finger} is too poor"
        if _is_holders(current, sample):
            return None
        if half := _half(sample.persons) if current.record else None:
            what, check = half
            return f"this finger is {what} ({check})"
        return f"this is not the {current.finger} of the card's holder"
    if current.purpose == "log-in":
        known = current.person in sample.persons
        return None if known else f"this is no registered finger of {current.person}"
    if others := sorted(sample.persons - {current.person}):
        return f"this finger is registered as one of {' and '.join(others)}"
    if sample.quality < current.quality_wanted:
        return sample.hint or "the sample is too poor"
    if current.taken and not sample.as_before:
        return "this is not the finger shown before"
    return None
