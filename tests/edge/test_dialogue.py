"""The operator's dialogue: whatever is typed and whatever the booth says, there is a next step or an end."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import view
from edge.dialogue import (
    AGAIN,
    BIRTH,
    END_WAIT,
    HELP,
    LEFT,
    LOOK,
    MISSING,
    NAME,
    NAME_AGAIN,
    NAME_RIGHT,
    NUMBER,
    OF_KNOWN,
    ONCE_MORE,
    OPEN_SHIFT,
    PIN,
    PORTRAIT,
    SEX,
    SUBJECT_NAME,
    SUPERVISOR,
    UNANSWERED,
    Dialogue,
    Done,
    Effect,
    Leave,
    Say,
    Send,
    SendSealed,
    Stage,
    spoken,
)
from edge.messages import (
    Abandon,
    CloseShift,
    Earlier,
    Ended,
    Enrol,
    Logout,
    MissingWhy,
    OpenShift,
    Phase,
    Portrait,
    Reply,
    Review,
    State,
)
from edge.shift_dialogue import WHY_OPEN, AtShift
from tests.edge.parts import AT, steady
from tests.edge.parts import NUMBER as TEN

IDLE: dict[str, Any] = {
    "booth": "b-1",
    "at": AT,
    "phase": Phase.IDLE,
    "prompt": "ready for the next subject",
    "scanner": "ready",
    "matcher": "ready",
    "last_seq": 1,
    "acknowledged_seq": 0,
}
WORK = {
    **IDLE,
    "phase": Phase.PLACE,
    "prompt": "place it",
    "enrolment": "e1",
    "positions": [1, 2],
    "position": 1,
}
REVIEW = {**WORK, "phase": Phase.REVIEW, "prompt": "check", "position": None, "accepted": [1, 2]}
HOLDERS = {"purpose": "hand-over", "person": "the card's holder", "taken": 0, "of": 1, "request_id": "h1"}
PICTURE = Portrait.model_validate({"sha256": "ab" * 32, "taken_at": AT})


def state(**values: Any) -> State:
    return State.model_validate({**IDLE, **values})


def reply(command: str, outcome: str, **more: Any) -> Reply:
    return Reply.model_validate(
        {"request_id": "r", "command": command, "outcome": outcome, "reason": "because", "at": AT, **more}
    )


def sent(effects: list[Effect]) -> Any:
    (command,) = [effect.command for effect in effects if isinstance(effect, Send)]
    return command


def words(effects: list[Effect]) -> str:
    return "\n".join(effect.text for effect in effects if isinstance(effect, Say))


def asked(missing: str = "") -> Dialogue:
    dialogue = Dialogue()
    assert dialogue.state(state()) == [NUMBER]
    dialogue.line(TEN, "r")
    dialogue.line(missing, "r")
    assert dialogue.stage is Stage.ASKED
    return dialogue


def reviewing() -> Dialogue:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    assert ONCE_MORE in dialogue.state(State(**REVIEW))
    return dialogue


KEY = "ab" * 32


def test_it_is_told_who_is_logged_in_and_somebody_else_may_log_in() -> None:
    dialogue = Dialogue()
    assert dialogue.state(state(login_key=KEY, operator="an")) == [
        Say("an is logged in; if that is not you, type: logout"),
        NUMBER,
    ]
    assert sent(dialogue.line("logout", "r1")) == Logout(request_id="r1")
    assert dialogue.busy
    assert dialogue.reply(reply("logout", "accepted")) == [Say("because"), NAME]
    assert dialogue.line("binh", "r2") == [PIN]
    assert dialogue.line("314159", "r3") == [SendSealed("login", {"person": "binh"}, "314159")]
    dialogue.reply(reply("login", "accepted"))
    assert dialogue.state(state(login_key=KEY, operator="binh")) == [NUMBER]


def test_a_log_out_that_is_refused_goes_on() -> None:
    dialogue = Dialogue()
    dialogue.state(state(login_key=KEY, operator="an", shift_wanted=True))
    dialogue.line("logout", "r1")
    assert dialogue.reply(reply("logout", "refused")) == [Say("refused: because"), OPEN_SHIFT]


def test_where_the_log_in_ended_meanwhile_it_is_asked_for_and_the_enrolment_goes_on() -> None:
    dialogue = Dialogue()
    there = {"login_key": KEY, "operator": "an"}
    assert "an is logged in" in words(dialogue.state(State(**REVIEW, **there)))
    dialogue.line(TEN, "r1")
    dialogue.line("- the camera is broken", "r2")
    assert dialogue.reply(reply("review", "refused", wants="login")) == [Say("refused: because"), NAME]
    dialogue.state(State(**REVIEW, login_key=KEY))
    dialogue.line("binh", "r3")
    dialogue.line("314159", "r4")
    dialogue.reply(reply("login", "accepted"))
    effects = dialogue.state(State(**REVIEW, login_key=KEY, operator="binh"))
    assert "goes on here" in words(effects)
    assert effects[-1] == ONCE_MORE


def test_where_the_log_in_is_of_yesterday_a_shift_is_opened_after_another() -> None:
    dialogue = AtShift(False, "r")
    told, send = dialogue.state(state(login_key=KEY, operator="an"))
    assert told == Say("an is logged in ('vantay logout' ends that)")
    assert sent([send]) == OpenShift(request_id="r")
    assert dialogue.reply(reply("open-shift", "refused", wants="login"))[-1] == NAME
    dialogue.line("binh", "r2")
    dialogue.line("314159", "r3")
    dialogue.reply(reply("login", "accepted"))
    opened = sent(dialogue.state(state(login_key=KEY, operator="binh")))
    assert opened == OpenShift(request_id="r.then"), "the first one is answered"


def test_whoever_logs_in_again_shows_a_finger_before_a_shift_is_opened() -> None:
    dialogue = AtShift(False, "r")
    dialogue.state(state(login_key=KEY, operator="an"))
    assert dialogue.reply(reply("open-shift", "refused", wants="login"))[-1] == NAME
    dialogue.line("an", "r2")
    dialogue.line("314159", "r3")
    dialogue.reply(reply("login", "accepted", request_id="l1"))
    login = {"request_id": "l1", "command": "login", "reason": "because", "at": AT}
    awaited = {"purpose": "log-in", "person": "an", "taken": 0, "of": 1, "request_id": "l1"}
    running = {
        "attendant": awaited,
        "prompt": "an, place a finger",
        "commands": [{**login, "state": "running"}],
    }
    assert words(dialogue.state(state(login_key=KEY, operator="an", **running))) == "an, place a finger"
    ended = {"commands": [{**login, "state": "succeeded"}]}
    assert sent(dialogue.state(state(login_key=KEY, operator="an", **ended))) == OpenShift(
        request_id="r.then"
    )


def test_the_terminal_says_what_is_typed_there_and_not_what_is_sent() -> None:
    source = Path(view.__file__).read_text()
    sentences = [
        text for text in re.findall(r'"([^"]*)"', source) if "send 'review'" in text or "'over" in text
    ]
    assert len(sentences) >= 5
    for sentence in sentences:
        assert "send " not in spoken(sentence)
        assert "'" not in spoken(sentence).replace("person's", "")


def test_the_missing_fingers_are_read_as_they_are_typed() -> None:
    dialogue = Dialogue()
    dialogue.state(state())
    dialogue.line(TEN, "r")
    command = sent(dialogue.line(" 4 = amputated , 9=bandaged hand", "r2"))
    assert command == Enrol(
        request_id="r2", identity_number=TEN, missing={4: "amputated", 9: "bandaged hand"}
    )


@pytest.mark.parametrize(
    "typed",
    [
        *("4", "4=", "x=y", "=cut", "left thumb=cut", "11=cut", "0=cut", "4=cut, long ago", "4=a, 4=b"),
        *("4=permanent", "4= cannot-flatten ", "2=stiff, 4=other"),
    ],
)
def test_missing_fingers_that_cannot_be_meant_are_asked_again(typed: str) -> None:
    dialogue = Dialogue()
    dialogue.state(state())
    dialogue.line(TEN, "r")
    effects = dialogue.line(typed, "r")
    assert effects[-1] == MISSING
    said = words(effects)
    a_missing_one = "a missing finger is POSITION=CLASS DESCRIPTION, as 4=permanent amputated"
    assert said.startswith(
        (a_missing_one, "finger 4 is named twice", "describe the finger as well, as in 4=")
    )
    assert "\n" not in said


def test_the_class_of_a_missing_finger_is_typed_before_what_is_the_matter() -> None:
    dialogue = Dialogue()
    dialogue.state(state())
    dialogue.line(TEN, "r")
    typed = "4=permanent amputated in 1998, 9 = temporary  bandaged, 2=permanently stiff"
    command = sent(dialogue.line(typed, "r2"))
    assert command.missing == {4: "amputated in 1998", 9: "bandaged", 2: "permanently stiff"}
    assert command.missing_why == {4: MissingWhy.PERMANENT, 9: MissingWhy.TEMPORARY}
    dialogue.reply(reply("enrol", "accepted"))
    dialogue.state(State(**WORK))
    command = sent(dialogue.line("missing 5 cannot-flatten burnt as a child", "r3"))
    assert (command.why, command.reason) == (MissingWhy.CANNOT_FLATTEN, "burnt as a child")
    assert sent(dialogue.line("missing 5 burnt", "r4")).why is None
    assert words(dialogue.line("missing 5 other", "r5")).startswith("describe the finger as well")


def test_an_alarm_that_the_plan_leaves_to_the_operator_is_overridden_alone() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    alarmed = {**WORK, "login_key": "ab", "alarm": "who is this"}
    dialogue.state(State(**{**alarmed, "overrides_alone": True}))
    assert sent(dialogue.line("override x", "r")).person is None
    dialogue.state(State(**alarmed))
    assert dialogue.line("override x", "r") == [SUPERVISOR]
    for alone, plan in ((True, "of-another-release"), (False, "four-four-two")):
        dialogue = asked()
        dialogue.reply(reply("enrol", "accepted"))
        dialogue.state(State(**{**WORK, "login_key": "ab", "plan": plan, "splits_alone": alone}))
        told = dialogue.line("single 13 webbed", "r")
        assert told == [SUPERVISOR] if not alone else sent(told).person is None


def test_without_a_portrait_a_supervisor_signs_or_the_review_is_made_anew() -> None:
    for brings in (False, True):
        dialogue = reviewing()
        dialogue.line(TEN, "r1")
        assert sent(dialogue.line("- the camera is broken", "r1")).no_portrait == "the camera is broken"
        dialogue.reply(reply("review", "accepted"))
        told = dialogue.state(State(**{**REVIEW, "login_key": "ab", "alarm": "no portrait"}))
        assert words(told).startswith("ALARM: no portrait")
        assert not dialogue.busy, "what is typed is heard"
        if not brings:
            assert dialogue.line("override seen", "r2") == [SUPERVISOR]
            continue
        assert dialogue.line("review", "r2") == [OF_KNOWN]
        assert OF_KNOWN not in dialogue.line("", "r3"), "thought better of it"
        assert dialogue.line("review", "r4") == [OF_KNOWN]
        assert dialogue.line(TEN, "r5") == [PORTRAIT]


def test_where_a_shift_is_asked_for_it_is_opened_first() -> None:
    dialogue = Dialogue()
    assert dialogue.state(state(shift_wanted=True)) == [OPEN_SHIFT]
    assert isinstance(sent(dialogue.line("y", "r")), OpenShift)
    assert dialogue.busy
    assert dialogue.reply(reply("open-shift", "accepted")) == [NUMBER]
    dialogue = Dialogue()
    dialogue.state(state(shift_wanted=True))
    assert Done(1) in dialogue.line("", "r")


def test_a_shift_is_closed_with_a_reason_where_somebody_is_being_enrolled() -> None:
    dialogue = AtShift(True, "r0")
    assert isinstance(sent(dialogue.state(state())), CloseShift)
    assert dialogue.busy
    assert WHY_OPEN in dialogue.reply(reply("close-shift", "refused", wants="left_open"))
    assert dialogue.asking
    assert dialogue.line("x" * 201, "r1")[-1] == WHY_OPEN
    assert sent(dialogue.line("the power goes", "r1")) == CloseShift(
        request_id="r1", left_open="the power goes"
    )
    assert dialogue.reply(reply("close-shift", "accepted")) == [Say("because"), Done(0)]
    dialogue = AtShift(True, "r0")
    dialogue.state(state())
    dialogue.reply(reply("close-shift", "refused", wants="left_open"))
    assert dialogue.line("", "r1")[-1] == Done(1)
    dialogue = AtShift(False, "r0")
    assert isinstance(sent(dialogue.state(state())), OpenShift)
    assert dialogue.reply(reply("open-shift", "refused")) == [Say("refused: because"), Done(1)]


def test_a_slap_is_taken_singly_as_it_is_typed_and_signed_where_people_log_in() -> None:
    for key in (None, "ab"):
        dialogue = asked()
        dialogue.reply(reply("enrol", "accepted"))
        dialogue.state(State(**{**WORK, "login_key": key, "slap": 13}))
        assert "type: single SLAP REASON" in words(dialogue.line("single 13", "r")), "a reason is needed"
        if key is None:
            command = sent(dialogue.line("single 13 webbed fingers", "r"))
            assert (command.slap, command.reason) == (13, "webbed fingers")
            assert "type: single SLAP REASON" in words(dialogue.line("single 12 x", "r"))
            continue
        dialogue.state(State(**{**WORK, "login_key": key, "plan": "two-index"}))
        plain = words(dialogue.line("single 13 webbed fingers", "r"))
        assert (
            plain == "the plan two-index does not ask for these fingers together: there is nothing to split"
        )
        dialogue.state(State(**{**WORK, "login_key": key, "plan": "four-four-two"}))
        assert dialogue.line("single 13 webbed fingers", "r") == [SUPERVISOR]
        assert dialogue.line("binh", "r") == [PIN]
        values = {"slap": 13, "reason": "webbed fingers", "person": "binh"}
        assert dialogue.line("1234", "r") == [SendSealed("single-fingers", values, "1234")]


def test_a_number_used_before_is_sent_anew_with_a_reason() -> None:
    dialogue = asked("4=amputated")
    effects = dialogue.reply(reply("enrol", "refused", wants="again"))
    assert effects[-1] == AGAIN
    command = sent(dialogue.line("the card was misprinted", "r2"))
    assert (command.request_id, command.again, command.missing) == (
        "r2",
        "the card was misprinted",
        {4: "amputated"},
    )
    dialogue = asked()
    dialogue.reply(reply("enrol", "refused", wants="again"))
    assert dialogue.line("", "r3")[-1] == Done(1)


def test_where_there_is_a_worklist_name_birth_and_sex_are_asked_for() -> None:
    dialogue = Dialogue()
    assert dialogue.state(state(asks=["name", "birth", "sex"])) == [NUMBER]
    assert dialogue.line(TEN, "r") == [SUBJECT_NAME]
    assert dialogue.line("Lê 2", "r")[-1] == SUBJECT_NAME
    assert dialogue.line("Nguyễn  Hòa An", "r") == [BIRTH]
    assert "must be day/month/year" in words(dialogue.line("5/1990", "r"))
    assert dialogue.line("17/5/1990", "r") == [SEX]
    assert "must be male or female" in words(dialogue.line("x", "r"))
    assert dialogue.line("nam", "r")[-1] == MISSING
    command = sent(dialogue.line("", "r2"))
    assert (command.name, command.birth, command.sex) == ("Nguyễn  Hòa An", "1990-05-17", "male")


def test_what_is_not_known_of_the_person_is_left_out() -> None:
    dialogue = Dialogue()
    dialogue.state(state(asks=["name", "birth", "sex"]))
    for line in (TEN, "", "", ""):
        dialogue.line(line, "r")
    command = sent(dialogue.line("", "r2"))
    assert (command.name, command.birth, command.sex) == (None, None, None)


@pytest.mark.parametrize("wants", ["identity_number", "name", "birth", "sex"])
def test_what_a_rule_refuses_is_asked_for_anew(wants: str) -> None:
    dialogue = asked()
    assert dialogue.reply(reply("enrol", "refused", wants=wants)) == [Say("refused: because"), NUMBER]
    assert dialogue.line(TEN, "r") == [SUBJECT_NAME]
    for line in ("Lê An", "1990", "male"):
        dialogue.line(line, "r")
    assert sent(dialogue.line("4=cut", "r3")) == Enrol(
        request_id="r3", identity_number=TEN, name="Lê An", birth="1990", sex="male", missing={4: "cut"}
    )


def test_what_was_stated_is_sent_anew_with_a_reason() -> None:
    dialogue = Dialogue()
    dialogue.state(state(asks=["name"]))
    for line in (TEN, "Lê An", "1990", "male", ""):
        dialogue.line(line, "r")
    dialogue.reply(reply("enrol", "refused", wants="again"))
    command = sent(dialogue.line("the card was misprinted", "r2"))
    assert (command.name, command.again) == ("Lê An", "the card was misprinted")


def test_warnings_are_told_once_and_an_alarm_of_the_worklist_goes_before_the_review() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    warned = {**WORK, "warnings": ["the name is one word"], "alarm": "the worklist says otherwise"}
    assert words(dialogue.state(State(**warned))).splitlines() == [
        "look: the name is one word",
        "ALARM: the worklist says otherwise.",
        "[0/2] place it",
    ]
    assert dialogue.state(State(**warned)) == []
    open_alarm = {**REVIEW, "alarm": "the worklist says otherwise", "prompt": "settle the alarm"}
    assert "[2/2] settle the alarm" in words(dialogue.state(State(**open_alarm)))
    assert dialogue.stage is Stage.WORK, "an override may be typed"
    assert sent(dialogue.line("override misspelt", "r")).reason == "misspelt"
    assert ONCE_MORE in dialogue.state(State(**REVIEW))


def test_where_nobody_can_be_enrolled_no_number_is_asked_for() -> None:
    dialogue = Dialogue()
    effects = dialogue.state(state(trouble="the scanner is for tests"))
    assert effects == [Say("nobody can be enrolled here: the scanner is for tests"), Done(1)]
    going_on = Dialogue().state(State(**{**WORK, "trouble": "two scanners"}))
    assert going_on[0] == Say("trouble: two scanners")
    assert "goes on here" in words(going_on)
    assert sent(AtShift(False, "r0").state(state(trouble="two scanners"))) == OpenShift(request_id="r0")


def test_where_the_booth_waits_for_another_finger_that_is_said_and_can_be_ended() -> None:
    waits = state(attendant=HOLDERS)
    dialogue = Dialogue()
    said = dialogue.state(waits)
    assert "the booth waits for a finger of the card's holder (hand-over)" in words(said)
    assert said[-1] == END_WAIT
    assert dialogue.state(waits) == []
    ending = sent(dialogue.line("y", "r1"))
    assert ending == Abandon(request_id="r1", reason="somebody is enrolled instead", awaited="h1")
    assert dialogue.busy
    assert dialogue.reply(reply("abandon", "accepted")) == [NUMBER]
    dialogue = Dialogue()
    dialogue.state(waits)
    assert dialogue.line("", "r1") == [Say("nobody was enrolled"), Done(1)]
    dialogue = Dialogue()
    dialogue.state(waits)
    assert dialogue.state(state())[-1] == NUMBER, "it ended by itself"
    assert AtShift(False, "r0").state(waits)[0] != said[0], "a shift has no need of the scanner"


def test_a_wait_that_began_after_the_number_was_typed_is_ended_and_nothing_is_typed_anew() -> None:
    dialogue = asked("4=amputated")
    dialogue.state(state(attendant=HOLDERS))
    assert dialogue.reply(reply("enrol", "refused", wants="abandon"))[-1] == END_WAIT
    assert sent(dialogue.line("y", "r1")).awaited == "h1"
    command = sent(dialogue.reply(reply("abandon", "accepted")))
    assert (command.identity_number, command.missing) == (TEN, {4: "amputated"})
    assert dialogue.reply(reply("enrol", "accepted"))[0] == Say(HELP)


def test_whoever_leaves_while_a_finger_logs_in_ends_that_and_an_enrolment_stays() -> None:
    dialogue = Dialogue()
    dialogue.state(state(login_key="ab"))
    dialogue.line("an", "r1")
    dialogue.line("271828", "r1")
    dialogue.reply(reply("login", "accepted"))
    (leave,) = dialogue.leave("r2", None)
    assert isinstance(leave, Leave)
    assert leave.send.command == Abandon(request_id="r2", reason=LEFT, awaited="r")
    assert dialogue.busy
    assert dialogue.reply(reply("abandon", "accepted")) == [Say("nobody is logged in"), Done(1)]
    assert Dialogue().leave("r1", None) == [Done(1)]
    assert reviewing().leave("r1", None) == [Say("what has begun stays open at the booth"), Done(1)]


def test_whoever_leaves_before_the_booth_has_answered_is_told_what_may_still_be_done() -> None:
    dialogue = asked()
    assert dialogue.leave("r2", "r") == [UNANSWERED, Done(1)]
    assert reviewing().leave("r2", "r") == [
        Say("what has begun stays open at the booth"),
        UNANSWERED,
        Done(1),
    ]


def test_trouble_is_told_when_it_comes_and_when_it_is_over() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    dialogue.state(State(**WORK))
    stuck = State(**{**WORK, "trouble": "the file is locked"})
    assert dialogue.state(stuck) == [Say("trouble: the file is locked")]
    assert dialogue.state(stuck) == []
    assert dialogue.state(State(**WORK)) == [Say("the trouble is over")]
    other = Dialogue()
    assert other.state(State(**{**WORK, "trouble": "two scanners"}))[0] == Say("trouble: two scanners")
    assert "trouble: " not in words(other.state(State(**{**WORK, "trouble": "two scanners"})))


def test_a_pin_for_a_booth_that_was_started_again_says_what_to_do() -> None:
    dialogue = Dialogue()
    dialogue.state(state(login_key="ab"))
    dialogue.line("an", "r1")
    dialogue.line("271828", "r1")
    stale = reply("login", "refused", wants="pin").model_copy(
        update={"reason": "the PIN does not open: seal it anew, to the key that 'state' shows now"}
    )
    said = words(dialogue.reply(stale))
    assert "the booth was started again, nothing was done: type it and the PIN anew" in said
    assert "seal" not in said
    assert dialogue.stage is Stage.LOGIN_NAME


def test_nobody_signs_what_cannot_be_done() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    dialogue.state(State(**{**WORK, "login_key": "ab"}))
    assert words(dialogue.line("override x", "r")) == "there is no alarm to override"
    dialogue.state(State(**{**WORK, "login_key": "ab", "alarm": "who is this"}))
    assert dialogue.line("override x", "r") == [SUPERVISOR]
    assert words(dialogue.line("", "r")) == "nothing was signed", "thought better of it"
    assert dialogue.stage is Stage.WORK


def test_an_override_names_the_alarm_that_was_read() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    dialogue.state(State(**{**WORK, "login_key": "ab", "alarm": "another name"}))
    dialogue.line("override misspelt", "r")
    dialogue.line("binh", "r")
    dialogue.state(State(**{**WORK, "login_key": "ab", "alarm": "enrolled already"}))
    signed = SendSealed(
        "override", {"reason": "misspelt", "alarm": "another name", "person": "binh"}, "271828"
    )
    assert dialogue.line("271828", "r") == [signed]


def test_another_refusal_ends_it() -> None:
    effects = asked().reply(reply("enrol", "refused"))
    assert effects == [Say("refused: because"), Done(1)]


def test_what_is_taken_is_told_once_and_so_is_an_alarm() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    first = dialogue.state(State(**{**WORK, "accepted": [1]}))
    assert "taken: right thumb" in words(first)
    assert "[1/2] place it" in words(first)
    assert dialogue.state(State(**{**WORK, "accepted": [1]})) == []
    retry = dialogue.state(State(**{**WORK, "accepted": [1], "attempt": 2, "attempts": 3}))
    assert words(retry) == "[1/2] place it (attempt 2 of 3)"
    beyond = {**WORK, "accepted": [1], "attempt": 4, "attempts": 3}
    assert words(dialogue.state(State(**beyond))) == "[1/2] place it", "there is no fourth of three"
    alarmed = {**WORK, "accepted": [1], "attempt": 2, "attempts": 3, "alarm": "another person"}
    assert words(dialogue.state(State(**alarmed))).startswith("ALARM: another person")
    assert dialogue.state(State(**alarmed)) == []


def test_a_review_goes_out_with_what_was_typed_and_a_refused_one_is_asked_again() -> None:
    dialogue = reviewing()
    assert dialogue.line("001090000002", "r") == [PORTRAIT]
    assert dialogue.line("", "r") == [PORTRAIT]
    command = sent(dialogue.line("- no camera", "r5"))
    assert command == Review(request_id="r5", identity_number="001090000002", no_portrait="no camera")
    assert dialogue.reply(reply("review", "refused"))[-1] == ONCE_MORE
    dialogue.line(TEN, "r")
    assert dialogue.portrait(None, "it is no file", "r") == [Say("it is no file"), PORTRAIT]
    assert sent(dialogue.portrait(PICTURE, "", "r6")).portrait == PICTURE
    ended = Ended(enrolment="e1", outcome="enrolled", text="enrolled with 2 fingers")
    assert dialogue.state(state(ended=ended)) == [Say("enrolled with 2 fingers"), Done(0)]


def named(*lines: str) -> Dialogue:
    """At the review of a person whose name was stated, with a number typed and then these lines."""
    dialogue = Dialogue()
    dialogue.state(state(asks=["name", "birth", "sex"]))
    for line in (TEN, "Nguyễn  Hòa An", "1990", "nam", ""):
        dialogue.line(line, "r")
    dialogue.reply(reply("enrol", "accepted"))
    assert ONCE_MORE in dialogue.state(State(**REVIEW))
    assert dialogue.line(TEN, "r") == [Say("the name is Nguyễn  Hòa An"), NAME_RIGHT]
    return dialogue


@pytest.mark.parametrize(
    ("typed", "said"), [("y", "Nguyễn  Hòa An"), ("Nguyễn Hoà An", "Nguyễn Hoà An"), ("Lê An", "Lê An")]
)
def test_a_stated_name_is_shown_at_the_review_and_confirmed(typed: str, said: str) -> None:
    dialogue = named()
    assert dialogue.line("", "r")[-1] == NAME_RIGHT, "nothing is no answer"
    assert words(dialogue.line("Lê 7", "r")).startswith("the name has a digit in it")
    assert dialogue.line(typed, "r") == [PORTRAIT]
    assert sent(dialogue.portrait(PICTURE, "", "r6")).name == said
    assert dialogue.reply(reply("review", "refused", wants="name"))[-1] == ONCE_MORE, "from the number on"


def test_whoever_goes_on_with_anothers_enrolment_types_the_name_where_there_is_one() -> None:
    dialogue = Dialogue()
    assert ONCE_MORE in dialogue.state(State(**REVIEW, name_stated=True))
    assert dialogue.line(TEN, "r") == [NAME_AGAIN]
    for nothing in ("", " ", "y", "yes"):
        assert dialogue.line(nothing, "r") == [NAME_AGAIN], "no name is shown that this could be a yes to"
    assert dialogue.line("Lê An", "r") == [PORTRAIT]
    assert sent(dialogue.portrait(PICTURE, "", "r6")).name == "Lê An"
    unnamed = Dialogue()
    assert ONCE_MORE in unnamed.state(State(**REVIEW))
    assert unnamed.line(TEN, "r") == [PORTRAIT], "none was stated, none is asked for"
    assert sent(unnamed.portrait(PICTURE, "", "r6")).name is None


def test_a_portrait_of_somebody_else_is_overridden_or_another_one_is_given() -> None:
    alarmed = {**REVIEW, "alarm": "this portrait was given", "prompt": "send 'review'"}
    for line, answer in (("review", OF_KNOWN), ("override twins", None)):
        dialogue = reviewing()
        dialogue.line(TEN, "r")
        dialogue.portrait(PICTURE, "", "r6")
        assert "type: review" in words(dialogue.reply(reply("review", "refused", wants="portrait")))
        assert "ALARM: this portrait was given." in words(dialogue.state(State(**alarmed)))
        assert dialogue.stage is Stage.WORK
        effects = dialogue.line(line, "r7")
        if answer:
            assert effects == [answer]
        else:
            assert sent(effects).reason == "twins"
            assert ONCE_MORE in dialogue.state(State(**REVIEW)), "the review begins anew"


def test_a_portrait_of_an_odd_moment_is_looked_at_before_it_is_sealed_or_another_is_given() -> None:
    dialogue = reviewing()
    dialogue.line(TEN, "r")
    command = sent(dialogue.portrait(PICTURE, "", "r6"))
    assert (command.portrait, command.looked) == (PICTURE, None)
    assert "looked" not in command.model_dump_json(exclude_none=True), "an earlier booth takes it"
    told = dialogue.reply(reply("review", "refused", wants="looked"))
    assert told == [Say("refused: because"), LOOK]
    assert dialogue.asking
    assert dialogue.line("no", "r") == [PORTRAIT]
    sent(dialogue.portrait(PICTURE, "", "r7"))
    assert dialogue.reply(reply("review", "refused", wants="looked"))[-1] == LOOK
    command = sent(dialogue.line("y", "r8"))
    assert (command.portrait, command.looked, command.identity_number) == (PICTURE, True, TEN)
    assert dialogue.reply(reply("review", "accepted")) == [Say("because")]


def test_an_answer_to_a_review_is_heard_though_the_booth_shows_its_alarm_meanwhile() -> None:
    for outcome, wants, then in (
        ("refused", "looked", [Say("refused: because"), LOOK]),
        ("accepted", None, [Say("because")]),
        ("refused", None, [Say("refused: because")]),
    ):
        dialogue = asked()
        dialogue.reply(reply("enrol", "accepted"))
        alarmed = State(**{**REVIEW, "alarm": "a portrait of somebody else"})
        dialogue.state(alarmed)
        assert dialogue.line("review", "r") == [OF_KNOWN]
        dialogue.line(TEN, "r1")
        sent(dialogue.portrait(PICTURE, "", "r2"))
        dialogue.state(alarmed)
        assert dialogue.reply(reply("review", outcome, wants=wants)) == then
        assert dialogue.stage is (Stage.REVIEW_LOOK if wants else Stage.WORK)


def test_what_is_said_of_an_accepted_review_is_shown() -> None:
    dialogue = reviewing()
    dialogue.line(TEN, "r")
    dialogue.portrait(PICTURE, "", "r6")
    assert dialogue.reply(reply("review", "accepted")) == [Say("because")]


def test_who_is_found_to_be_enrolled_already_is_reviewed_as_that_or_overridden() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    known = {**REVIEW, "alarm": "enrolled already", "known_as": "s0", "prompt": "send 'review'"}
    assert "ALARM: enrolled already.\n[2/2] type: review" in words(dialogue.state(State(**known)))
    assert dialogue.stage is Stage.WORK
    assert sent(dialogue.line("override her sister", "r1")).reason == "her sister"
    assert dialogue.line("review", "r2") == [OF_KNOWN]
    assert "(nothing to go back)" in OF_KNOWN.text
    dialogue.state(State(**known))
    assert words(dialogue.line("", "r3")) == "[2/2] type: review", "thought better of it"
    assert dialogue.line("review", "r4") == [OF_KNOWN]
    assert sent(dialogue.line(TEN, "r5")) == Review(request_id="r5", identity_number=TEN)
    assert dialogue.reply(reply("review", "refused"))[-1] == OF_KNOWN
    assert sent(dialogue.line("abandon went away", "r6")).reason == "went away"


def test_a_stations_answer_during_the_review_is_an_alarm_that_can_be_overridden() -> None:
    for line in ("", TEN):
        dialogue = reviewing()
        dialogue.line(line, "r")
        known = {**REVIEW, "alarm": "enrolled already at booth b-2", "known_as": "s0"}
        assert words(dialogue.state(State(**known))).startswith("ALARM: enrolled already at booth b-2.")
        assert sent(dialogue.line("override a sister", "r1")).reason == "a sister"
        assert ONCE_MORE in dialogue.state(State(**REVIEW)), "the review begins anew"


def test_a_finger_that_is_to_be_confirmed_after_all_ends_the_review_until_it_is_shown() -> None:
    """The station's answer came late."""
    for line in ("", TEN):
        dialogue = reviewing()
        dialogue.line(line, "r")
        confirming = {**WORK, "accepted": [1, 2], "confirming": True, "prompt": "once more, to confirm"}
        assert words(dialogue.state(State(**confirming))) == "[2/2] once more, to confirm"
        alarm = {**confirming, "alarm": "another person may be standing here"}
        assert "ALARM" in words(dialogue.state(State(**alarm)))
        assert sent(dialogue.line("override a burn", "r1")).reason == "a burn"
        assert ONCE_MORE in dialogue.state(State(**REVIEW)), "the review begins anew"


