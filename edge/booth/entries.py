"""The words of an enrolment in the journal: kinds of entries, decisions, findings."""

from typing import Any

Body = dict[str, Any]
Entry = tuple[str, Body]  # kind, body of a journal entry

STARTED, ATTEMPT, FINDING, MISSING = "enrolment.started", "attempt.made", "finding", "finger.missing"
SLAP, ROLLED = "slap.made", "rolled.made"
CONFIRMATION, REVIEWED = "confirmation.made", "enrolment.reviewed"
STATION_ANSWERED, EARLIER_COMPARED = "station.answered", "earlier.compared"
SEALED, ABANDONED = "enrolment.sealed", "enrolment.abandoned"
LOGGED_IN, LOGGED_OUT = "operator.in", "operator.out"
ENDS = (SEALED, ABANDONED)  # after one of these the state is None whatever came before

ACCEPTED, RETRY, BEST_KEPT, WRONG_FINGER = "accepted", "retry", "best-kept", "wrong-finger"
SECOND_LOOK, WRONG_HAND, REFUSED = "second-look", "wrong-hand", "refused"
KEPT = (ACCEPTED, RETRY, BEST_KEPT)  # decisions after which the sample itself is kept
CONFIRMED, NOT_CONFIRMED = "confirmed", "not-confirmed"
ENROLLED, ALREADY_ENROLLED = "enrolled", "already-enrolled"
SETTLED, UNSETTLED = "settled", "unsettled"  # whether the station said of every finger whose it is

ATTENDANT_FINGER = "attendant-finger"
SEQUENCE_ERROR, UNDETERMINED = "sequence-error", "undetermined"
SAME_FINGER, NUMBER_USED, NUMBER_DIFFERS = "same-finger", "number-used", "number-differs"
NAME_DIFFERS, NAME_UNCONFIRMED = "name-differs", "name-unconfirmed"
PORTRAIT_USED, PORTRAIT_TIME = "portrait-used", "portrait-time"
LIST_DIFFERS, EARLIER_DIFFERS = "list-differs", "earlier-differs"
OVERRIDDEN, NO_PORTRAIT = "overridden", "no-portrait"
NO_FINGER, SINGLE_FINGERS = "no-finger", "single-fingers"
MISSING_FINGERS = "missing-fingers"

OVERRIDES = (
    ALREADY_ENROLLED,
    ATTENDANT_FINGER,
    EARLIER_DIFFERS,
    LIST_DIFFERS,
    NOT_CONFIRMED,
    NO_FINGER,
    PORTRAIT_USED,
    SAME_FINGER,
    SEQUENCE_ERROR,
    SINGLE_FINGERS,
    WRONG_HAND,
)  # what a supervisor signs where a plan says nothing else
SIGNABLE = (*OVERRIDES, MISSING_FINGERS, NO_PORTRAIT, UNDETERMINED)  # what a plan may have signed
