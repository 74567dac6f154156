"""A card is handed over, from a terminal, pure: the number, then the holder's finger.

The same shape as `edge.dialogue.Dialogue`, with its words; the terminal of `vantay enrol` carries it out.
"""

from pydantic import ValidationError

from edge.dialogue import NUMBER, Done, Effect, Say, Send
from edge.explain import explain
from edge.messages import HandOver, Portrait, Reply, State


class HandingOver:
    """Feed it states, replies and typed lines; carry out what it returns."""

    def __init__(self, card: str | None, card_format: str, position: int | None) -> None:
        self._card = {"card": card, "card_format": card_format, "position": position}
        self._begun = self._sent = self._accepted = False
        self._prompt = ""

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait."""
        return not self._begun or self._sent

    @property
    def asking(self) -> bool:
        """Whether nothing goes on before something is typed."""
        return not self.busy

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        if not self._begun:
            self._begun = True
            return [NUMBER]
        shown, ended = state.attendant, state.attendant_ended
        if not self._accepted:
            return []
        if shown and shown.purpose == "hand-over":
            new, self._prompt = state.prompt != self._prompt, state.prompt
            return [Say(state.prompt)] if new else []
        if ended and ended.purpose == "hand-over":
            return [Say(ended.text), Done(0 if ended.done else 1)]
        return []

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if reply.outcome == "refused":
            return [Say(f"refused: {reply.reason}"), Done(1)]
        self._accepted = True
        return []  # what the booth shows of it comes after

    def line(self, text: str, request_id: str) -> list[Effect]:
        """The number was typed."""
        values = {"request_id": request_id, "identity_number": text.strip(), **self._card}
        try:
            command = HandOver.model_validate(values)
        except ValidationError as error:
            return [Say(explain(error, HandOver)), NUMBER]
        self._sent = True
        return [Send("hand-over", command)]

    def unsealed(self, problem: str) -> list[Effect]:
        """Nothing is sealed."""
        raise AssertionError(problem)

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """No portrait is asked for."""
        raise AssertionError(portrait, problem, request_id)
