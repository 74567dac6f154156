"""Whoever hands a card over, verifies or settles logs in first; and whoever leaves logs out."""

from typing import Any

import pytest

from edge.booth.attendant import HOLDER
from edge.dialogue import NAME, NUMBER, PIN, Done, Leave, Say, Send, SendSealed
from edge.handing_over import HandingOver, Verifying
from edge.logging_in import AfterLogIn, LoggingOut
from edge.messages import AttendantShows, FoundLater, Logout, Reply
from edge.settling import REASON, Settling
from tests.edge.parts import AT
from tests.edge.parts import NUMBER as TEN
from tests.edge.test_handing_over import KEY, state

OUT, IN = state(login_key=KEY), state(login_key=KEY, operator="an")
TOLD = Say("an is logged in ('vantay logout' ends that)")


def reply(command: str, outcome: str = "accepted", **more: Any) -> Reply:
    said = {"request_id": "r", "command": command, "outcome": outcome, "reason": "because", "at": AT}
    return Reply.model_validate({**said, **more})


def handing_over() -> AfterLogIn:
    return AfterLogIn(lambda: HandingOver(None, "iso-compact", None))


def logged_in(dialogue: AfterLogIn) -> list[Any]:
    """Name and PIN are typed; return what comes once the booth shows who is in."""
    assert dialogue.line("an", "l1") == [PIN]
    assert dialogue.line("314159", "l2") == [SendSealed("login", {"person": "an"}, "314159")]
    assert dialogue.busy
    assert dialogue.reply(reply("login")) == []
    return dialogue.state(IN)


@pytest.mark.parametrize("kind", [HandingOver, Verifying])
def test_where_nobody_is_logged_in_name_and_pin_come_before_the_number(kind: type[HandingOver]) -> None:
    dialogue = AfterLogIn(lambda: kind(None, "iso-compact", None))
    assert dialogue.state(OUT) == [NAME]
    assert logged_in(dialogue) == [NUMBER]
    (sent,) = dialogue.line(TEN, "r1")
    assert isinstance(sent, Send)
    assert sent.name == kind.purpose


def test_where_somebody_is_logged_in_or_nobody_logs_in_it_begins_at_once() -> None:
    assert handing_over().state(IN) == [TOLD, NUMBER]
    assert handing_over().state(state()) == [NUMBER]


def test_a_wrong_pin_or_one_that_is_none_is_asked_for_again() -> None:
    dialogue = handing_over()
    dialogue.state(OUT)
    dialogue.line("an", "l1")
    dialogue.line("1", "l2")
    assert dialogue.unsealed("a PIN has 6 to 12 digits")[-1] == NAME
    dialogue.line("an", "l3")
    dialogue.line("314158", "l4")
    assert dialogue.reply(reply("login", "refused", wants="pin"))[-1] == NAME
    assert dialogue.asking
    assert logged_in(dialogue) == [NUMBER]


def test_where_the_log_in_ended_meanwhile_it_begins_anew() -> None:
    dialogue = handing_over()
    dialogue.state(IN)
    dialogue.line(TEN, "r1")
    refused = dialogue.reply(reply("hand-over", "refused", wants="login"))
    assert refused == [Say("refused: because"), NAME]
    assert logged_in(dialogue) == [NUMBER]


def test_while_a_finger_is_awaited_it_ends_as_before() -> None:
    dialogue = handing_over()
    dialogue.state(IN)
    dialogue.line(TEN, "r1")
    dialogue.reply(reply("hand-over"))
    shows = AttendantShows(purpose="hand-over", person=HOLDER, taken=0, of=1, request_id="r")
    dialogue.state(state(login_key=KEY, attendant=shows))
    assert isinstance(dialogue.reply(reply("hand-over", "refused", wants="login"))[-1], Leave)


def test_the_finger_of_a_log_in_that_nobody_goes_on_with_is_waited_for_no_longer() -> None:
    dialogue = handing_over()
    dialogue.state(OUT)
    dialogue.line("an", "l1")
    dialogue.line("314159", "l2")
    (left,) = dialogue.leave("r9", "l2")
    assert isinstance(left, Leave)


def test_whoever_settles_logs_in_first() -> None:
    found = FoundLater(enrolment="e1", text="enrolled before", at=AT)
    dialogue = AfterLogIn(lambda: Settling("e1"))
    assert dialogue.state(OUT.model_copy(update={"found_later": [found]})) == [NAME]
    dialogue.line("an", "l1")
    dialogue.line("314159", "l2")
    dialogue.reply(reply("login"))
    assert dialogue.state(IN.model_copy(update={"found_later": [found]})) == [Say("enrolled before"), REASON]


def test_whoever_leaves_logs_out() -> None:
    dialogue = LoggingOut("r1")
    assert dialogue.state(IN) == [Send("logout", Logout(request_id="r1"))]
    assert dialogue.busy
    assert dialogue.reply(reply("logout")) == [Say("because"), Done(0)]
    assert dialogue.reply(reply("logout", "refused")) == [Say("refused: because"), Done(1)]
    assert LoggingOut("r1").state(OUT) == [Say("nobody is logged in"), Done(0)]