def test_whoever_is_enrolled_already_ends_with_another_code() -> None:
    dialogue = asked()
    dialogue.reply(reply("enrol", "accepted"))
    dialogue.state(State(**WORK))
    ended = Ended(enrolment="e1", outcome="already-enrolled", text="nobody was enrolled")
    assert dialogue.state(state(ended=ended))[-1] == Done(1)
    assert "somebody else" in words(dialogue.state(State(**{**WORK, "enrolment": "e2"})))


states = st.sampled_from(
    [
        IDLE,
        WORK,
        REVIEW,
        {**WORK, "trouble": "a fork"},
        {**WORK, "alarm": "who is this"},
        {**WORK, "accepted": [1], "confirming": True},
        {**WORK, "enrolment": "e2"},
        {**IDLE, "asks": ["name", "birth", "sex"]},
        {**IDLE, "shift_wanted": True},
        {**IDLE, "attendant": HOLDERS},
        {**REVIEW, "alarm": "enrolled already", "known_as": "s0"},
        {**REVIEW, "alarm": "no portrait", "login_key": "ab"},
        {**REVIEW, "alarm": "the worklist says otherwise", "warnings": ["look twice"]},
        {**IDLE, "ended": {"enrolment": "e1", "outcome": "abandoned", "text": "given up"}},
    ]
)
replies = st.builds(
    reply,
    st.sampled_from(["enrol", "review", "override", "abandon", "mark-missing", "open-shift"]),
    st.sampled_from(["accepted", "refused"]),
    wants=st.sampled_from([None, "again", "portrait", "looked", "birth", "abandon"]),
)
lines = st.text(max_size=20) | st.sampled_from(
    [
        TEN,
        "",
        "Lê An",
        "17/5/1990",
        "nam",
        "4=cut",
        "- none",
        "p.jpg",
        "abandon x",
        "abandon",
        "override x",
        "missing 4 cut",
        "missing",
        "single 13 x",
        "single",
        "review",
        "missing x",
        "y",
        "?",
    ]
)


