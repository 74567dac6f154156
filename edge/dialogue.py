"""One enrolment from a terminal, pure: what the booth says and what is typed become words and commands.

    [shift ->] number -> missing -> asked -> work
        -> review number -> review name -> review portrait [-> looked] -> reviewed -> (ended)

Where the booth has a worklist, name, birth and sex come after the number, and where it refused them, again.
At `work` the person shows fingers and the operator may type `missing POSITION CLASS DESCRIPTION` (the class
may be left out), `override REASON`, `single SLAP REASON` (13, 14 or 15: its fingers one by one) and `abandon
REASON`; and, of a person who is found to be enrolled already, `review`: the record is sealed as that; also
where the portrait was somebody else's, or to bring one while a supervisor is to sign that there is none. A
name that was stated is shown at the review and confirmed, or typed by whoever goes on with another's
enrolment. Where people log in, name and PIN come first, a registered finger where there is one, and a
supervisor's sign overrides. Where the booth waits for another finger, as at a hand-over, that wait is ended
first. Ids, files, keys and time are the program's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from edge.booth.plan import enrolling_plans, plan_named
from edge.booth.slap_rule import FINGERS as SLAPS
from edge.errors import BadCommand
from edge.explain import explain
from edge.messages import (
    LOOKED,
    POSITION_NAMES,
    Abandon,
    CloseShift,
    Command,
    Earlier,
    Enrol,
    Logout,
    MarkMissing,
    MissingWhy,
    OpenShift,
    Override,
    Phase,
    Portrait,
    Reply,
    Review,
    SingleFingers,
    State,
)
from edge.names import typed_name
from edge.subject import birth_of, sex_of

FINGERS = "1 to 5 are right thumb to little, 6 to 10 left thumb to little"
EXAMPLES = {
    MissingWhy.PERMANENT: "amputated in 1998",
    MissingWhy.TEMPORARY: "bandaged",
    MissingWhy.CANNOT_FLATTEN: "stiff joint",
    MissingWhy.OTHER: "worn away",
}
TYPED_MISSING = "missing 4 permanent amputated"
HELP = (
    "type: missing POSITION CLASS DESCRIPTION | override REASON | single SLAP REASON | "
    "review (who is enrolled already) | abandon REASON"
)
NAMES: dict[type[Command], str] = {
    Enrol: "enrol",
    MarkMissing: "mark-missing",
    Override: "override",
    SingleFingers: "single-fingers",
    Review: "review",
    Abandon: "abandon",
    OpenShift: "open-shift",
    CloseShift: "close-shift",
    Logout: "logout",
}
LOGOUT = "logout"  # what is typed in place of a number
SPOKEN = {
    "check number, name and portrait with the person, then send 'review'": (
        "check number, name and portrait with the person"  # which are asked for by themselves
    ),
    "send 'override' with a reason": "type: override REASON",
    "or 'abandon'": "or abandon REASON",
    "send 'override' first": "type first: override REASON",
    "send 'review'": "type: review",
}  # the wire's words, and the terminal's


@dataclass(frozen=True)
class Say:
    """A line for the operator."""

    text: str


@dataclass(frozen=True)
class Ask:
    """A question; the next line answers it, unseen when it is secret."""

    text: str
    secret: bool = False


@dataclass(frozen=True)
class Send:
    """A command for the booth, to be repeated until it is answered."""

    name: str
    command: Command


@dataclass(frozen=True)
class SendSealed:
    """A command whose PIN is to be sealed to the booth's key first."""

    name: str
    values: Mapping[str, str | int]
    pin: str


@dataclass(frozen=True)
class ReadPortrait:
    """A file whose hash and time are wanted."""

    path: str


@dataclass(frozen=True)
class Leave:
    """The end, once the booth has answered this command; `unheard` is said where it does not."""

    send: Send
    unheard: str


@dataclass(frozen=True)
class Done:
    """The end, with the program's exit code."""

    code: int


Effect = Say | Ask | Send | SendSealed | ReadPortrait | Leave | Done

