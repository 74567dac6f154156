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
                                                 enough fingers of one earlier subject: known
    capturing   --finger missing-> capturing     the reason is kept; who is known by the fingers left: known
    any         --(no finger left)-> reviewing   an alarm that a supervisor overrides: the record is sealed
                                                 without a finger, and says so
    capturing   --(all done)-->    rolling       where the plan asks for rolled fingers, one after another
                                                 (rolled_judging.py)
    rolling     --(all done)-->    confirming    one accepted finger is shown once more; before it those of
                                                 which a second look left open whether they are one
                                                 or that was found among those enrolled
    confirming  --sample judged--> confirming    not that finger: another is asked for, and once that
                                                 matches this one again; too often: an alarm
    confirming  --overridden-->    reviewing     with a reason, once there is an alarm
    any but closed --overridden--> the same      the worklist says otherwise: an alarm from the start, that is
                                                 overridden before the review
    reviewing   --(rolls match no plain finger)--> the same: three, or all: an alarm that a supervisor
                                                 overrides
    reviewing   --(fingers are missing, and people log in)--> the same: an alarm that a supervisor overrides
    reviewing   --(reviewed without a portrait, and people log in)--> the same: an alarm that a supervisor
                                                 overrides, or a review with a portrait ends
    confirming  --(it matches)-->  reviewing     waits for the operator's word on number and portrait
    reviewing   --reviewed-->      closed        waits to be sealed
                                                 with a portrait of an odd moment: refused until the
                                                 operator says that it was looked at
                                                 with another subject's portrait: an alarm until
                                                 another is given, or a supervisor says that it is right
    closed      --sealed-->        none
    any but closed --abandoned-->  none

    capturing   --(renewal: a finger of the earlier record is accepted)--> the same, once it is compared
                                                 1:1; when two are not its, or none can be: an alarm that
                                                 a supervisor overrides, and no finger is asked for before
    any but closed --the station answered--> the same, or known: enrolled elsewhere at the station before
    known       --reviewed-->      closed        the operator says so too: sealed as enrolled already
    known       --abandoned-->     closed        the same: what shows it is not thrown away
    known       --overridden-->    as before     a supervisor says that it is somebody else; who is known as
                                                 yet another earlier subject: known

Rolling, confirming and reviewing are left out where the plan does not ask for them.

The functions named after events give the journal entries that follow and change nothing; `evolve` applies
one. The state is a fold of `evolve` over the journal, so after a power cut it is what it was. This file
begins and ends an enrolment, and is the door to the rest:

    entries.py          the journal's words                   findings.py         what was noticed
    enrolment_state.py  where it stands, what is wanted       enrolment_fold.py   one entry applied
    finger_judging.py   what becomes of a finger              alarms.py           mix-ups, overrides
    slap_judging.py     of several at once                    rolled_judging.py   of a rolled one
