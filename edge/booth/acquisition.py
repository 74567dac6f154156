"""One finger position from requested to acquired, pure. After a restart the finger is simply shown again.

    stage      event           next       effect
    rest       request         place      arm
    place      occupied        place                     (a finger lay there before: it must be lifted first)
    place      finger on       hold
    hold       occupied        place                     (it came while the order was given anew: the same)
    hold       captured        judge      examine        (finger still on)
    judge      judged          lift       report         (when the finger is still on)
    judge      judged          rest       report         (when it was lifted meanwhile)
    lift       finger off      rest
    any        scanner lost    a picture that was taken is judged; else the finger is asked for again
    any        matcher lost    place      arm            (the picture is gone: the same finger once more)
    any        cancel          rest       disarm

An event that a stage does not know raises IllegalTransition and changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from edge.errors import IllegalTransition


class Stage(StrEnum):
    """What is awaited."""

    REST = "rest"
    PLACE = "place"
    HOLD = "hold"
    JUDGE = "judge"
    LIFT = "lift"


class Effect(StrEnum):
    """What the runner does next."""

    ARM = "arm"
    DISARM = "disarm"
    EXAMINE = "examine"
    REPORT = "report"


class Happened(StrEnum):
    """What the acquisition reacts to."""

    REQUEST = "request"
    OCCUPIED = "occupied"
    FINGER_ON = "finger on"
    CAPTURED = "captured"
    JUDGED = "judged"
    FINGER_OFF = "finger off"
    SCANNER_LOST = "scanner lost"
    SCANNER_BACK = "scanner back"
    MATCHER_LOST = "matcher lost"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Where the acquisition of `position` stands; `finger`: the platen is known to be occupied."""

    stage: Stage = Stage.REST
    position: int = 0
    finger: bool = False
    scanner: bool = False  # a scanner is there


Step = tuple[Acquisition, tuple[Effect, ...]]


def request(state: Acquisition, position: int) -> Step:
    """Ask for one finger."""
    if state.stage is not Stage.REST:
        raise IllegalTransition(f"position {position} was requested while {state.stage} of {state.position}")
    armed = (Effect.ARM,) if state.scanner else ()
    return replace(state, stage=Stage.PLACE, position=position, finger=False), armed


def advance(state: Acquisition, happened: Happened) -> Step:
    """React to an event; IllegalTransition leaves the state unchanged."""
    match happened, state.stage:
        case Happened.FINGER_ON, Stage.PLACE:
            return replace(state, stage=Stage.HOLD, finger=True), ()
        case Happened.OCCUPIED, Stage.PLACE | Stage.HOLD:
            return replace(state, stage=Stage.PLACE, finger=True), ()
        case Happened.FINGER_OFF, Stage.PLACE:
            return replace(state, finger=False), ()
        case Happened.CAPTURED, Stage.HOLD:
            return replace(state, stage=Stage.JUDGE), (Effect.EXAMINE,)
        case Happened.FINGER_OFF, Stage.HOLD:  # lifted before the picture was taken: the device looks on
            return replace(state, stage=Stage.PLACE, finger=False), ()
        case Happened.FINGER_OFF, Stage.JUDGE:
            return replace(state, finger=False), ()
        case Happened.FINGER_OFF, Stage.LIFT:
            return replace(state, stage=Stage.REST, finger=False), ()
        case Happened.JUDGED, Stage.JUDGE:
            stage = Stage.LIFT if state.finger else Stage.REST
            return replace(state, stage=stage), (Effect.REPORT,)
        case Happened.SCANNER_LOST, _:
            return _scanner_lost(state), ()
        case Happened.SCANNER_BACK, _:
            armed = (Effect.ARM,) if state.stage is Stage.PLACE else ()
            return replace(state, scanner=True), armed
        case Happened.MATCHER_LOST, Stage.JUDGE:
            again = replace(state, stage=Stage.PLACE, finger=False)
            return again, ((Effect.ARM,) if state.scanner else ())
        case Happened.MATCHER_LOST, _:
            return state, ()
        case Happened.CANCEL, Stage.REST:
            return state, ()
        case Happened.CANCEL, _:
            return replace(state, stage=Stage.REST, finger=False), (Effect.DISARM,)
        case _:
            raise IllegalTransition(f"'{happened}' cannot happen at stage '{state.stage}'")


def _scanner_lost(state: Acquisition) -> Acquisition:
    """A picture already taken is judged; a finger that was being waited for is asked for again."""
    after = {Stage.HOLD: Stage.PLACE, Stage.LIFT: Stage.REST}.get(state.stage, state.stage)
    return replace(state, stage=after, finger=False, scanner=False)
