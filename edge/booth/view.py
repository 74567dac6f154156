"""What the booth shows of itself: the retained state, with one sentence for the person or the operator."""

from dataclasses import dataclass

from edge.booth.acquisition import Acquisition, Stage
from edge.booth.attendant import Presenting
from edge.booth.attendant import prompt as attendant_prompt
from edge.booth.enrolment import (
    ABANDONED,
    ALREADY_ENROLLED,
    NO_FINGER,
    PORTRAIT_USED,
    SINGLE_FINGERS,
    UNDETERMINED,
    Body,
    Enrolment,
)
from edge.booth.scanner_standing import name_of
from edge.booth.slap_rule import FINGERS, words_for
from edge.messages import (
    POSITION_NAMES,
    AttendantEnded,
    AttendantShows,
    CommandProgress,
    Device,
    Ended,
    FoundLater,
    MissingWhy,
    Phase,
    PresentationFault,
    ShiftShown,
    State,
)
from edge.printable import counted


@dataclass(frozen=True, slots=True)
class Equipment:
    """How scanner and matcher are: "ready", or what is wrong."""

    scanner: str = "starting"
    device: Body | None = None  # model, serial, firmware, location
    matcher: str = "starting"
    advice: str | None = None  # what somebody has to do about the scanner
    change: str | None = None  # another scanner than before
    presented: PresentationFault | None = None  # what is wrong with the finger that lies there
    unfit: str | None = None  # why the scanner that is there can enrol nobody

    @property
    def ready(self) -> bool:
        """Whether a finger can be captured and judged."""
        return self.scanner == "ready" and self.matcher == "ready"


@dataclass(frozen=True, slots=True)
class Around:
    """What the booth shows beside the enrolment and the equipment."""

    booth: str
    at: str
    last_seq: int
    acknowledged_seq: int
    ended: Ended | None = None
    operator: str | None = None  # who is logged in
    login_key: str | None = None  # for PINs
    asks: tuple[str, ...] = ()  # what is compared with the worklist
    presenting: Presenting | None = None  # whose finger is awaited that is no subject's
    attendant_ended: AttendantEnded | None = None  # how the last one ended
    shift: ShiftShown | None = None  # the one that is open
    shift_wanted: bool = False  # one is to be opened
    trouble: str | None = None  # why nobody should be enrolled
    notices: tuple[str, ...] = ()  # what is to be seen to before it is a trouble
    station: str | None = None  # how the station's gallery is
    unsettled_enrolments: int = 0  # sealed before it had answered
    found_later: tuple[FoundLater, ...] = ()  # by it, after sealing
    commands: tuple[CommandProgress, ...] = ()  # the last ones, and how far they are


LIES = {
    PresentationFault.TOO_LIGHT: "press harder",
    PresentationFault.TOO_HEAVY: "press more lightly",
    PresentationFault.OFF_CENTRE: "move the finger to the centre",
    PresentationFault.MOVED: "hold the finger still",
    PresentationFault.WET: "lift the finger and dry it",
    PresentationFault.DRY: "lift the finger and moisten it",
    PresentationFault.GHOST: "wipe the platen: it shows the print of an earlier finger",
    PresentationFault.NOT_LIFTED: "lift the finger",
}
PHASES = {
    Stage.PLACE: Phase.PLACE,
    Stage.HOLD: Phase.HOLD,
    Stage.JUDGE: Phase.LIFT,  # the picture is taken: the finger may go while it is judged
    Stage.LIFT: Phase.LIFT,
}


def phase_of(
    enrolment: Enrolment | None,
    acquisition: Acquisition,
    equipment: Equipment,
    presenting: Presenting | None = None,
) -> Phase:
    """Say what the booth waits for."""
    if acquisition.finger and acquisition.stage in (Stage.PLACE, Stage.JUDGE, Stage.LIFT):
        return Phase.LIFT
    if presenting is None:
        if enrolment is None:
            return Phase.IDLE
        if enrolment.reviewing:
            return Phase.REVIEW
        if enrolment.closed:
            return Phase.SEAL
    if acquisition.stage is Stage.JUDGE:
        return Phase.CHECK
    if not equipment.ready:
        return Phase.WAIT
    return PHASES.get(acquisition.stage, Phase.WAIT)


def platen_sentence(ghost: bool) -> str:
    """Say what to do about a platen that is not empty."""
    return LIES[PresentationFault.GHOST if ghost else PresentationFault.NOT_LIFTED]