"""

from edge.booth.alarms import (
    another_than_before,
    attendants_finger,
    by_device,
    enough,
    finding,
    known_person,
    no_finger,
    note_listed_otherwise,
    note_used_number,
    override,
    tells_alone,
    what_stands,
    with_pairs,
)
from edge.booth.enrolment_fold import elsewhere, evolve, fewest, fold, rolled_attempt, with_hits
from edge.booth.enrolment_state import Attempt, Enrolment, RolledAttempt, SlapAttempt
from edge.booth.entries import (
    ABANDONED,
    ACCEPTED,
    ALREADY_ENROLLED,
    ATTEMPT,
    ATTENDANT_FINGER,
    BEST_KEPT,
    CONFIRMATION,
    CONFIRMED,
    EARLIER_COMPARED,
    EARLIER_DIFFERS,
    ENDS,
    ENROLLED,
    FINDING,
    KEPT,
    LIST_DIFFERS,
    MISSING,
    MISSING_FINGERS,
    NAME_DIFFERS,
    NAME_UNCONFIRMED,
    NO_FINGER,
    NO_PORTRAIT,
    NOT_CONFIRMED,
    NUMBER_DIFFERS,
    NUMBER_USED,
    OVERRIDDEN,
    PORTRAIT_TIME,
    PORTRAIT_USED,
    REFUSED,
    RETRY,
    REVIEWED,
    ROLLED,
    SAME_FINGER,
    SEALED,
    SECOND_LOOK,
    SEQUENCE_ERROR,
    SETTLED,
    SINGLE_FINGERS,
    SLAP,
    STARTED,
    STATION_ANSWERED,
    UNDETERMINED,
    UNSETTLED,
    WRONG_FINGER,
    WRONG_HAND,
    Body,
    Entry,
)
from edge.booth.finger_judging import judge
from edge.booth.judged import SampleJudged
from edge.booth.portraits import Looked
from edge.errors import BadCommand, IllegalTransition, NotedRefusal
from edge.messages import LOOKED, POSITION_NAMES

# one import for whoever plays a whole enrolment
# fmt: off
__all__ = [
    "ABANDONED", "ACCEPTED", "ALREADY_ENROLLED", "ATTEMPT", "ATTENDANT_FINGER", "BEST_KEPT", "CONFIRMATION",
    "CONFIRMED", "EARLIER_COMPARED", "EARLIER_DIFFERS", "ENDS", "ENROLLED", "FINDING", "KEPT", "LIST_DIFFERS",
    "MISSING", "MISSING_FINGERS", "NAME_DIFFERS", "NAME_UNCONFIRMED", "NOT_CONFIRMED", "NO_FINGER",
    "NO_PORTRAIT", "NUMBER_DIFFERS", "NUMBER_USED", "OVERRIDDEN", "PORTRAIT_TIME", "PORTRAIT_USED", "REFUSED",
    "RETRY", "REVIEWED", "ROLLED", "SAME_FINGER", "SEALED", "SECOND_LOOK", "SEQUENCE_ERROR", "SETTLED",
    "SINGLE_FINGERS", "SLAP", "STARTED", "STATION_ANSWERED", "UNDETERMINED", "UNSETTLED", "WRONG_FINGER",
    "WRONG_HAND", "Attempt", "Body", "Enrolment", "Entry", "RolledAttempt", "SampleJudged", "SlapAttempt",
    "abandon", "another_than_before", "attendants_finger", "by_device", "elsewhere", "enough", "evolve",
    "fewest", "finding", "fold", "judge", "known_person", "mark_missing", "name_wanted", "no_finger",
    "note_listed_otherwise", "note_used_number", "override", "refuse_unless_capturing", "review",
    "rolled_attempt", "sealed", "start", "tells_alone", "with_hits", "with_pairs",
]
# fmt: on


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
        "supervisor": sorted(new.supervisor),
        "warnings": list(new.warnings),
        **_whys(new),
        **({"slaps": list(new.slaps)} if new.slaps else {}),
        **({"rolled": list(new.rolled)} if new.rolled else {}),
        **(
            {"rolled_quality": {str(position): wanted for position, wanted in new.rolled_quality.items()}}
            if new.rolled
            else {}
        ),
        **({"station": True} if new.station else {}),
        **({"name_stated": True} if new.name_stated else {}),
        **({"earlier": list(new.earlier), "renews": list(new.renews)} if new.earlier else {}),
    }
    return [(STARTED, body), *([] if new.positions else [no_finger(new)])]


def mark_missing(
    current: Enrolment | None, position: int, reason: str, why: str | None = None
) -> list[Entry]:
    """A finger cannot be captured; `why`: the class of the reason, where it is said."""
    name = POSITION_NAMES[position]
    if current is None:
        raise BadCommand(
            "no subject is being enrolled: a finger can be marked missing only during an enrolment"
        )
    refuse_unless_capturing(current)
    body: Body = {"enrolment": current.id, "position": position, "reason": reason}
    if why:
        body["why"] = why
    if current.rolling and position in current.rolled and position not in current.kept_rolled:
        return [(MISSING, {**body, "impression": "rolled"})]
    if position in current.accepted:
        raise BadCommand(f"the {name} was captured already: it cannot be missing")
    if position in current.missing:
        raise BadCommand(f"the {name} is marked missing already: {current.missing[position]}")
    if position not in current.positions:
        raise BadCommand(f"the plan {current.plan} does not ask for the {name}")
    after = evolve(current, MISSING, body)
    assert after is not None
    return [(MISSING, body), *what_stands(after, position)]


def abandon(current: Enrolment | None, reason: str) -> list[Entry]:
    """Give the enrolment up; of somebody who is enrolled already a record is sealed all the same."""
    if current is None:
        raise BadCommand("no subject is being enrolled: there is nothing to abandon")
    _refuse_when_closed(current)
    if current.duplicate_of:
        return [_reviewed(current, None, reason)]
    return [(ABANDONED, {"enrolment": current.id, "subject": current.subject, "reason": reason})]


def review(
    current: Enrolment | None,
    subject: str,
    portrait: Body | None,
    no_portrait: str | None,
    name_is_right: bool | None = None,
    looked: Looked = Looked(),  # noqa: B008 - frozen
) -> list[Entry]:
    """Take the operator's word that this is the person whose number, name and portrait go with the record.

    Of somebody who was found to be enrolled already it is the word that this is so; it needs no portrait.
    `name_is_right`: the name that was said is the stated one; None where none was said, and where one was
    stated, that stays in the record. `looked`: what speaks against the portrait.
    """
    if current is None:
        raise BadCommand("no subject is being enrolled: there is nothing to review")
    _refuse_when_closed(current)
    if subject != current.subject:
        text = "another identity number than the one it began with was given at the review"
        advice = "abandon the enrolment when it began with a wrong number"
        if current.duplicate_of:
            advice = (
                "'review' and 'abandon' seal it under the number it began with; where that was wrong, "
                "override the alarm with a reason first, then abandon the enrolment"
            )
        raise NotedRefusal(
            f"this is not the identity number that enrolment {current.id} began with: check whose record is "
            f"on the screen; {advice}",
            [finding(current, NUMBER_DIFFERS, 0, None, text)],
        )
    if name_is_right is False:
        text = "another name than the one it began with was given at the review"
        raise NotedRefusal(
            f"this is not the name that enrolment {current.id} began with: check whose record is on the "
            "screen; abandon the enrolment when it began with a wrong name",
            [finding(current, NAME_DIFFERS, 0, None, text)],
            wants="name",
        )
    if not current.reviewing:
        raise BadCommand(f"enrolment {current.id} is not captured yet: review it after the last finger")
    about_portrait = current.alarming is not None and current.alarming["finding"] == PORTRAIT_USED
    about_portrait |= current.without_portrait is not None and portrait is not None
    if current.alarm and not current.duplicate_of and not about_portrait:
        raise BadCommand(
            f"{current.alarm}: override it with a reason before the review, or abandon the enrolment"
        )
    asked = current.portrait and not current.duplicate_of
    if asked and (portrait is None) == (no_portrait is None):
        raise BadCommand(
            "the review needs the portrait: its SHA-256 and when it was taken, or in 'no_portrait' why not",
            wants="portrait",
        )
    if portrait and not current.duplicate_of:
        _refuse_used_portrait(current, str(portrait["sha256"]), looked.used_by)
    if portrait and looked.odd_time and not looked.odd_is_right:
        raise BadCommand(
            f"{looked.odd_time}; send the review again with 'looked' when it does, or with another portrait",
            wants=LOOKED,
        )
    entries = [_reviewed(current, portrait)]
    if portrait and looked.odd_time:
        entries.insert(0, finding(current, PORTRAIT_TIME, 0, portrait["taken_at"], looked.odd_time))
    if no_portrait is not None:
        text = f"the record has no portrait because: {no_portrait}"
        entries.insert(0, finding(current, NO_PORTRAIT, 0, None, text))
    if name_is_right is None and name_wanted(current) and not current.found.has(NAME_UNCONFIRMED):
        text = "the name that was stated was not confirmed at the review"
        entries.insert(0, finding(current, NAME_UNCONFIRMED, 0, None, text))
    return entries


def name_wanted(current: Enrolment) -> bool:
    """Whether the review is to confirm the stated name; of somebody who is known it is not asked."""
    return current.name_stated and not current.duplicate_of


def _refuse_used_portrait(current: Enrolment, portrait: str, used_by: str | None) -> None:
    """Refuse, and alarm once, where a portrait was another enrolment's and nobody signed that it is right."""
    if used_by is None or portrait in current.found.portraits_allowed:
        return
    given = f"this portrait was given at the review of enrolment {used_by}"
    text = f"{given}, which is not known to be this person's"
    of = {"enrolment": used_by, "sha256": portrait}
    before = current.found.portrait
    new = before is None or before["of"] != of
    raise NotedRefusal(
        f"{text}: give this person's own, or override it with a reason; look which portrait is right there",
        [finding(current, PORTRAIT_USED, 0, of, text)] if new else [],
        wants="portrait",
    )