NAME, SUPERVISOR = Ask("your name: "), Ask("the supervisor's name: ")
PIN = Ask("PIN: ", secret=True)
NUMBER = Ask("identity number: ")
SUBJECT_NAME = Ask("the person's name (nothing when it is not known): ")
BIRTH = Ask("birth, as 17/5/1990, or the year alone: ")
SEX = Ask("sex (male, female; nam, nữ): ")
MISSING = Ask(
    "missing fingers, as 4=permanent amputated in 1998, 9=temporary bandaged (or cannot-flatten, other; "
    "nothing when all are there): "
)
AGAIN = Ask("why it is right all the same (nothing to stop): ")
ONCE_MORE = Ask("the person's identity number once more: ")
OF_KNOWN = Ask("the person's identity number once more (nothing to go back): ")
END_WAIT = Ask("end that and enrol somebody? (y, or nothing to stop): ")
OPEN_SHIFT = Ask("no shift is open; open one now? (y, or nothing to stop): ")
NAME_RIGHT = Ask("is that this person's name? (y, or the name that the person says): ")
NAME_AGAIN = Ask("the person's name once more: ")
PORTRAIT = Ask("the portrait's file, or - and why there is none: ")
LOOK = Ask("look at the portrait: does it show this person? (y, or nothing to give another): ")


class Stage(StrEnum):
    """What the dialogue waits for."""

    START = "start"
    LEAVING = "leaving"
    WAITED = "waited"
    ENDING_WAIT = "ending wait"
    LOGIN_NAME = "login name"
    LOGIN_PIN = "login pin"
    LOGGING_IN = "logging in"
    LOGIN_FINGER = "login finger"
    LOGGING_OUT = "logging out"
    SHIFT = "shift"
    OPENING_SHIFT = "opening shift"
    NUMBER = "number"
    SUBJECT_NAME = "subject name"
    BIRTH = "birth"
    SEX = "sex"
    MISSING = "missing"
    AGAIN = "again"
    ASKED = "asked"
    WORK = "work"
    SIGN_NAME = "sign name"
    SIGN_PIN = "sign pin"
    REVIEW_NUMBER = "review number"
    REVIEW_NAME = "review name"
    REVIEW_PORTRAIT = "review portrait"
    REVIEW_LOOK = "review look"
    REVIEWED = "reviewed"


BEFORE = (
    Stage.LEAVING,
    Stage.WAITED,
    Stage.ENDING_WAIT,
    Stage.LOGIN_NAME,
    Stage.LOGIN_PIN,
    Stage.LOGGING_IN,
    Stage.LOGIN_FINGER,
    Stage.LOGGING_OUT,
    Stage.SHIFT,
    Stage.OPENING_SHIFT,
    Stage.NUMBER,
    Stage.SUBJECT_NAME,
    Stage.BIRTH,
    Stage.SEX,
    Stage.MISSING,
    Stage.AGAIN,
)  # there is no enrolment of ours
BUSY = (
    Stage.START,
    Stage.LEAVING,
    Stage.ENDING_WAIT,
    Stage.LOGGING_IN,
    Stage.LOGGING_OUT,
    Stage.OPENING_SHIFT,
    Stage.ASKED,
    Stage.REVIEWED,
)  # the booth has the word


REVIEWING = (
    Stage.REVIEW_NUMBER,
    Stage.REVIEW_NAME,
    Stage.REVIEW_PORTRAIT,
    Stage.REVIEW_LOOK,
    Stage.REVIEWED,
)
UNANSWERED = Say("the booth has not answered: what was sent last may still be done, for a minute at most")
LEFT = "nobody goes on at the terminal"  # why what the booth waits for is given up
KEY_CHANGED = "the PIN does not open"  # how the booth begins to say so


def key_changed(reply: Reply) -> bool:
    """Whether the booth was started again after it had shown the key that the PIN was sealed to."""
    return reply.wants == "pin" and reply.reason.startswith(KEY_CHANGED)


def spoken(prompt: str) -> str:
    """Return what the booth asks for in the words that are typed here."""
    for sent, typed in SPOKEN.items():
        prompt = prompt.replace(sent, typed)
    return prompt


def refusal(reply: Reply) -> Say:
    """Say why the booth refused, in words for whoever types."""
    if key_changed(reply):
        return Say("refused: the booth was started again, nothing was done: type it and the PIN anew")
    return Say(f"refused: {reply.reason}")


