"""A finger of somebody who works at the booth, from a terminal, pure: a supervisor's PIN, then samples."""

from edge.dialogue import PIN, Done, Effect, Say, SendSealed, key_changed, refusal
from edge.messages import Reply, State
from edge.one_finger import OneFinger


class Registering(OneFinger):
    """One finger of one person."""

    purpose = "register"

    def __init__(self, person: str, position: int, supervisor: str) -> None:
        super().__init__(person)
        self._values: dict[str, str | int] = {
            "person": person,
            "position": position,
            "supervisor": supervisor,
        }

    def begin(self, state: State) -> list[Effect]:
        """Ask for the supervisor's PIN."""
        if state.login_key is None:
            return [Say("nobody works here yet: a technician adds people with 'vantay people add'"), Done(1)]
        return [PIN]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """The PIN was typed."""
        del request_id
        self._sent = True
        return [SendSealed("register-finger", self._values, text.strip())]

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered; where it was started again meanwhile, the PIN is asked for once more."""
        if key_changed(reply) and not self._leaving:
            self._sent = False
            return [refusal(reply), PIN]
        return super().reply(reply)

    @property
    def stays(self) -> str:
        """What is to be said where the wait ended without a finger."""
        return f"no finger of {self._person} was registered"
