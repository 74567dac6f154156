"""A card is handed over, or a person verified, from a terminal, pure: the number, then the finger.

A holder who has no finger to show gets the card by a reason and, where people log in, a supervisor's sign:
typed as `without REASON` while a finger is awaited, and asked for where the record has none. However it ends
here, the booth is told to wait for the finger no longer.
"""

from enum import StrEnum

from pydantic import ValidationError

from edge.booth.attendant import HOLDER
from edge.dialogue import NUMBER, PIN, SUPERVISOR, Ask, Done, Effect, Say, Send, SendSealed, refusal
from edge.explain import explain
from edge.messages import HandOver, Reply, State, Verify
from edge.one_finger import OneFinger

HELP = "where no finger can be shown, type: without REASON"
ANEW = {
    "card": "start anew with --card FILE --position N: the card's own template, and whose finger it is",
    "position": "start anew with --position N for another finger",
}  # what the booth wants, in this program's words
REASON = Ask("why no finger can be shown (nothing to stop): ")


class Asked(StrEnum):
    """What is to be typed next."""

    NUMBER = "number"
    REASON = "reason"
    NAME = "name"
    PIN = "pin"
    NOTHING = "nothing"


class HandingOver(OneFinger):
    """To the holder of one card."""

    purpose = "hand-over"
    command: type[HandOver | Verify] = HandOver

    def __init__(self, card: str | None, card_format: str, position: int | None) -> None:
        super().__init__(HOLDER)
        said = {"card": card, "card_format": card_format, "position": position}
        self._said: dict[str, str | int] = {key: value for key, value in said.items() if value is not None}
        self._asked, self._signs, self._name = Asked.NUMBER, False, ""
        self._awaits = False  # the booth does, since it said so

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait: while a finger is awaited, that there is none may be typed."""
        return not self._begun or self._leaving or (self._sent and not self._accepted)

    @property
    def asking(self) -> bool:
        """Whether nothing goes on before something is typed."""
        return not self.busy and self._asked is not Asked.NOTHING

    def begin(self, state: State) -> list[Effect]:
        """Ask for the number."""
        del state
        return [NUMBER]

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        self._signs = state.login_key is not None
        return super().state(state)

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Something was typed."""
        text = text.strip()
        match self._asked:
            case Asked.NUMBER:
                return self._send({"identity_number": text}, request_id, NUMBER)
            case Asked.REASON if text:
                return self._without(text, request_id)
            case Asked.REASON:
                return self._stop(request_id)
            case Asked.NAME:
                self._name, self._asked = text, Asked.PIN
                return [PIN]
            case Asked.PIN:
                self._await_answer()
                return [SendSealed(self.purpose, {**self._said, "person": self._name}, text)]
        word, _, reason = text.partition(" ")
        if word == "without" and self.command is HandOver:
            return self._without(reason.strip(), request_id)
        return [Say(HELP)] if self.command is HandOver and text else []

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if self._leaving:
            return self._left(reply)
        without = "without_finger" in self._said
        if reply.outcome == "accepted":
            if without:  # no finger is awaited: nothing comes after
                return [Say(reply.reason), Done(0)]
            self._awaits = True
            help_with: list[Effect] = [Say(HELP)] if self.command is HandOver else []
            return [*help_with, *self._await_finger(reply)]
        said = refusal(reply)
        if reply.wants == "without_finger":
            return [said, self._ask(Asked.REASON, REASON)]
        if without and reply.wants in ("person", "pin"):
            return [said, self._ask(Asked.NAME, SUPERVISOR)]
        anew = [Say(ANEW[reply.wants])] if reply.wants in ANEW else []
        return [said, *anew, *self._stop(f"{reply.request_id}.then")]

    def unsealed(self, problem: str) -> list[Effect]:
        """The PIN could not be sealed, or the name is none."""
        return [Say(problem), self._ask(Asked.NAME, SUPERVISOR)]

    @property
    def stays(self) -> str:
        """What is to be said where the wait ended without a finger."""
        return "the card stays here" if self.command is HandOver else "nothing was compared"

    @property
    def _waits(self) -> bool:
        """Whether the booth may wait for the finger."""
        return self._awaits or super()._waits

    def _left(self, reply: Reply) -> list[Effect]:
        """The booth waits no longer; refused, the word that there is no finger may have come before."""
        if reply.outcome == "refused" and "without_finger" in self._said:
            return [
                Say("whether the card was handed over without a finger says 'vantay journal show'"),
                Done(1),
            ]
        return super()._left(reply)

    def _stop(self, request_id: str) -> list[Effect]:
        """End it; the booth is told where it waits."""
        self._sent = False
        return self.leave(request_id, None) if self._waits else [Say(self.stays), Done(1)]

    def _without(self, reason: str, request_id: str) -> list[Effect]:
        """Take the reason; where people log in, a supervisor's name comes next."""
        if not reason:
            return [self._ask(Asked.REASON, REASON)]
        if not self._signs:
            return self._send({"without_finger": reason}, request_id, REASON)
        try:
            HandOver.model_validate({"request_id": request_id, **self._said, "without_finger": reason})
        except ValidationError as error:
            return [Say(explain(error, HandOver)), self._ask(Asked.REASON, REASON)]
        self._said["without_finger"] = reason
        return [self._ask(Asked.NAME, SUPERVISOR)]

    def _send(self, more: dict[str, str], request_id: str, again: Ask) -> list[Effect]:
        try:
            command = self.command.model_validate({"request_id": request_id, **self._said, **more})
        except ValidationError as error:
            asked = Asked.NUMBER if again is NUMBER else Asked.REASON
            return [Say(explain(error, self.command)), self._ask(asked, again)]
        self._said |= more
        self._await_answer()
        return [Send(self.purpose, command)]

    def _await_answer(self) -> None:
        self._asked, self._sent, self._accepted = Asked.NOTHING, True, False

    def _ask(self, asked: Asked, question: Ask) -> Ask:
        self._asked, self._sent = asked, False
        return question


class Verifying(HandingOver):
    """One person, nothing is handed over."""

    purpose = "verify"
    command = Verify
