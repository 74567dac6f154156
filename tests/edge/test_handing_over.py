"""Handing a card over from a terminal: with a finger, or by a reason and a signature."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth.attendant import HOLDER
from edge.dialogue import NUMBER, PIN, SUPERVISOR, Ask, Done, Effect, Leave, Say, Send, SendSealed
from edge.handing_over import HELP, REASON, HandingOver, Verifying
from edge.messages import Abandon, AttendantEnded, AttendantShows, HandOver, Reply, State, Verify
from tests.edge.parts import AT, steady
from tests.edge.parts import NUMBER as TEN

KEY = "ab" * 32
SHOWS = AttendantShows(purpose="hand-over", person=HOLDER, taken=0, of=1, request_id="r")


def state(**more: Any) -> State:
    values: dict[str, Any] = {"booth": "b-1", "at": AT, "phase": "place", "prompt": "place it", **more}
    return State(**{"scanner": "ready", "matcher": "ready", "last_seq": 1, "acknowledged_seq": 0, **values})


def reply(outcome: str = "accepted", wants: str | None = None, reason: str = "because") -> Reply:
    return Reply.model_validate(
        {
            "request_id": "r",
            "command": "hand-over",
            "outcome": outcome,
            "reason": reason,
            "wants": wants,
            "at": AT,
        }
    )


def begun(key: str | None = KEY, dialogue: HandingOver | None = None) -> HandingOver:
    dialogue = dialogue or HandingOver(None, "iso-compact", None)
    assert dialogue.state(state(login_key=key)) == [NUMBER]
    return dialogue


def signing() -> HandingOver:
    """The finger is awaited, and a supervisor's word that there is none is under way as r4."""
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    dialogue.line("without hands", "r2")
    dialogue.line("binh", "r3")
    dialogue.line("314159", "r4")
    return dialogue


def sent(effects: list[Effect]) -> Any:
    (send,) = effects
    assert isinstance(send, Send)
    return send.command


def test_a_finger_is_shown_and_the_card_goes() -> None:
    dialogue = begun()
    assert isinstance(dialogue.line("12", "r1")[0], Say)
    assert sent(dialogue.line(TEN, "r1")) == HandOver(request_id="r1", identity_number=TEN)
    assert dialogue.busy
    assert dialogue.reply(reply()) == [Say(HELP)]
    assert not dialogue.asking, "the finger is awaited, whether anybody types or not"
    assert dialogue.state(state(login_key=KEY, attendant=SHOWS)) == [Say("place it")]
    ended = AttendantEnded(purpose="hand-over", person=HOLDER, done=True, text="given", request_id="r")
    assert dialogue.state(state(login_key=KEY, attendant_ended=ended)) == [Say("given"), Done(0)]


def test_trouble_while_a_finger_is_awaited_is_told() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    stuck = state(login_key=KEY, attendant=SHOWS, trouble="the file is locked")
    assert dialogue.state(stuck) == [Say("trouble: the file is locked"), Say("place it")]
    assert dialogue.state(state(login_key=KEY, attendant=SHOWS)) == [Say("the trouble is over")]


def test_while_a_finger_is_awaited_it_may_be_said_that_there_is_none() -> None:
    dialogue = begun(dialogue=HandingOver("AAAA", "iso", 2))
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    assert dialogue.line("what now", "r") == [Say(HELP)]
    assert dialogue.line("without", "r")[-1] == REASON
    assert dialogue.line("both hands are burnt", "r2") == [SUPERVISOR]
    assert dialogue.line("binh", "r3") == [PIN]
    said = {
        "card": "AAAA",
        "card_format": "iso",
        "position": 2,
        "identity_number": TEN,
        "without_finger": "both hands are burnt",
        "person": "binh",
    }
    assert dialogue.line("314159", "r4") == [SendSealed("hand-over", said, "314159")]
    assert dialogue.busy
    given = "the card may be handed over without a finger: both hands are burnt"
    assert dialogue.reply(reply(reason=given)) == [Say(given), Done(0)]


def test_a_record_without_a_finger_asks_for_the_reason() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    assert dialogue.reply(reply("refused", "without_finger")) == [Say("refused: because"), REASON]
    assert dialogue.line("enrolled without", "r2") == [SUPERVISOR]
    dialogue.line("an", "r3")
    dialogue.line("271828", "r4")
    again = [Say("refused: because"), SUPERVISOR]
    assert dialogue.reply(reply("refused", "person")) == again, "the operator cannot sign"
    dialogue.line("binh", "r5")
    assert dialogue.unsealed("this is no PIN") == [Say("this is no PIN"), SUPERVISOR]
    assert dialogue.reply(reply("refused")) == [Say("refused: because"), Say("the card stays here"), Done(1)]


def left(effects: list[Effect]) -> Leave:
    (leave,) = effects
    assert isinstance(leave, Leave)
    assert leave.send.name == "abandon"
    assert isinstance(leave.send.command, Abandon)
    assert leave.send.command.awaited in ("r", "r1"), "the one that began it"
    return leave


def test_whoever_thinks_better_of_it_has_the_booth_wait_no_longer() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    dialogue.line("without", "r2")
    assert "it still waits for the finger" in left(dialogue.line("", "r3")).unheard
    assert dialogue.busy
    assert not dialogue.asking
    assert dialogue.reply(reply()) == [Say("the card stays here"), Done(1)]


