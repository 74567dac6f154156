"""The booth's state as others see it: always one sentence on what to do, never a dead end or a lie."""

import json
from dataclasses import replace
from itertools import product

import pytest

from edge.booth.acquisition import Acquisition, Stage
from edge.booth.enrolment import (
    LIST_DIFFERS,
    SINGLE_FINGERS,
    Attempt,
    Enrolment,
    finding,
    note_listed_otherwise,
)
from edge.booth.findings import Findings
from edge.booth.view import Around, Equipment, phase_of, prompt_of, state_of
from edge.messages import Phase, PresentationFault, ShiftShown, State, parse
from tests.edge.parts import AT

PRO_20 = {"model": "Pro 20", "serial": "H-1", "firmware": "22.06", "location": "usb:1-1"}
READY = Equipment(scanner="ready", device=PRO_20, matcher="ready")
FRESH = Enrolment("e1", "s1", (2, 3), 3, {2: 30, 3: 30}, 2, hint="press lightly", missing={1: "cut"})
CLOSED = replace(FRESH, accepted={2: Attempt(1, "a", 50), 3: Attempt(1, "b", 50)})
ENROLLED_ALREADY = {"finding": "already-enrolled", "of": "s0", "text": "enrolled already as subject s0"}
LISTED_OTHERWISE = note_listed_otherwise(CLOSED, ["name"])[1]
AROUND = Around("b-1", AT, 7, 5)
TROUBLED = [replace(READY, scanner="starting", device=None), replace(READY, matcher="starting")]


def view(enrolment: Enrolment | None, acquisition: Acquisition, equipment: Equipment) -> State:
    return state_of(AROUND, enrolment, acquisition, equipment)


def test_a_shift_that_is_wanted_or_left_open_is_told_between_subjects() -> None:
    old = ShiftShown(shift="s", day="2026-01-04", opened_at=AT, person=None, overdue=True)
    for shift, enrolment, prompt in (
        ((None, True), None, "no shift is open: send 'open-shift' before the first subject"),
        ((old, False), None, "the shift of 2026-01-04 is still open: send 'close-shift', then 'open-shift'"),
        ((old.model_copy(update={"overdue": False}), False), None, "ready for the next subject"),
        ((old, False), FRESH, "press lightly: place the right index on the scanner"),
    ):
        acquisition = Acquisition(Stage.PLACE if enrolment else Stage.REST, 2, False, True)
        around = replace(AROUND, shift=shift[0], shift_wanted=shift[1])
        state = state_of(around, enrolment, acquisition, READY)
        assert (state.prompt, state.shift, state.shift_wanted) == (prompt, *shift)


def test_there_is_always_something_to_say() -> None:
    for enrolment, stage, finger, scanner, equipment in product(
        (None, FRESH, CLOSED), Stage, (False, True), (False, True), (READY, *TROUBLED)
    ):
        state = view(enrolment, Acquisition(stage, 2, finger, scanner), equipment)
        assert state.prompt
        assert "\n" not in state.prompt
        assert parse(State, state.payload()) == state
        assert (state.position is None) == (enrolment is None or enrolment is CLOSED)