def why_of(text: str) -> tuple[MissingWhy | None, str]:
    """Read the class of a reason, where one comes first, and the description; BadCommand without one."""
    word, _, description = text.partition(" ")
    if word not in list(MissingWhy):
        return None, text
    if not description.strip():
        raise BadCommand(f"describe the finger as well, as in 4={word} {EXAMPLES[MissingWhy(word)]}")
    return MissingWhy(word), description.strip()


def missing_of(text: str) -> tuple[dict[int, str], dict[int, MissingWhy]]:
    """Read 4=permanent amputated, 9=bandaged: descriptions, and classes where any is named.

    BadCommand in one sentence when it is something else.
    """
    missing: dict[int, str] = {}
    whys: dict[int, MissingWhy] = {}
    for part in filter(str.strip, text.split(",")):
        position, _, reason = (word.strip() for word in part.partition("="))
        if position not in map(str, POSITION_NAMES) or not reason:
            raise BadCommand(
                "a missing finger is POSITION=CLASS DESCRIPTION, as 4=permanent amputated, 9=temporary "
                f"bandaged: {FINGERS}; the classes are {', '.join(MissingWhy)}"
            )
        if int(position) in missing:
            raise BadCommand(f"finger {position} is named twice: name each missing finger once")
        why, missing[int(position)] = why_of(reason)
        if why:
            whys[int(position)] = why
    return missing, whys


class Trouble:
    """Why the booth does not go on: said when it appears, and when it is over."""

    def __init__(self) -> None:
        self._told: str | None = None

    def told(self, state: State) -> list[Effect]:
        """Return what is to be said of it now."""
        if state.trouble == self._told:
            return []
        self._told = state.trouble
        return [Say(f"trouble: {state.trouble}" if state.trouble else "the trouble is over")]


