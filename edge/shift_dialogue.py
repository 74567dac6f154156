"""A shift is opened or closed from a terminal, pure; whoever works here logs in first."""

from edge.dialogue import Ask, Dialogue, Done, Effect, Say, Send, Stage
from edge.logging_in import who
from edge.messages import CloseShift, OpenShift, Reply, State

WHY_OPEN = Ask("why it is left open (nothing to leave the shift open): ")


class AtShift(Dialogue):
    """One command about the booth's shift."""

    def __init__(self, closes: bool, request_id: str) -> None:
        super().__init__()
        self._closes, self._request_id = closes, request_id
        self._sent = False

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait."""
        return self._sent or super().busy

    def line(self, text: str, request_id: str) -> list[Effect]:
        """A name or PIN was typed, or why the shift is closed all the same."""
        if self.stage is not Stage.SHIFT:
            return super().line(text, request_id)
        if not text.strip():
            return [Say("the shift stays open"), Done(1)]
        effects = self._send(CloseShift, request_id, left_open=text)
        self._sent = isinstance(effects[0], Send)
        return effects if self._sent else [*effects, WHY_OPEN]

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if reply.command == "login" or self.stage is Stage.LEAVING:
            return super().reply(reply)
        self._sent = False
        if reply.wants == "login":
            self._request_id += ".then"
            return super().reply(reply)
        if reply.wants == "left_open":
            return [Say(f"refused: {reply.reason}"), WHY_OPEN]
        refused = reply.outcome == "refused"
        return [Say(f"refused: {reply.reason}" if refused else reply.reason), Done(1 if refused else 0)]

    def _begins_nothing(self, state: State) -> bool:
        """A shift has no need of a scanner."""
        del state
        return False

    def _who(self, state: State) -> list[Effect]:
        """Say who is logged in from before, and how somebody else gets in."""
        return who(state)

    def _start(self, state: State) -> list[Effect]:
        del state
        self.stage, self._sent = Stage.SHIFT, True
        return self._send(CloseShift if self._closes else OpenShift, self._request_id)