@pytest.mark.parametrize(
    ("enrolment", "acquisition", "equipment", "phase", "prompt"),
    [
        (None, Acquisition(), READY, Phase.IDLE, "ready for the next subject"),
        (
            None,
            Acquisition(),
            replace(READY, advice="unplug it and plug it in again"),
            Phase.IDLE,
            "unplug it and plug it in again: the scanner fails again and again",
        ),
        (None, Acquisition(Stage.LIFT, 2, True, True), READY, Phase.LIFT, "lift the finger"),
        (
            FRESH,
            Acquisition(Stage.PLACE, 2, False, True),
            READY,
            Phase.PLACE,
            "press lightly: place the right index on the scanner",
        ),
        (FRESH, Acquisition(Stage.PLACE, 2, True, True), READY, Phase.LIFT, "lift the finger"),
        (FRESH, Acquisition(Stage.HOLD, 2, True, True), READY, Phase.HOLD, "hold the finger still"),
        (
            FRESH,
            Acquisition(Stage.HOLD, 2, True, True),
            replace(READY, presented=PresentationFault.DRY),
            Phase.HOLD,
            "lift the finger and moisten it",
        ),
        (
            FRESH,
            Acquisition(Stage.PLACE, 2, True, True),
            replace(READY, presented=PresentationFault.GHOST),
            Phase.LIFT,
            "wipe the platen: it shows the print of an earlier finger",
        ),
        (FRESH, Acquisition(Stage.JUDGE, 2, True, True), READY, Phase.LIFT, "lift the finger"),
        (
            FRESH,
            Acquisition(Stage.JUDGE, 2, False, True),
            READY,
            Phase.CHECK,
            "one moment: the sample is being checked",
        ),
        (
            FRESH,
            Acquisition(Stage.PLACE, 2, False, False),
            TROUBLED[0],
            Phase.WAIT,
            "one moment: the scanner is not ready",
        ),
        (
            FRESH,
            Acquisition(Stage.PLACE, 2, False, False),
            replace(TROUBLED[0], scanner="timeout: it hangs", advice="unplug it and plug it in again"),
            Phase.WAIT,
            "unplug it and plug it in again: the scanner is not ready",
        ),
        (
            None,
            Acquisition(),
            replace(TROUBLED[0], scanner="the plan cannot be done", unfit="the plan cannot be done"),
            Phase.IDLE,
            "the plan cannot be done",
        ),
        (
            FRESH,
            Acquisition(Stage.REST, 2, False, True),
            TROUBLED[1],
            Phase.WAIT,
            "one moment: the matcher is not ready",
        ),
        (
            replace(FRESH, doubtful={1: 1e-4}, hint="once more, to be sure"),
            Acquisition(Stage.PLACE, 2, False, True),
            READY,
            Phase.PLACE,
            "place the right index on the scanner once more, to be sure",
        ),
        (
            replace(CLOSED, confirm=True, hint=None),
            Acquisition(Stage.PLACE, 2, False, True),
            READY,
            Phase.PLACE,
            "place the right index on the scanner once more, to confirm who is here",
        ),
        (
            replace(CLOSED, review=True),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.REVIEW,
            "check number, name and portrait with the person, then send 'review'",
        ),
        (
            replace(CLOSED, review=True, station=True),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.REVIEW,
            "the station has not said yet whether this person is enrolled there; "
            "check number, name and portrait with the person, then send 'review'",
        ),
        (
            replace(CLOSED, earlier=(3,)),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.WAIT,
            "one moment: the finger is compared with the earlier record",
        ),
        (
            replace(CLOSED, review=True, found=Findings((LISTED_OTHERWISE,))),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.REVIEW,
            "settle the alarm: send 'override' with a reason, or 'abandon'",
        ),
        (
            replace(CLOSED, found=Findings((LISTED_OTHERWISE,))),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.WAIT,
            "settle the alarm: send 'override' with a reason, or 'abandon'",
        ),
        (
            replace(CLOSED, found=Findings(known=ENROLLED_ALREADY)),
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.REVIEW,
            "if this is the person who is enrolled already, send 'review': it is recorded; "
            "if it is somebody else, send 'override' with a reason",
        ),
        (
            CLOSED,
            Acquisition(Stage.REST, 3, False, True),
            READY,
            Phase.SEAL,
            "one moment: the record is being sealed",
        ),
    ],
)
def test_phases_and_prompts(
    enrolment: Enrolment | None, acquisition: Acquisition, equipment: Equipment, phase: Phase, prompt: str
) -> None:
    assert phase_of(enrolment, acquisition, equipment) is phase
    assert prompt_of(phase, enrolment, equipment, AROUND) == prompt


def test_a_rolled_finger_is_asked_for_in_words_of_its_own() -> None:
    accepted = {p: Attempt(1, f"{p}", 50) for p in FRESH.positions}
    rolled = replace(FRESH, accepted=accepted, rolled=(2, 3), rolled_quality={2: 20, 3: 20}, hint="too fast")
    place, hold = (
        view(rolled, Acquisition(s, 2, s is Stage.HOLD, True), READY) for s in (Stage.PLACE, Stage.HOLD)
    )
    assert place.prompt == "too fast: roll the right index over the scanner, from nail to nail"
    assert hold.prompt == "roll on, slowly, to the other side of the nail"
    assert (place.rolling, place.position, place.to_roll, place.rolled) == (True, 2, [2, 3], [])


