"""Logging in before something else at a terminal, and logging out, pure.

The same shape as `edge.dialogue.Dialogue`; the terminal of `vantay enrol` carries it out.
"""

from collections.abc import Callable

from edge.dialogue import Dialogue, Done, Effect, Say, Send, refusal
from edge.messages import Logout, Portrait, Reply, State
from edge.one_finger import OneFinger


def who(state: State) -> list[Effect]:
    """Say who is logged in from before, and how somebody else gets in."""
    return [Say(f"{state.operator} is logged in ('vantay logout' ends that)")] if state.operator else []


class LogIn(Dialogue):
    """Name, PIN and a registered finger, where nobody is logged in and somebody has to be."""

    over = False  # somebody is in

    def _begin(self, state: State) -> list[Effect]:
        if state.login_key and state.operator is None:
            return [self._ask_login()]
        return [*who(state), *self._start(state)]

    def _start(self, state: State) -> list[Effect]:
        del state
        self.over = True
        return []


class AfterLogIn:
    """Something with one finger, or a signature; before it somebody logs in, and again where that ended."""

    def __init__(self, begin: Callable[[], OneFinger]) -> None:
        self._begin = begin
        self._login, self._then = LogIn(), begin()
        self._state: State | None = None

    @property
    def _now(self) -> LogIn | OneFinger:
        return self._then if self._login.over else self._login

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait."""
        return self._now.busy

    @property
    def asking(self) -> bool:
        """Whether nothing goes on before something is typed."""
        return self._now.asking

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        self._state = state
        if self._login.over:
            return self._then.state(state)
        return self._go_on(self._login.state(state))

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        if not self._login.over:
            return self._go_on(self._login.reply(reply))
        if reply.outcome != "refused" or reply.wants != "login" or self._then.accepted or not self._state:
            return self._then.reply(reply)
        self._login, self._then = LogIn(), self._begin()
        return [refusal(reply), *self.state(self._state.model_copy(update={"operator": None}))]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Something was typed."""
        return self._now.line(text, request_id)

    def leave(self, request_id: str, unanswered: str | None) -> list[Effect]:
        """Nobody goes on here."""
        return self._now.leave(request_id, unanswered)

    def unsealed(self, problem: str) -> list[Effect]:
        """What was typed could not be sealed, or the words are none."""
        return self._now.unsealed(problem)

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """No portrait is asked for."""
        return self._now.portrait(portrait, problem, request_id)

    def _go_on(self, effects: list[Effect]) -> list[Effect]:
        """Begin with what comes after the log-in, once somebody is in."""
        begins = self._login.over and self._state
        return [*effects, *self._then.state(self._state)] if begins and self._state else effects


class LoggingOut(OneFinger):
    """One command; nothing is typed, and no finger shown."""

    def __init__(self, request_id: str) -> None:
        super().__init__("")
        self._request_id = request_id

    def begin(self, state: State) -> list[Effect]:
        """Send it, where somebody is logged in."""
        if state.operator is None:
            return [Say("nobody is logged in"), Done(0)]
        self._sent = True
        return [Send("logout", Logout(request_id=self._request_id))]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Nothing is asked for."""
        raise AssertionError(text, request_id)

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered."""
        refused = reply.outcome == "refused"
        return [refusal(reply) if refused else Say(reply.reason), Done(1 if refused else 0)]