def test_a_finger_shown_in_the_last_moment_counts() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    dialogue.state(state(login_key=KEY, attendant=SHOWS))
    left(dialogue.leave("r2", "r1"))
    ended = AttendantEnded(purpose="hand-over", person=HOLDER, done=True, text="given", request_id="r")
    assert dialogue.state(state(login_key=KEY, attendant_ended=ended)) == [Say("given"), Done(0)]
    assert dialogue.reply(reply("refused")) == [Say("given"), Done(0)]


def test_wherever_it_is_left_the_booth_is_told_where_it_may_wait() -> None:
    dialogue = begun()
    assert dialogue.leave("r0", None) == [Done(1)], "nothing was asked for"
    dialogue = begun()
    dialogue.line(TEN, "r1")
    assert "it may still wait" in left(dialogue.leave("r2", "r1")).unheard, "the answer is under way"
    dialogue = signing()
    effects = dialogue.reply(reply("refused", reason="binh is locked"))
    assert effects[0] == Say("refused: binh is locked")
    left(effects[1:])


def test_a_wait_that_is_over_ends_the_program() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    dialogue.state(state(login_key=KEY, attendant=SHOWS))
    over = [Say("the booth does not wait for this finger any more: begin anew"), Done(1)]
    assert dialogue.state(state(login_key=KEY)) == over
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.state(state(login_key=KEY))  # of a booth that was started again before it answered
    assert dialogue.reply(reply().model_copy(update={"repeated": True}))[1:] == over


def test_what_another_program_asked_for_is_not_ours() -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    dialogue.state(state(login_key=KEY, attendant=SHOWS))
    others = AttendantEnded(purpose="hand-over", person=HOLDER, done=True, text="given", request_id="x")
    assert dialogue.state(state(login_key=KEY, attendant_ended=others))[-1] == Done(1)
    dialogue = begun()
    dialogue.line(TEN, "r1")
    dialogue.reply(reply())
    replaced = state(login_key=KEY, attendant=SHOWS.model_copy(update={"request_id": "x"}))
    assert dialogue.state(replaced)[-1] == Done(1)


def test_a_signature_under_way_when_it_is_left_is_no_card_that_stays() -> None:
    dialogue = signing()
    left(dialogue.leave("r5", "r4"))
    (said, end) = dialogue.reply(reply("refused"))
    assert isinstance(said, Say)
    assert "says 'vantay journal show'" in said.text
    assert end == Done(1)


@pytest.mark.parametrize(
    ("wants", "told"), [("card", "--card FILE --position N"), ("position", "--position N")]
)
def test_what_the_booth_lacks_is_said_in_words_of_this_program(wants: str, told: str) -> None:
    dialogue = begun()
    dialogue.line(TEN, "r1")
    effects = dialogue.reply(reply("refused", wants))
    assert effects[-1] == Done(1)
    assert any(isinstance(effect, Say) and told in effect.text for effect in effects)


def test_where_nobody_logs_in_nobody_signs() -> None:
    dialogue = begun(None)
    dialogue.line(TEN, "r1")
    dialogue.reply(reply("refused", "without_finger"))
    command = sent(dialogue.line("enrolled without", "r2"))
    assert command == HandOver(request_id="r2", identity_number=TEN, without_finger="enrolled without")
    dialogue = begun(None)
    dialogue.line(TEN, "r1")
    dialogue.reply(reply("refused", "without_finger"))
    assert dialogue.line("", "r2") == [Say("the card stays here"), Done(1)]


def test_verifying_knows_no_way_without_a_finger() -> None:
    dialogue = Verifying(None, "iso-compact", None)
    begun(dialogue=dialogue)
    assert sent(dialogue.line(TEN, "r1")) == Verify(request_id="r1", identity_number=TEN)
    assert dialogue.reply(reply()) == []
    assert dialogue.line("without hands", "r2") == []


@pytest.mark.parametrize("key", [None, KEY])
@steady(150)
@given(
    events=st.lists(
        st.one_of(
            st.sampled_from([TEN, "", "without", "without hands", "binh", "x" * 300]),
            st.sampled_from(
                [reply(), *(reply("refused", w) for w in (None, "pin", "person", "without_finger"))]
            ),
        ),
        max_size=12,
    )
)
def test_whatever_is_typed_there_is_a_question_a_finger_or_an_end(key: str | None, events: list[Any]) -> None:
    dialogue = begun(key)
    waits = False
    for number, event in enumerate(events):
        if isinstance(event, Reply):
            if not dialogue.busy:
                continue
            without = "without_finger" in dialogue._said
            effects = dialogue.reply(event)
            waits |= event.outcome == "accepted" and not without
        elif dialogue.busy:
            continue
        else:
            effects = dialogue.line(event, f"r{number}")
        if any(isinstance(effect, Done) for effect in effects):
            assert not waits or effects[-1] == Done(0), "a booth that waits was told"
            return
        if isinstance(effects[-1] if effects else None, Leave):
            assert waits
            return
        assert dialogue.asking == isinstance(effects[-1] if effects else None, Ask)
        assert dialogue.busy == any(isinstance(effect, Send | SendSealed) for effect in effects)