def prompt_of(
    phase: Phase,
    enrolment: Enrolment | None,
    equipment: Equipment,
    around: Around,
) -> str:
    """Say in one sentence what to do now; never nothing."""
    presenting, shift = around.presenting, around.shift
    wanted = enrolment.wanted() if enrolment else None
    match phase:
        case Phase.IDLE if not equipment.ready or equipment.advice:
            return _trouble(equipment)
        case Phase.IDLE if around.trouble:
            return f"nobody can be enrolled here: {around.trouble}"
        case Phase.IDLE if around.shift_wanted:
            return "no shift is open: send 'open-shift' before the first subject"
        case Phase.IDLE if shift and shift.overdue:
            return f"the shift of {shift.day} is still open: send 'close-shift', then 'open-shift'"
        case Phase.IDLE:
            return "ready for the next subject"
        case Phase.LIFT:
            return platen_sentence(equipment.presented is PresentationFault.GHOST)
        case Phase.HOLD if enrolment and enrolment.rolling and not presenting:
            return "roll on, slowly, to the other side of the nail"
        case Phase.HOLD:
            return LIES[equipment.presented or PresentationFault.MOVED]
        case Phase.CHECK:
            return "one moment: the sample is being checked"
        case Phase.REVIEW if enrolment and enrolment.duplicate_of:
            return (
                "if this is the person who is enrolled already, send 'review': it is recorded; "
                "if it is somebody else, send 'override' with a reason"
            )
        case Phase.REVIEW if (
            enrolment and (alarm := enrolment.alarming) and alarm["finding"] == PORTRAIT_USED
        ):
            return (
                "send 'review' with this person's own portrait; if it is the right one, send 'override' first"
            )
        case Phase.REVIEW | Phase.WAIT if enrolment and enrolment.alarm and wanted is None:
            return "settle the alarm: send 'override' with a reason, or 'abandon'"
        case Phase.WAIT if enrolment and enrolment.to_compare and equipment.ready:
            return "one moment: the finger is compared with the earlier record"
        case Phase.REVIEW if enrolment and enrolment.unsettled:
            return (
                "the station has not said yet whether this person is enrolled there; "
                "check number, name and portrait with the person, then send 'review'"
            )
        case Phase.REVIEW:
            return "check number, name and portrait with the person, then send 'review'"
        case Phase.SEAL:
            return "one moment: the record is being sealed"
        case Phase.PLACE if presenting:
            return attendant_prompt(presenting)
        case Phase.PLACE if enrolment and enrolment.rolling and wanted:
            again = f"{enrolment.hint}: " if enrolment.hint else ""
            return f"{again}roll the {POSITION_NAMES[wanted]} over the scanner, from nail to nail"
        case Phase.PLACE if enrolment and enrolment.looking_again and wanted:
            what = words_for(wanted, enrolment.fingers_of(wanted))
            return f"place the {what} on the scanner once more, to be sure"
        case Phase.PLACE if enrolment and wanted:
            again = f"{enrolment.hint}: " if enrolment.hint else ""
            once_more = " once more, to confirm who is here" if enrolment.confirming else ""
            together = " together" if len(enrolment.fingers_of(wanted)) > 1 else ""
            what = words_for(wanted, enrolment.fingers_of(wanted))
            return f"{again}place the {what}{together} on the scanner{once_more}"
        case _:
            return _trouble(equipment)


def _trouble(equipment: Equipment) -> str:
    if equipment.unfit:
        return equipment.unfit
    if equipment.scanner == "ready" and equipment.advice:
        return f"{equipment.advice}: the scanner fails again and again"
    if equipment.scanner != "ready" and equipment.advice:
        return f"{equipment.advice}: the scanner is not ready"
    if equipment.scanner != "ready":
        return "one moment: the scanner is not ready"
    return "one moment: the matcher is not ready"


def ended_by(kind: str, body: Body) -> Ended:
    """Say how an enrolment ended, from the journal entry that ended it."""
    enrolment = body["enrolment"]
    if kind == ABANDONED:
        text = f"the enrolment was given up: {body['reason']}"
        return Ended(enrolment=enrolment, outcome="abandoned", text=text)
    if body["outcome"] == ALREADY_ENROLLED:
        text = f"nobody was enrolled: this person is enrolled already as subject {body['duplicate_of']}"
        return Ended(enrolment=enrolment, outcome="already-enrolled", text=text)
    rolled = f" and {len(body['rolled'])} rolled" if body.get("rolled") else ""
    text = f"enrolled with {counted(len(body['samples']), 'finger')}{rolled}"
    if body.get("exception") == NO_FINGER:
        text = "enrolled without a finger: the record says why, and who signed"
    return Ended(enrolment=enrolment, outcome="enrolled", text=text)