def _whys(enrolment: Enrolment) -> Body:
    """The classes of the reasons why fingers are missing, where any is said."""
    said = {str(position): why for position, why in enrolment.missing_why.items()}
    return {"missing_why": said} if said else {}


def _reviewed(current: Enrolment, portrait: Body | None, gave_up: str | None = None) -> Entry:
    body: Body = {"enrolment": current.id, "portrait": portrait}
    if current.duplicate_of:
        body["known_as"] = current.duplicate_of
    if gave_up is not None:
        body["gave_up"] = gave_up
    return (REVIEWED, body)


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
        **_whys(current),
    }
    if current.operator:
        body["operator"] = current.operator
    if current.exception:
        body["exception"] = NO_FINGER
    if current.station and current.outcome == ENROLLED:
        body["station"] = UNSETTLED if current.unsettled else SETTLED
    if current.found.others:
        body["told_apart"] = sorted(current.found.others)
    if current.earlier:
        body |= {"renewal": current.renewal, "renews": list(current.renews)}
    if current.same_at:
        body["same_at"] = list(current.same_at)
    if current.kept_slaps:
        body["slaps"] = {str(slap): kept.sample for slap, kept in current.kept_slaps.items()}
    if current.kept_rolled:
        body["rolled"] = {str(position): kept.sample for position, kept in current.kept_rolled.items()}
    return [(SEALED, body)]


def refuse_unless_capturing(current: Enrolment) -> None:
    """BadCommand where nothing that is captured can be changed: it is complete, or the person is known."""
    _refuse_when_closed(current)
    if current.duplicate_of:
        raise BadCommand(f"{current.alarm}: say so with 'review', or override it, before anything else")


def _refuse_when_closed(current: Enrolment) -> None:
    if current.closed:
        raise BadCommand(f"enrolment {current.id} is complete: its record is being sealed")