def test_of_which_class_a_missing_finger_is_and_whether_the_operator_may_override_is_in_the_state() -> None:
    state = view(replace(FRESH, missing_why={1: "temporary"}), Acquisition(), READY)
    assert json.loads(state.payload())["missing_why"] == {"1": "temporary"}
    found = finding(FRESH, LIST_DIFFERS, 0, ["name"], "another name")[1]
    for signed in (frozenset[str](), frozenset({LIST_DIFFERS})):
        alarmed = replace(FRESH, supervisor=signed, found=FRESH.found.after(found))
        shown = view(alarmed, Acquisition(), READY)
        assert (shown.alarm, shown.overrides_alone) == ("another name", not signed)
        assert shown.splits_alone
    assert not view(replace(FRESH, supervisor=frozenset({SINGLE_FINGERS})), Acquisition(), READY).splits_alone


def test_what_is_compared_with_the_worklist_is_in_the_state() -> None:
    asks = ("name", "birth", "sex")
    state = state_of(replace(AROUND, asks=asks), None, Acquisition(), READY)
    assert state.asks == ["name", "birth", "sex"]


def test_a_finger_is_asked_for_only_when_it_can_be_taken() -> None:
    for stage, finger, scanner, equipment in product(Stage, (False, True), (False, True), TROUBLED):
        for enrolment in (None, FRESH, CLOSED):
            assert phase_of(enrolment, Acquisition(stage, 2, finger, scanner), equipment) is not Phase.PLACE


def test_a_finger_like_that_of_somebody_enrolled_is_told() -> None:
    hits = {"s0": frozenset({2}), "s7": frozenset({3})}
    alike = replace(FRESH, hits=hits, told_alone={"s0": 10})
    told = "the right index is like that of subject s0, who is enrolled already: look who stands there"
    assert view(alike, Acquisition(scanner=True), READY).warnings == [told]
    apart = replace(alike, found=replace(alike.found, others=frozenset({"s0"})))
    assert view(apart, Acquisition(scanner=True), READY).warnings == []


def test_the_state_says_who_and_how_far() -> None:
    tried = replace(
        FRESH,
        warnings=("look twice",),
        tried={2: (Attempt(1, "a", 10),)},
        accepted={3: Attempt(1, "b", 50, PRO_20)},
    )
    state = view(tried, Acquisition(Stage.PLACE, 2, False, True), READY)
    assert state.model_dump(exclude={"prompt", "phase"}) == {
        "booth": "b-1",
        "at": AT,
        "enrolment": "e1",
        "subject": "s1",
        "plan": "",
        "confirming": False,
        "second_look": False,
        "slap": None,
        "fingers": [],
        "rolling": False,
        "to_roll": [],
        "rolled": [],
        "attendant": None,
        "attendant_ended": None,
        "alarm": None,
        "overrides_alone": False,
        "splits_alone": False,
        "operator": None,
        "login_key": None,
        "shift": None,
        "shift_wanted": False,
        "position": 2,
        "position_name": "right index",
        "attempt": 2,
        "attempts": 3,
        "hint": "press lightly",
        "presentation": None,
        "accepted": [3],
        "missing": [1],
        "missing_why": {},
        "warnings": ["look twice"],
        "notices": [],
        "name_stated": False,
        "commands": [],
        "station": None,
        "renewal": None,
        "known_as": None,
        "unsettled": [],
        "unsettled_enrolments": 0,
        "found_later": [],
        "asks": [],
        "scanner": "ready",
        "device": "Pro 20 H-1 at usb:1-1",
        "scanner_device": PRO_20,
        "scanner_change": None,
        "taken_with": {3: PRO_20},
        "matcher": "ready",
        "positions": [2, 3],
        "ended": None,
        "last_seq": 7,
        "acknowledged_seq": 5,
        "trouble": None,
    }
