"""A finger of somebody who works at the booth, from a terminal, pure: a supervisor's PIN, then three samples.

The same shape as `edge.dialogue.Dialogue`, with its words; the terminal of `vantay enrol` carries it out.
"""

from edge.dialogue import PIN, Done, Effect, Say, SendSealed
from edge.messages import Portrait, Reply, State


class Registering:
    """Feed it states, replies and typed lines; carry out what it returns."""

    def __init__(self, person: str, position: int, supervisor: str) -> None:
        self._values: dict[str, str | int] = {
            "person": person,
            "position": position,
            "supervisor": supervisor,
        }
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

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        if not self._begun:
            self._begun = True
            if state.login_key is None:
                return [
                    Say("nobody works here yet: a technician adds people with 'vantay people add'"),
                    Done(1),
                ]
            return [PIN]
        shown = state.attendant
        if self._sent and shown and shown.purpose == "register" and shown.person == self._person:
            new, self._prompt = state.prompt != self._prompt, state.prompt
            return [Say(state.prompt)] if new else []
        ended = state.attendant_ended
        if not self._accepted or not ended or ended.person != self._person or ended.purpose != "register":
            return []
        return [Say(ended.text), Done(0 if ended.done else 1)]

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if reply.outcome == "refused":
            return [Say(f"refused: {reply.reason}"), Done(1)]
        self._accepted = True
        return []  # what the booth shows of it comes after

    def line(self, text: str, request_id: str) -> list[Effect]:  # noqa: ARG002 - a dialogue's signature
        """The supervisor's PIN was typed."""
        self._sent = True
        return [SendSealed("register-finger", self._values, text.strip())]

    def unsealed(self, problem: str) -> list[Effect]:
        """The PIN could not be sealed, or the words are none."""
        return [Say(problem), Done(2)]

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """No portrait is asked for."""
        raise AssertionError(portrait, problem, request_id)