class Dialogue:
    """Feed it states, replies and typed lines; carry out what it returns."""

    def __init__(self, earlier: Earlier | None = None) -> None:
        self._earlier = earlier  # the record of a renewal
        self.stage = Stage.START
        self._state: State | None = None
        self._number, self._enrolment = "", ""
        self._name = ""
        self._said_name: str | None = None  # at the review
        self._portrait: Portrait | None = None  # given last there
        self._to_sign: tuple[str, dict[str, str | int]] = ("", {})
        self._awaited = False  # a finger, to log in
        self._login: str | None = None  # the id of the command that asked for it
        self._enrol: Enrol | None = None
        self._stated: dict[str, str] = {}
        self._corrects = False  # the booth refused what was stated
        self._said: set[tuple[object, ...]] = set()
        self._prompt: tuple[object, ...] = ()
        self._trouble = Trouble()

    @property
    def busy(self) -> bool:
        """Whether what is typed must wait."""
        return self.stage in BUSY

    @property
    def asking(self) -> bool:
        """Whether nothing goes on before something is typed."""
        return not self.busy and self.stage not in (Stage.WORK, Stage.LOGIN_FINGER)

    def state(self, state: State) -> list[Effect]:
        """The booth shows itself."""
        self._state = state
        if self.stage is Stage.START:
            return self._begin(state)
        told = self._trouble.told(state) if self._follows else []
        return [*told, *self._shown(state)]

    @property
    def _follows(self) -> bool:
        """Whether what the booth does now is for whoever sits here; a question is not interrupted."""
        return self.stage not in BEFORE or self.stage is Stage.LOGIN_FINGER

    def _shown(self, state: State) -> list[Effect]:
        if self.stage is Stage.LOGIN_FINGER:
            return self._finger(state)
        if self.stage is Stage.WAITED and state.attendant is None:
            return [Say("that is over"), *self._start(state)]
        if self.stage in BEFORE:
            return []
        if not self._enrolment:
            self._enrolment = state.enrolment or ""
        if self._enrolment and state.enrolment != self._enrolment:
            return self._end(state)
        return self._follow(state) if self._enrolment else []

    def reply(self, reply: Reply) -> list[Effect]:
        """The booth answered the command that was sent last."""
        refused = reply.outcome == "refused"
        said: list[Effect] = [refusal(reply)] if refused else []
        if self.stage is Stage.LEAVING:
            return [Done(1)] if refused else [Say("nobody is logged in"), Done(1)]
        if self.stage is Stage.ENDING_WAIT:
            return [*said, *self._wait_ended(f"{reply.request_id}.then")]
        if self.stage is Stage.LOGGING_IN and reply.command == "login":
            if refused:
                self.stage = Stage.LOGIN_NAME
                return [*said, NAME]
            assert self._state is not None
            self.stage, self._awaited, self._login = Stage.LOGIN_FINGER, False, reply.request_id
            return self._finger(self._state.model_copy(update={"attendant_ended": None}))
        if refused and reply.wants == "login":  # the log-in ended meanwhile
            return [*said, self._ask_login()]
        if self.stage is Stage.LOGGING_OUT:
            if refused:
                return [*said, *(self._start(self._state) if self._state else [])]
            return [Say(reply.reason), self._ask_login()]
        if self.stage is Stage.OPENING_SHIFT and reply.command == "open-shift":
            self.stage = Stage.NUMBER
            return [*said, Done(1)] if refused else [NUMBER]
        if self.stage is Stage.ASKED and reply.command == "enrol":
            if not refused:
                self.stage = Stage.WORK
                return [Say(HELP), *(self.state(self._state) if self._state else [])]
            if reply.wants == "again":
                self.stage = Stage.AGAIN
                return [*said, AGAIN]
            if reply.wants == "abandon":  # of the finger that is awaited
                self.stage = Stage.WAITED
                return [*said, END_WAIT]
            if reply.wants in ("identity_number", "name", "birth", "sex"):
                self.stage, self._corrects = Stage.NUMBER, True
                return [*said, NUMBER]
            return [*said, Done(1)]
        if self.stage in (Stage.REVIEWED, Stage.WORK) and reply.command == "review":
            return [*said, *self._of_review(reply)]
        return [*said, *(self._follow(self._state) if self._state and self._enrolment else [])]

    def _of_review(self, reply: Reply) -> list[Effect]:
        """What a review's answer asks for, also where an alarm was shown before it came."""
        if reply.outcome != "refused":
            return [Say(reply.reason)]
        if reply.wants == "portrait":
            self.stage, self._prompt = Stage.WORK, ()
            return [Say("type: review (with this person's own portrait) | override REASON")]
        if reply.wants == LOOKED:
            self.stage = Stage.REVIEW_LOOK
            return [LOOK]
        if self.stage is Stage.WORK:
            return self._now()
        self.stage = Stage.REVIEW_NUMBER
        return [OF_KNOWN if self._goes_back else ONCE_MORE]

    def line(self, text: str, request_id: str) -> list[Effect]:
        """Something was typed."""
        text = text.strip()
        word, _, rest = text.partition(" ")
        if word == "abandon" and self.stage not in (*BEFORE, Stage.START, Stage.SIGN_NAME, Stage.SIGN_PIN):
            if not rest.strip():
                return [Say("type: abandon REASON, why it is given up")]
            return self._send(Abandon, request_id, reason=rest)
        match self.stage:
            case Stage.NUMBER | Stage.SHIFT if text.lower() == LOGOUT and self._logs_in:
                self.stage = Stage.LOGGING_OUT
                return self._send(Logout, request_id)
            case Stage.LOGIN_NAME:
                self._name, self.stage = text, Stage.LOGIN_PIN
                return [PIN]
            case Stage.LOGIN_PIN:
                self.stage, self._login = Stage.LOGGING_IN, None
                return [SendSealed("login", {"person": self._name}, text)]
            case Stage.LOGIN_FINGER:
                self.stage = Stage.LOGIN_NAME
                return [NAME]
            case Stage.WAITED if text.lower() in ("y", "yes"):
                return self._end_wait(request_id)
            case Stage.WAITED:
                return [Say("nobody was enrolled"), Done(1)]
            case Stage.SIGN_NAME if not text:
                self.stage = Stage.WORK
                return [Say("nothing was signed"), *self._now()]
            case Stage.SIGN_NAME:
                self._name, self.stage = text, Stage.SIGN_PIN
                return [PIN]
            case Stage.SIGN_PIN:
                self.stage = Stage.WORK
                command, values = self._to_sign
                return [SendSealed(command, {**values, "person": self._name}, text)]
            case Stage.SHIFT if text.lower() in ("y", "yes"):
                self.stage = Stage.OPENING_SHIFT
                return self._send(OpenShift, request_id)
            case Stage.SHIFT:
                return [Say("nobody was enrolled"), Done(1)]
            case Stage.NUMBER:
                return self._take_number(text, request_id)
            case Stage.SUBJECT_NAME:
                return self._take_stated("name", typed_name, text, (Stage.BIRTH, BIRTH), SUBJECT_NAME)
            case Stage.BIRTH:
                return self._take_stated("birth", birth_of, text, (Stage.SEX, SEX), BIRTH)
            case Stage.SEX:
                effects = self._take_stated("sex", sex_of, text, (Stage.MISSING, MISSING), SEX)
                return [Say(FINGERS), *effects] if effects == [MISSING] else effects
            case Stage.MISSING:
                return self._take_missing(text, request_id)
            case Stage.AGAIN:
                if not text:
                    return [Say("nobody was enrolled"), Done(1)]
                return self._ask_booth(request_id, again=text)
            case Stage.WORK:
                return self._typed(word, rest.strip(), request_id)
            case Stage.REVIEW_NUMBER if self._goes_back and not text:
                self.stage, self._prompt = Stage.WORK, ()
                return self._now()
            case Stage.REVIEW_NUMBER if self._known:
                self._number = text
                return self._review(request_id)
            case Stage.REVIEW_NUMBER:
                self._number, self._said_name = text, None
                return self._ask_name()
            case Stage.REVIEW_NAME:
                return self._take_name(text)
            case Stage.REVIEW_PORTRAIT if text.startswith("-"):
                return self._review(request_id, no_portrait=text.removeprefix("-").strip())
            case Stage.REVIEW_PORTRAIT if text:
                return [ReadPortrait(text)]
            case Stage.REVIEW_PORTRAIT:
                return [PORTRAIT]
            case Stage.REVIEW_LOOK if text.lower() in ("y", "yes"):
                return self._review(request_id, portrait=self._portrait, looked=True)
            case Stage.REVIEW_LOOK:
                self.stage = Stage.REVIEW_PORTRAIT
                return [PORTRAIT]
        return []

    def portrait(self, portrait: Portrait | None, problem: str, request_id: str) -> list[Effect]:
        """The portrait's file was read, or could not be."""
        if portrait is None:
            return [Say(problem), PORTRAIT]
        self._portrait = portrait
        return self._review(request_id, portrait=portrait)

    def unsealed(self, problem: str) -> list[Effect]:
        """The PIN could not be sealed, or name and reason are none."""
        if self.stage is Stage.LOGGING_IN:
            self.stage = Stage.LOGIN_NAME
            return [Say(problem), NAME]
        return [Say(f"{problem}: nothing was signed"), *self._now()]

    def leave(self, request_id: str, unanswered: str | None) -> list[Effect]:
        """Nobody goes on here: end the wait for a finger that logs in; an enrolment stays open.

        `unanswered` is the id of what the booth has not answered yet.
        """
        awaited = self._login or unanswered
        if self.stage in (Stage.LOGGING_IN, Stage.LOGIN_FINGER) and awaited:
            self.stage = Stage.LEAVING
            command = Abandon(request_id=request_id, reason=LEFT, awaited=awaited)
            unheard = f"the booth does not answer: it may still wait for a finger of {self._name}"
            return [Leave(Send("abandon", command), unheard)]
        begun = self._enrolment or self.stage not in (Stage.START, Stage.ASKED, *BEFORE)
        said = [Say("what has begun stays open at the booth")] if begun else []
        return [*said, *([UNANSWERED] if unanswered else []), Done(1)]

    # before

    def _begins_nothing(self, state: State) -> bool:
        """Whether nobody can be enrolled now, and nobody is."""
        return state.trouble is not None and state.enrolment is None

    def _begin(self, state: State) -> list[Effect]:
        if self._begins_nothing(state):
            return [Say(f"nobody can be enrolled here: {state.trouble}"), Done(1)]
        said = self._trouble.told(state)
        said += self._noticed(state)
        said += [
            Say(f"ALARM: {found.text}. Call a supervisor: vantay settle {found.enrolment}")
            for found in state.found_later
        ]
        if state.login_key and state.operator is None:
            self.stage = Stage.LOGIN_NAME
            return [*said, NAME]
        return [*said, *self._who(state), *self._start(state)]

    def _who(self, state: State) -> list[Effect]:
        """Say who is logged in from before, and how somebody else gets in."""
        if state.operator is None:
            return []
        if state.enrolment:
            return [Say(f"{state.operator} is logged in")]
        return [Say(f"{state.operator} is logged in; if that is not you, type: {LOGOUT}")]

    def _ask_login(self) -> Ask:
        """Nobody is logged in any more: name and PIN come first."""
        if self._state:
            self._state = self._state.model_copy(update={"operator": None})
        self.stage = Stage.LOGIN_NAME
        return NAME

    def _finger(self, state: State) -> list[Effect]:
        """Follow a log-in until the booth shows who is in; a person without registered fingers is at once."""
        if state.operator == self._name and self._log_in_is_over(state):
            return [*self._noticed(state), *self._start(state)]
        shown = state.attendant
        if shown and shown.person == self._name:
            self._awaited = True
            prompt = (state.prompt,)
            new, self._prompt = prompt != self._prompt, prompt
            return [Say(state.prompt)] if new else []
        ended = state.attendant_ended
        if self._awaited or (ended and ended.person == self._name and not ended.done):
            self.stage = Stage.LOGIN_NAME
            return [Say(ended.text if ended else "the log-in was given up"), NAME]
        return []

    def _log_in_is_over(self, state: State) -> bool:
        """Whether a finger is no longer awaited of whoever may have been in before."""
        ends = [one.state for one in state.commands if one.request_id == self._login]
        return not ends or ends[-1] == "succeeded"

    def _noticed(self, state: State) -> list[Effect]:
        """Say once what somebody has to see to."""
        return [Say(f"look: {text}") for text in state.notices if self._new("notice", text)]

    def _start(self, state: State) -> list[Effect]:
        if state.enrolment is None and state.attendant:
            self.stage = Stage.WAITED
            waits = f"the booth waits for a finger of {state.attendant.person} ({state.attendant.purpose})"
            return [Say(f"{waits}: whatever is shown now is taken for it"), END_WAIT]
        if state.enrolment is None and state.shift_wanted:
            self.stage = Stage.SHIFT
            return [OPEN_SHIFT]
        if state.enrolment is None:
            self.stage, self._enrolment = Stage.NUMBER, ""
            return [NUMBER]
        self.stage, self._enrolment = Stage.WORK, state.enrolment
        self._prompt = ()
        said = Say(f"enrolment {state.enrolment} is under way and goes on here; {HELP}")
        return [said, *self._follow(state)]

    def _end_wait(self, request_id: str) -> list[Effect]:
        """Have the booth wait for another's finger no longer."""
        assert self._state is not None
        shown = self._state.attendant
        if shown is None:
            return self._wait_ended(request_id)
        self.stage = Stage.ENDING_WAIT
        reason = "somebody is enrolled instead"
        return self._send(Abandon, request_id, reason=reason, awaited=shown.request_id)

    def _wait_ended(self, request_id: str) -> list[Effect]:
        """Go on where the wait was in the way."""
        assert self._state is not None
        if self._enrol:
            return self._ask_booth(request_id, self._enrol.again)
        return self._start(self._state.model_copy(update={"attendant": None}))

    def _take_number(self, text: str, request_id: str) -> list[Effect]:
        try:
            Enrol(request_id=request_id, identity_number=text)
        except ValidationError as error:
            return [Say(explain(error, Enrol)), NUMBER]
        self._number, self._stated = text, {}
        if self._corrects or (self._state and self._state.asks):
            self.stage = Stage.SUBJECT_NAME
            return [SUBJECT_NAME]
        self.stage = Stage.MISSING
        return [Say(FINGERS), MISSING]

    def _take_stated(
        self, key: str, read: Callable[[str], object], text: str, following: tuple[Stage, Ask], same: Ask
    ) -> list[Effect]:
        """Take what is stated of the person; nothing typed is nothing stated."""
        try:
            if text:
                self._stated[key] = str(read(text))
        except BadCommand as error:
            return [Say(str(error)), same]
        self.stage, question = following
        return [question]

    def _take_missing(self, text: str, request_id: str) -> list[Effect]:
        try:
            missing, whys = missing_of(text)
        except BadCommand as error:
            return [Say(str(error)), MISSING]
        try:
            self._enrol = Enrol.model_validate(
                {
                    "request_id": request_id,
                    "identity_number": self._number,
                    "missing": missing,
                    "missing_why": whys,
                    **self._stated,
                }
            )
        except ValidationError as error:
            return [Say(explain(error, Enrol)), MISSING]
        return self._ask_booth(request_id)

    def _ask_booth(self, request_id: str, again: str | None = None) -> list[Effect]:
        assert self._enrol is not None
        said = {"request_id": request_id, "again": again, "earlier": self._earlier}
        self._enrol = self._enrol.model_copy(update=said)
        self.stage = Stage.ASKED
        return [Send("enrol", self._enrol)]

    # while fingers are shown

    @property
    def _goes_back(self) -> bool:
        """Whether the review may be left again: for an override, where an alarm stands."""
        return self._known or bool(self._state and self._state.alarm and self._state.phase is Phase.REVIEW)

    @property
    def _known(self) -> bool:
        """Whether the person is found to be enrolled already."""
        return bool(self._state and self._state.known_as)

    def _now(self) -> list[Effect]:
        """Say anew what the booth asks for."""
        return self._follow(self._state) if self._state and self._enrolment else []

    def _follow(self, state: State) -> list[Effect]:
        done, total = len(state.accepted + state.rolled), len(state.positions + state.to_roll)
        said = [Say(f"  taken: {POSITION_NAMES[p]}") for p in state.accepted if self._new("taken", p)]
        said += [Say(f"  taken: {POSITION_NAMES[p]}, rolled") for p in state.rolled if self._new("rolled", p)]
        effects: list[Effect] = [Say(f"look: {text}") for text in state.warnings if self._new("warned", text)]
        effects += said
        if state.alarm and self._new("alarm", state.alarm):
            helped = " The right person may still show the finger." if state.confirming else ""
            effects.append(Say(f"ALARM: {state.alarm}.{helped}"))
        if state.renewal == "same" and self._new("renewal"):
            effects.append(Say("  it is the person of the earlier record"))
        if state.known_as and self._new("known", state.known_as) and self.stage in REVIEWING:
            self.stage = Stage.WORK  # the station's answer came late
        if state.phase is Phase.PLACE and self.stage in REVIEWING:
            self.stage, self._prompt = Stage.WORK, ()  # the same: a finger is to be confirmed
        if state.alarm and self.stage is Stage.REVIEWED:
            self.stage = Stage.WORK  # a supervisor is to sign that there is no portrait
        if state.phase is Phase.REVIEW and self.stage is Stage.WORK and not state.alarm:
            self.stage = Stage.REVIEW_NUMBER
            return [*effects, Say(spoken(state.prompt)), ONCE_MORE]
        prompt = (state.prompt, state.attempt, total)
        if prompt != self._prompt and self.stage is Stage.WORK:
            self._prompt = prompt
            attempt, most = state.attempt or 1, state.attempts or 0  # after an alarm one may show more
            again = f" (attempt {attempt} of {most})" if 1 < attempt <= most else ""
            effects.append(Say(f"[{done}/{total}] {spoken(state.prompt)}{again}"))
        return effects

    def _new(self, *what: object) -> bool:
        new = what not in self._said
        self._said.add(what)
        return new

    def _typed(self, word: str, rest: str, request_id: str) -> list[Effect]:
        match word:
            case "review" if self._goes_back:
                self.stage = Stage.REVIEW_NUMBER
                return [OF_KNOWN]
            case "review" if self._state and self._state.phase is Phase.REVIEW:
                self.stage = Stage.REVIEW_NUMBER
                return [ONCE_MORE]
            case "review":
                return [Say("nobody is found to be enrolled already: the review comes after the last finger")]
            case "override" if self._logs_in and self._state and not self._state.alarm:
                return [Say("there is no alarm to override")]
            case "override" if not rest:
                return [Say("type: override REASON, why it is right all the same")]
            case "override":
                meant = self._state.alarm if self._state else None  # another may come while a PIN is typed
                return self._signed(Override, request_id, reason=rest, **({"alarm": meant} if meant else {}))
            case "single":
                slap, _, reason = rest.partition(" ")
                if problem := self._not_split(slap, reason.strip()):
                    return [Say(problem)]
                return self._signed(SingleFingers, request_id, slap=int(slap), reason=reason)
            case "missing":
                position, _, reason = rest.partition(" ")
                if position not in map(str, POSITION_NAMES) or not reason.strip():
                    return [Say(f"type: missing POSITION CLASS DESCRIPTION, as {TYPED_MISSING}: {FINGERS}")]
                try:
                    why, described = why_of(reason.strip())
                except BadCommand as error:
                    return [Say(str(error))]
                said = {"reason": described, "why": why}
                return self._send(MarkMissing, request_id, position=int(position), **said)
            case "":
                return []
        return [Say(HELP)]

    @property
    def _logs_in(self) -> bool:
        """Whether people log in here, and sign."""
        return bool(self._state and self._state.login_key)

    def _not_split(self, slap: str, reason: str) -> str | None:
        """Why no slap's fingers are taken one by one; None where they may be."""
        if slap not in map(str, SLAPS) or not reason:
            return (
                "type: single SLAP REASON, as single 13 webbed fingers: "
                "13 four right fingers, 14 four left fingers, 15 two thumbs"
            )
        plan = self._state.plan if self._state else None
        if plan in enrolling_plans() and int(slap) not in plan_named(plan).slaps:
            return f"the plan {plan} does not ask for these fingers together: there is nothing to split"
        return None

    def _signed(self, model: type[Command], request_id: str, **values: str | int) -> list[Effect]:
        """Send what a supervisor signs where people log in."""
        effects = self._send(model, request_id, **values)
        state = self._state
        alone = state and (state.overrides_alone if model is Override else state.splits_alone)
        if not (isinstance(effects[0], Send) and self._logs_in) or alone:
            return effects
        self._to_sign, self.stage = (NAMES[model], values), Stage.SIGN_NAME
        return [SUPERVISOR]

    def _send(self, model: type[Command], request_id: str, **values: object) -> list[Effect]:
        try:
            return [Send(NAMES[model], model.model_validate({"request_id": request_id, **values}))]
        except ValidationError as error:
            return [Say(explain(error, model))]

    # before sealing

    def _ask_name(self) -> list[Effect]:
        """Show the stated name; whoever goes on with another's enrolment does not know it, and types it."""
        if not self._name_stated:
            self.stage = Stage.REVIEW_PORTRAIT
            return [PORTRAIT]
        self.stage = Stage.REVIEW_NAME
        if self._enrol is None:
            return [NAME_AGAIN]
        return [Say(f"the name is {self._enrol.name}"), NAME_RIGHT]

    @property
    def _name_stated(self) -> bool:
        """Whether a name was stated, here or where the enrolment began."""
        if self._enrol:
            return self._enrol.name is not None
        return self._state is not None and self._state.name_stated

    def _take_name(self, text: str) -> list[Effect]:
        stated = self._enrol.name if self._enrol else None
        yes = text.lower() in ("y", "yes")
        if not text or (yes and stated is None):  # to what is not shown nobody says yes
            return self._ask_name()
        try:
            said = typed_name(text)
        except BadCommand as error:
            return [Say(str(error)), *self._ask_name()]
        self._said_name = stated if yes else said
        self.stage = Stage.REVIEW_PORTRAIT
        return [PORTRAIT]

    def _review(self, request_id: str, **values: object) -> list[Effect]:
        name = None if self._known else self._said_name
        effects = self._send(Review, request_id, identity_number=self._number, name=name, **values)
        sent = isinstance(effects[0], Send)
        self.stage = Stage.REVIEWED if sent else Stage.REVIEW_NUMBER
        return effects if sent else [*effects, OF_KNOWN if self._goes_back else ONCE_MORE]

    def _end(self, state: State) -> list[Effect]:
        ended = state.ended
        if ended is None or ended.enrolment != self._enrolment:
            return [Say(f"enrolment {self._enrolment} is over: the booth serves somebody else"), Done(1)]
        return [Say(ended.text), Done(0 if ended.outcome == "enrolled" else 1)]
