"""The matcher's word on one finger, and what every judgement's journal entry says of it, pure."""

from dataclasses import dataclass, field
from typing import Any

from edge.booth.enrolment_state import Enrolment
from edge.booth.entries import Body


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
    at_once: tuple[int, ...] = ()  # of `same_finger_as` those that second_look.AT_ONCE says, too
    alone: dict[str, int] = field(default_factory=dict)  # whom one finger tells -> how many are enrolled


def judgement(
    current: Enrolment, place: tuple[str, int], decision: str, hint: str | None, facts: Body, **said: Any
) -> Body:
    """Return the body of a judgement's entry. `place`: ("position", 3) or ("slap", 13)."""
    key, position = place
    return {
        "enrolment": current.id,
        key: position,
        "attempt": current.attempt_number(position),
        "decision": decision,
        "hint": hint,
        **said,
        **facts,
    }
