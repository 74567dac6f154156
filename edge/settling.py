"""A supervisor settles what was found after sealing, from a terminal, pure: why, who signs, the PIN."""

from pydantic import ValidationError

from edge.dialogue import PIN, SUPERVISOR, Ask, Done, Effect, Say, Send, SendSealed, refusal
from edge.explain import explain
from edge.messages import Reply, Settle, State
from edge.one_finger import OneFinger

REASON = Ask("what is done about it: ")


class Settling(OneFinger):
    """One alarm; no finger is shown."""

    def __init__(self, enrolment: str) -> None:
        super().__init__("")
        self._enrolment = enrolment
        self._signs = False
        self._typed: list[str] = []

    def begin(self, state: State) -> list[Effect]:
        """Say what was found."""
        found = next((one for one in state.found_later if one.enrolment == self._enrolment), None)
        if found is None:
            there = ", ".join(one.enrolment for one in state.found_later) or "nothing"
            return [
                Say(f"of enrolment {self._enrolment} nothing is to be settled; there is {there}"),
                Done(1),
            ]
        self._signs = state.login_key is not None
        return [Say(found.text), REASON]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Something was typed."""
        self._typed.append(text.strip())
        if self._signs and len(self._typed) < 3:
            return [SUPERVISOR if len(self._typed) == 1 else PIN]
        values: dict[str, str | int] = {"enrolment": self._enrolment, "reason": self._typed[0]}
        self._sent = True
        if self._signs:
            return [SendSealed("settle", {**values, "person": self._typed[1]}, self._typed[2])]
        try:
            return [Send("settle", Settle.model_validate({"request_id": request_id, **values}))]
        except ValidationError as error:
            return [Say(explain(error, Settle)), Done(2)]

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        refused = reply.outcome == "refused"
        return [refusal(reply) if refused else Say(reply.reason), Done(1 if refused else 0)]
