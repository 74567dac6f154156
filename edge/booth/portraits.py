"""What speaks against a portrait, by its hash and its moment alone: whose it was, and when it was taken."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.messages import JournalEntry, utc

CLOCKS_DIFFER = timedelta(minutes=1)  # of camera and booth, for what seems to come from the future


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found; None where nothing was."""

    used_by: str | None = None  # enrolment, not known to be this person's, that was reviewed with it
    odd_time: str | None = None  # one sentence
    odd_is_right: bool = False  # the operator has looked at it all the same


def odd_time(taken_at: datetime, began: JournalEntry, now: datetime, clock_is_set: bool) -> str | None:
    """Say what is odd about the moment, in one sentence; and where it is so by a clock that was not set."""
    sure = clock_is_set and began.clock.synchronised
    unsure = "" if sure else "by a clock that is not set, "
    if taken_at < datetime.fromisoformat(began.at):
        return (
            f"{unsure}the portrait is of {utc(taken_at)}, before this enrolment began at {began.at}: "
            "check that it shows this person"
        )
    if taken_at > now + CLOCKS_DIFFER:
        return (
            f"{unsure}the portrait is of {utc(taken_at)}, in the future: check the camera's clock, "
            "and that it shows this person"
        )
    return None
