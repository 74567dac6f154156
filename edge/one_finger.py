"""One finger of no enrolment, from a terminal, pure: something is typed, then the booth asks for the finger.

The same shape as `edge.dialogue.Dialogue`, with its words; the terminal of `vantay enrol` carries it out.
"""

from edge.dialogue import LEFT, UNANSWERED, Done, Effect, Leave, Say, Send, Trouble, refusal
from edge.messages import Abandon, AttendantEnded, AttendantShows, Portrait, Reply, State


class OneFinger:
    """Feed it states, replies and typed lines; carry out what it returns."""

    purpose = ""  # of the state's `attendant`; none: no finger is awaited

    def __init__(self, person: str) -> None:
        self._person = person
        self._begun = self._sent = self._accepted = self._shown = self._leaving = False
        self._prompt = ""
        self._trouble = Trouble()
        self._last: State | None = None
        self._request: str | None = None  # the id of the command that the booth accepted

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait."""
        return not self._begun or self._sent or self._leaving

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
        self._last = state
        if not self._begun:
            self._begun = True
            return self.begin(state)
        if not self._accepted:
            return []
        return [*self._trouble.told(state), *self._follow(state)]

    def _follow(self, state: State) -> list[Effect]:
        """Say what becomes of the finger."""
        shown, ended = state.attendant, state.attendant_ended
        if shown and self._is_ours(shown):
            self._shown = True
            new, self._prompt = state.prompt != self._prompt, state.prompt
            return [Say(state.prompt)] if new else []
        if ended and self._is_ours(ended):
            return [Say(ended.text), Done(0 if ended.done else 1)]
        over = self._shown or shown is not None
        return [Say("the booth does not wait for this finger any more: begin anew"), Done(1)] if over else []

    def _is_ours(self, said: AttendantShows | AttendantEnded) -> bool:
        """Whether it is what this program asked for, and not what another one did."""
        asked = said.request_id in (self._request, None)  # a booth of an earlier release does not say
        return asked and (said.purpose, said.person) == (self.purpose, self._person)

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if self._leaving:
            return self._left(reply)
        return [refusal(reply), Done(1)] if reply.outcome == "refused" else self._await_finger(reply)

    def leave(self, request_id: str, unanswered: str | None) -> list[Effect]:
        """Nobody goes on here: the booth is to wait for the finger no longer.

        `unanswered` is the id of what the booth has not answered yet.
        """
        awaited = self._request or unanswered
        if not (self.purpose and self._waits and awaited):
            return [*([UNANSWERED] if unanswered else []), Done(1)]
        self._leaving = True
        said = {"request_id": request_id, "reason": LEFT, "awaited": awaited}
        waits = "still waits" if self._accepted or self._shown else "may still wait"
        unheard = f"the booth does not answer: it {waits} for the finger, and takes the next one for it"
        return [Leave(Send("abandon", Abandon.model_validate(said)), unheard)]

    @property
    def accepted(self) -> bool:
        """Whether the booth took a command of this, and may wait for a finger."""
        return self._request is not None

    @property
    def _waits(self) -> bool:
        """Whether the booth may wait for the finger."""
        return self._sent or self._accepted

    def _await_finger(self, reply: Reply) -> list[Effect]:
        """Follow what the booth shows from now on; of an answer that is repeated, that may be over."""
        self._accepted, self._shown, self._request = True, reply.repeated, reply.request_id
        return self.state(self._last) if reply.repeated and self._last else []

    def _left(self, reply: Reply) -> list[Effect]:
        """The booth waits no longer; refused, it had ended before."""
        ended = self._last.attendant_ended if self._last and reply.outcome == "refused" else None
        if ended and self._request and self._is_ours(ended):
            return [Say(ended.text), Done(0 if ended.done else 1)]
        return [Say(self.stays), Done(1)]

    @property
    def stays(self) -> str:
        """What is to be said where the wait ended without a finger."""
        return "no finger is awaited any more"

    def unsealed(self, problem: str) -> list[Effect]:
        """What was typed could not be sealed, or the words are none."""
        return [Say(problem), Done(2)]

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """No portrait is asked for."""
        raise AssertionError(portrait, problem, request_id)