@steady(300)
@given(
    st.lists(
        st.tuples(st.just("state"), states)
        | st.tuples(st.just("reply"), replies)
        | st.tuples(st.just("line"), lines),
        max_size=30,
    )
)
def test_there_is_always_a_next_step(events: list[tuple[str, Any]]) -> None:
    dialogue = Dialogue()
    for kind, event in events:
        match kind:
            case "state":
                effects = dialogue.state(State.model_validate(event))
            case "reply":
                effects = dialogue.reply(event)
            case _:
                asking = dialogue.asking
                effects = dialogue.line(event, "r1")
                assert effects or not asking, "a question is never left without a word"
        if any(isinstance(effect, Done) for effect in effects):
            return
        assert all("\n" not in effect.text for effect in effects if isinstance(effect, Say))


def test_the_record_of_a_renewal_goes_with_the_number_and_again_where_a_reason_is_asked_for() -> None:
    earlier = Earlier(record="AAAA", format="iso-compact", position=2)
    dialogue = Dialogue(earlier)
    dialogue.state(state())
    dialogue.line(TEN, "r")
    assert sent(dialogue.line("", "r")).earlier == earlier
    dialogue.reply(reply("enrol", "refused", wants="again"))
    again = sent(dialogue.line("the card has ended", "r2"))
    assert (again.earlier, again.again) == (earlier, "the card has ended")
    dialogue.reply(reply("enrol", "accepted"))
    said = words(dialogue.state(State.model_validate({**WORK, "renewal": "same", "accepted": [1]})))
    assert "it is the person of the earlier record" in said
    later = words(dialogue.state(State.model_validate({**WORK, "renewal": "same", "accepted": [1, 2]})))
    assert "earlier record" not in later, "once"


