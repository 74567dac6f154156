"""One finger of no enrolment, from a terminal, pure: something is typed, then the booth asks for the finger.

The same shape as `edge.dialogue.Dialogue`, with its words; the terminal of `vantay enrol` carries it out.
"""

from edge.dialogue import Done, Effect, Say
from edge.messages import Portrait, Reply, State


class OneFinger:
    """Feed it states, replies and typed lines; carry out what it returns."""

    purpose = ""  # of the state's `attendant`

    def __init__(self, person: str) -> None:
        self._person = person
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

    def begin(self, state: State) -> list[Effect]:
        """Ask for what is to be typed."""
        raise NotImplementedError

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Something was typed."""
        raise NotImplementedError

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        if not self._begun:
            self._begun = True
            return self.begin(state)
        shown, ended = state.attendant, state.attendant_ended
        if not self._accepted:
            return []
        if shown and (shown.purpose, shown.person) == (self.purpose, self._person):
            new, self._prompt = state.prompt != self._prompt, state.prompt
            return [Say(state.prompt)] if new else []
        if ended and (ended.purpose, ended.person) == (self.purpose, self._person):
            return [Say(ended.text), Done(0 if ended.done else 1)]
        return []

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if reply.outcome == "refused":
            return [Say(f"refused: {reply.reason}"), Done(1)]
        self._accepted = True
        return []  # what the booth shows of it comes after

    def unsealed(self, problem: str) -> list[Effect]:
        """What was typed could not be sealed, or the words are none."""
        return [Say(problem), Done(2)]

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """No portrait is asked for."""
        raise AssertionError(portrait, problem, request_id)
