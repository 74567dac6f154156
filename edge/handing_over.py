"""A card is handed over, or a person verified, from a terminal, pure: the number, then the finger."""

from pydantic import ValidationError

from edge.booth.attendant import HOLDER
from edge.dialogue import NUMBER, Effect, Say, Send
from edge.explain import explain
from edge.messages import HandOver, State, Verify
from edge.one_finger import OneFinger


class HandingOver(OneFinger):
    """To the holder of one card."""

    purpose = "hand-over"
    command: type[HandOver | Verify] = HandOver

    def __init__(self, card: str | None, card_format: str, position: int | None) -> None:
        super().__init__(HOLDER)
        self._card = {"card": card, "card_format": card_format, "position": position}

    def begin(self, state: State) -> list[Effect]:
        """Ask for the number."""
        del state
        return [NUMBER]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """The number was typed."""
        values = {"request_id": request_id, "identity_number": text.strip(), **self._card}
        try:
            command = self.command.model_validate(values)
        except ValidationError as error:
            return [Say(explain(error, self.command)), NUMBER]
        self._sent = True
        return [Send(self.purpose, command)]


class Verifying(HandingOver):
    """One person, nothing is handed over."""

    purpose = "verify"
    command = Verify