def test_what_was_found_after_sealing_is_told_to_whoever_begins() -> None:
    found = {"enrolment": "ab" * 8, "text": "the person is enrolled already"}
    told = words(Dialogue().state(state(found_later=[found])))
    assert told == f"ALARM: the person is enrolled already. Call a supervisor: vantay settle {'ab' * 8}"


def test_what_a_booth_needs_soon_is_told_to_whoever_begins_or_opens_a_shift() -> None:
    soon = state(notices=["the disk fills up"])
    for dialogue in (Dialogue(), AtShift(False, "r0")):
        effects = dialogue.state(soon)
        assert effects[0] == Say("look: the disk fills up")
        assert not any(isinstance(one, Done) for one in effects), "and it goes on"


def test_what_is_noticed_of_whoever_logs_in_is_told_once_they_are_in_and_not_again() -> None:
    dialogue = Dialogue()
    first = dialogue.state(state(login_key="ab", notices=["the disk fills up"]))
    assert first[0] == Say("look: the disk fills up")
    dialogue.line("an", "r")
    dialogue.line("271828", "r")
    dialogue.reply(reply("login", "accepted"))
    said = ["the disk fills up", "no finger is registered"]
    effects = dialogue.state(state(login_key="ab", operator="an", notices=said))
    assert effects == [Say("look: no finger is registered"), NUMBER]