def _shown(presenting: Presenting | None) -> AttendantShows | None:
    if presenting is None:
        return None
    return AttendantShows(
        purpose=presenting.purpose,
        person=presenting.person,
        taken=presenting.taken,
        of=presenting.of,
        request_id=presenting.request_id,
    )


def _taken_with(enrolment: Enrolment | None) -> dict[int, Device]:
    """Which device took each accepted sample; releases before 2026-11-26 did not write its firmware."""
    accepted = enrolment.accepted if enrolment else {}
    return {p: Device(**taken.device) for p, taken in sorted(accepted.items()) if taken.device}


def _to_look_at(enrolment: Enrolment | None) -> list[str]:
    """What is only odd: of the subject's data, of rolled fingers, fingers like somebody else's."""
    if enrolment is None:
        return []
    rolls = [str(one["text"]) for one in enrolment.findings if one["finding"] == UNDETERMINED]
    settled = {*enrolment.found.others, enrolment.duplicate_of}
    alike = [one for one in enrolment.told_alone if one not in settled]
    return [*enrolment.warnings, *rolls, *(_finger_of(enrolment, one) for one in alike)]


def _finger_of(enrolment: Enrolment, subject: str) -> str:
    names = ", ".join(POSITION_NAMES[p] for p in sorted(enrolment.hits[subject]))
    return f"the {names} is like that of subject {subject}, who is enrolled already: look who stands there"


def state_of(
    around: Around, enrolment: Enrolment | None, acquisition: Acquisition, equipment: Equipment
) -> State:
    """Put the retained state together."""
    presenting = around.presenting
    phase = phase_of(enrolment, acquisition, equipment, presenting)
    wanted = presenting.position if presenting else enrolment.wanted() if enrolment else None
    return State(
        booth=around.booth,
        at=around.at,
        phase=phase,
        prompt=prompt_of(phase, enrolment, equipment, around),
        trouble=around.trouble,
        shift=around.shift,
        shift_wanted=around.shift_wanted,
        attendant=_shown(presenting),
        attendant_ended=around.attendant_ended,
        alarm=enrolment.alarm if enrolment else None,
        overrides_alone=enrolment.overrides_alone if enrolment else False,
        splits_alone=not enrolment.needs_supervisor(SINGLE_FINGERS) if enrolment else False,
        known_as=enrolment.duplicate_of if enrolment else None,
        enrolment=enrolment.id if enrolment else None,
        subject=enrolment.subject if enrolment else None,
        plan=enrolment.plan if enrolment else None,
        positions=list(enrolment.positions) if enrolment else [],
        confirming=enrolment.confirming if enrolment else False,
        second_look=enrolment.looking_again if enrolment else False,
        slap=wanted if wanted in FINGERS else None,
        fingers=list(enrolment.fingers_of(wanted)) if enrolment and wanted and wanted in FINGERS else [],
        rolling=bool(enrolment and enrolment.rolling and not presenting),
        to_roll=list(enrolment.rolled) if enrolment else [],
        rolled=sorted(enrolment.kept_rolled) if enrolment else [],
        position=wanted if wanted in POSITION_NAMES else None,
        position_name=POSITION_NAMES.get(wanted) if wanted else None,
        attempt=enrolment.attempt_number(wanted) if enrolment and wanted else None,
        attempts=enrolment.attempts_allowed if enrolment else None,
        hint=enrolment.hint if enrolment else None,
        presentation=equipment.presented,
        accepted=sorted(enrolment.accepted) if enrolment else [],
        missing=sorted(enrolment.missing) if enrolment else [],
        missing_why={p: MissingWhy(why) for p, why in sorted(enrolment.missing_why.items())}
        if enrolment
        else {},
        warnings=_to_look_at(enrolment),
        name_stated=enrolment.name_stated if enrolment else False,
        renewal=enrolment.renewal if enrolment else None,
        unsettled=sorted(enrolment.unsettled) if enrolment else [],
        asks=list(around.asks),
        scanner=equipment.scanner,
        device=name_of(equipment.device) if equipment.device else None,
        scanner_device=Device(**equipment.device) if equipment.device else None,
        scanner_change=equipment.change,
        taken_with=_taken_with(enrolment),
        matcher=equipment.matcher,
        ended=around.ended,
        operator=around.operator,
        login_key=around.login_key,
        last_seq=around.last_seq,
        acknowledged_seq=around.acknowledged_seq,
        notices=list(around.notices),
        station=around.station,
        unsettled_enrolments=around.unsettled_enrolments,
        found_later=list(around.found_later),
        commands=list(around.commands),
    )
