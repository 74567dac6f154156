"""A command from the wire becomes journal entries, or one sentence that says why not. Answered once.

A request id that was answered before is answered the same way again and nothing is done; the same id on
another command is refused. The digest that tells the two apart is keyed: identity numbers can be guessed.
"""

import hmac
import json
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from edge.booth import enrolment as core
from edge.booth.attendant import Presenting, awaited, give_up, prompt
from edge.booth.command_progress import CommandBook, ended, ended_with
from edge.booth.enrolment import Enrolment, Entry
from edge.booth.handover import holder_of, tried_by
from edge.booth.plan import plan_named
from edge.booth.portraits import Looked, odd_time
from edge.booth.refused_commands import RefusedCommands
from edge.booth.renewal import renewing
from edge.booth.shift import Shift, workers_of
from edge.booth.shift_book import ShiftBook
from edge.booth.slap_judging import take_singly
from edge.booth.slap_rule import FINGERS
from edge.booth.stated import ASKED, as_kept, ask_worklist, check_stated, is_stated_name, refuse_first
from edge.booth.station import StationDesk
from edge.booth.station_answer import NOTED
from edge.errors import BadCommand, NotedRefusal
from edge.journal import Journal
from edge.json_once import Twice, check_once
from edge.keys import BoothKeys
from edge.messages import (
    COMMANDS,
    EXPIRES_AT,
    LATER,
    REQUEST_ID,
    Abandon,
    AttendantEnded,
    CloseShift,
    Command,
    CommandProgress,
    Enrol,
    HandOver,
    JournalEntry,
    Login,
    Logout,
    MarkMissing,
    OpenShift,
    Override,
    RegisterFinger,
    Reply,
    Review,
    Settle,
    SingleFingers,
    Verify,
    parse,
)
from edge.people import Person
from edge.settings import BoothSettings
from edge.subject import remarks_on
from edge.vault import STATED, Vault
from edge.worklist import Worklist

ANSWERED = "command.answered"
MOST_BYTES = 64 * 1024  # of a command: nine reasons of 200 characters, each escaped, are 22 kB
MOST_PUT_OFF = 256  # of them that are remembered


@dataclass(frozen=True)
class Verdict:
    """What becomes of a command: the reply, the entries to record, a number and what is stated to keep."""

    reply: Reply
    entries: list[Entry]
    identity: tuple[Enrolment, str] | None = None
    stated: bytes | None = None  # JSON
    earlier: dict[int, bytes] = field(default_factory=dict)  # of a renewal: position -> template
    presenting: Presenting | None = None  # begins; one that was there before ends
    presented: bool = False  # one that was there ends
    attended: AttendantEnded | None = None  # and how


@dataclass(frozen=True)
class CommandDesk:
    """Judges commands for one booth."""

    settings: BoothSettings
    keys: BoothKeys
    journal: Journal
    shift: Shift
    worklist: Worklist | None = None
    vault: Vault | None = None
    station: StationDesk | None = None
    _put_off: dict[str, dict[str, Any]] = field(default_factory=dict)  # request id -> the answer to it

    @cached_property
    def shifts(self) -> ShiftBook:
        """The shift that is open."""
        return ShiftBook(self.settings, self.journal)

    @cached_property
    def progress(self) -> CommandBook:
        """Where accepted commands stand."""
        return CommandBook(self.journal)

    @cached_property
    def refused(self) -> RefusedCommands:
        """How many refusals the journal keeps."""
        return RefusedCommands(self.settings.refusals_kept)

    @property
    def asks(self) -> tuple[str, ...]:
        """What is to be stated with `enrol`, to be compared with the worklist."""
        return ASKED if self.worklist and self.worklist.any else ()

    def judge(
        self,
        name: str,
        payload: bytes,
        current: Enrolment | None,
        at: str,
        trouble: str | None = None,
        clock_is_set: bool = True,
        presenting: Presenting | None = None,
    ) -> Verdict:
        """Decide; nothing is changed here. With `trouble`, or while `presenting`, nobody is enrolled."""
        request_id = None
        try:
            tree = _tree(payload)
            request_id = _request_id(tree)
            _check_once(payload)
            digest = self._digest(name, tree)
            if (before := self.journal.answer_to(request_id)) is not None:
                reply = _again(name, request_id, digest, before.body, at, self.progress.standing(before))
                return Verdict(reply, [])
            if (put_off := self._put_off.get(request_id)) is not None:
                return Verdict(_again(name, request_id, digest, put_off, at, None), [])
            model = COMMANDS.get(name)
            if model is None:
                raise BadCommand(f"unknown command '{name}': this booth knows {', '.join(COMMANDS)}")
            command: Command = parse(model, payload)
            if command.expires_at and command.expires_at < datetime.fromisoformat(at):
                raise BadCommand(f"the command expired at {command.expires_at}: send it again", EXPIRES_AT)
        except (BadCommand, ValueError) as error:
            wants = error.wants if isinstance(error, BadCommand) else None
            return self._answer(name, request_id, None, "refused", str(error), [], at, wants)
        try:
            if trouble and isinstance(command, Enrol):
                raise BadCommand(f"nobody can be enrolled here: {trouble}; call a technician")
            if presenting and isinstance(command, Enrol | Logout | CloseShift):  # nobody goes meanwhile
                raise BadCommand(
                    f"a finger of {presenting.person} is awaited: show it, or send 'abandon' first",
                    wants="abandon",
                )
            if isinstance(command, Login | RegisterFinger | HandOver | Verify):
                verdict = self._attend(name, command, current, digest, at)
                if isinstance(command, HandOver) and self._gives_awaited(command, presenting):
                    return _overtaking(presenting, verdict)
                return _ending(presenting, verdict, f"'{name}' was sent")
            if isinstance(command, Abandon) and (command.awaited or presenting):  # an enrolment stays
                if presenting is None or command.awaited not in (None, presenting.request_id):
                    raise BadCommand("that finger is not awaited any more: there is nothing to abandon")
                reason = "no finger is awaited any more"
                verdict = self._answer(name, request_id, digest, "accepted", reason, [], at)
                return _ending(presenting, replace(verdict, presented=True), command.reason)
            return self._carry_out(name, command, current, digest, at, clock_is_set)
        except BadCommand as error:
            kept = error.entries if isinstance(error, NotedRefusal) else []
            counted = self.refused.counted(at)
            verdict = self._answer(name, request_id, digest, "refused", str(error), kept, at, error.wants)
            if self.refused.keep(at):
                return replace(verdict, entries=[*counted, *verdict.entries])
            return replace(verdict, entries=[*counted, *filter(self.shift.is_about_somebody, kept)])

    def put_off(self, name: str, payload: bytes, reply: Reply, reason: str) -> Reply:
        """Refuse what could not be written down: that is final, and copies under way get it, too."""
        tree = _tree(payload)
        word = {"outcome": "refused", "reason": reason, "wants": LATER}
        self._put_off[_request_id(tree)] = {"digest": self._digest(name, tree), **word}
        if len(self._put_off) > MOST_PUT_OFF:
            del self._put_off[next(iter(self._put_off))]
        return reply.model_copy(update={**word, "progress": None})

    def _carry_out(
        self, name: str, command: Command, current: Enrolment | None, digest: str, at: str, clock_is_set: bool
    ) -> Verdict:
        identity = kept = None
        earlier: dict[int, bytes] = {}
        if current and isinstance(command, MarkMissing | Override | SingleFingers | Review):
            self.shift.require_operator()  # who began it may have been removed meanwhile
        match command:
            case Enrol():
                stated = check_stated(command)
                day = self.settings.subject.day_of(datetime.fromisoformat(at))
                remarks = remarks_on(stated, day, self.settings.subject.least_age, clock_is_set)
                refuse_first(remarks)
                word = ask_worklist(self.worklist, stated)
                warnings = (*(remark.text for remark in remarks), *word.warnings)
                new = self._new_enrolment(command, warnings)
                here = self.journal.enrolled_before(new.subject)
                if command.earlier or (here and command.again):
                    assert self.vault is not None
                    new, earlier = renewing(new, command.earlier, here, self.vault)
                entries, reason = core.start(current, new), f"enrolment {new.id} has begun"
                entries += _used_before(new, here, command.again)
                if word.differing:
                    entries.append(core.note_listed_otherwise(new, word.differing))
                identity, kept = (new, command.identity_number), as_kept(stated)
            case MarkMissing():
                entries = core.mark_missing(current, command.position, command.reason, command.why)
                reason = "the finger is marked missing"
            case Abandon():
                entries, reason = core.abandon(current, command.reason), "the enrolment was given up"
                if current and current.duplicate_of:
                    reason = f"{current.alarm}: the record is being sealed as that"
            case Override():
                core.override(current, command.reason)  # refused before anybody signs
                assert current is not None
                assert current.alarming is not None
                if command.alarm is not None and command.alarm != current.alarm:
                    raise BadCommand(f"the alarm is another one by now: {current.alarm}; nothing was signed")
                kind = str(current.alarming["finding"])
                signed_by, entries = self._signature(command, "an override", current, kind)
                entries += core.override(current, command.reason, signed_by)
                reason = "the enrolment goes on"
            case SingleFingers():
                take_singly(current, command.slap, command.reason)  # refused before anybody signs
                assert current is not None
                what = "taking single fingers"
                signed_by, entries = self._signature(command, what, current, core.SINGLE_FINGERS)
                entries += take_singly(current, command.slap, command.reason, signed_by)
                reason = "the fingers are taken one by one"
            case Logout():
                if current is not None:
                    raise BadCommand(f"enrolment {current.id} is not finished: finish it or abandon it first")
                entries, reason = self.shift.log_out(), "nobody is logged in any more"
                if self.shifts.current:
                    reason += "; the shift is still open"
            case OpenShift():
                self.shift.require_todays(bool(self.shifts.current and self.shifts.current.overdue))
                entries = self.shifts.open(at, self.shift.require_operator(), current)
                reason = "the shift is open"
            case CloseShift():
                operator = self.shift.require_operator()
                entries, reason = self.shifts.close(operator, current, command.left_open)
                entries += self.shift.leaves
                reason += f"; {operator} is logged out" if operator else ""
            case Review():
                subject = self.keys.subject_of(command.identity_number)
                portrait = command.portrait.model_dump(mode="json") if command.portrait else None
                looked = self._look_at(command, current, at, clock_is_set)
                name_is_right = self._is_right_name(command.name, current, subject)
                entries = core.review(current, subject, portrait, command.no_portrait, name_is_right, looked)
                after = core.fold(entries, current)
                reason = "the record is being sealed"
                if after and after.without_portrait:
                    reason = (
                        "a supervisor is to sign that there is no portrait: 'override', or 'review' with one"
                    )
                if portrait and looked.odd_time:
                    reason += f"; look: {looked.odd_time}"
                if current and name_is_right is None and core.name_wanted(current):
                    reason += "; look: the name that was stated is not confirmed, and the record says so"
            case Settle():
                if self.station is None:
                    raise BadCommand("this booth asks no station: there is nothing to settle")
                alarm = self.station.check(command)  # refused before anybody signs
                self.shift.require_operator()  # a supervisor alone is one pair of eyes
                workers = workers_of(alarm.enrolment, self.journal)
                signed_by, entries = self.shift.signature(command, "settling", workers)
                noted = {"enrolment": alarm.enrolment, "reason": command.reason, "signed_by": signed_by}
                entries = [*entries, (NOTED, noted)]
                reason = "it is noted what is done about it"
            case _:
                raise AssertionError(name)
        runs = isinstance(command, Enrol)
        verdict = self._answer(name, command.request_id, digest, "accepted", reason, entries, at, runs=runs)
        return Verdict(verdict.reply, verdict.entries, identity, kept, earlier)

    def _gives_awaited(self, command: HandOver, presenting: Presenting | None) -> bool:
        """Whether a card is handed over without the very finger of its holder that is awaited."""
        if command.without_finger is None or presenting is None or presenting.purpose != "hand-over":
            return False
        return presenting.success[0][1].get("subject") == self.keys.subject_of(command.identity_number)

    def _signature(
        self, command: Override | SingleFingers, what: str, current: Enrolment, kind: str
    ) -> tuple[str | None, list[Entry]]:
        """Return who signs for what the plan wants signed; None where it leaves that to the operator."""
        if not current.needs_supervisor(kind) and command.person is None:
            return None, []
        return self.shift.signature(command, what, current.workers)

    def _attend(
        self,
        name: str,
        command: Login | RegisterFinger | HandOver | Verify,
        current: Enrolment | None,
        digest: str,
        at: str,
    ) -> Verdict:
        """Somebody begins to work, a finger of theirs is to be registered, or a card goes to its holder."""
        presenting: Presenting | None = None
        entries: list[Entry] = []
        done = ""
        if isinstance(command, Verify):
            _refuse_during(current)
            presenting = self._holder(command, self.settings.comparison.verify_fmr)
        elif isinstance(command, HandOver):
            _refuse_during(current)
            presenting, entries = self._hand_over(command)
            done = f"the card may be handed over without a finger: {command.without_finger}"
        elif isinstance(command, RegisterFinger):
            signer = self.shift.supervisor(
                command.supervisor, command.pin, command.request_id, "a finger's registration"
            )
            _refuse_during(current)
            wanted = plan_named(self.settings.plan.name).quality.plain.of(command.position)
            presenting = self.shift.registers(command.person, command.position, signer, wanted)
        else:
            done = f"{command.person} is logged in"
            person = self.shift.check(command.person, command.pin, command.request_id)
            if command.without_finger is None:
                presenting = self.shift.asks_finger(person)
                if presenting and self.shift.operator:  # where nobody is, somebody has to go on with it
                    _refuse_during(current)
                else:
                    entries += self.shift.log_in(person)
            else:
                entries += self._without_finger(person, command)
        if presenting:
            presenting = replace(presenting, request_id=command.request_id)
            entries = [awaited(presenting)] if presenting.holder else []
        reason = prompt(presenting) if presenting else done
        runs = presenting is not None
        verdict = self._answer(name, command.request_id, digest, "accepted", reason, entries, at, runs=runs)
        return replace(verdict, presenting=presenting, presented=True)

    def _hand_over(self, command: HandOver) -> tuple[Presenting | None, list[Entry]]:
        presenting = self._holder(command, self.settings.comparison.hand_over_fmr)
        if command.without_finger is None:
            return presenting, []
        (kind, body), *_ = presenting.success
        tried = tried_by(str(body["subject"]), self.journal)
        signed_by, entries = self.shift.signature(command, "a hand-over without a finger", tried)
        how = {"position": None, "without_finger": command.without_finger, "signed_by": signed_by}
        return None, [*entries, (kind, {**body, **how})]

    def _holder(self, command: HandOver | Verify, fmr: float) -> Presenting:
        operator, subject = self.shift.require_operator(), self.keys.subject_of(command.identity_number)
        assert self.vault is not None
        return holder_of(command, subject, operator, self.vault, self.journal, fmr)

    def _without_finger(self, person: Person, command: Login) -> tuple[Entry, ...]:
        if command.supervisor is None or command.supervisor_pin is None:
            raise BadCommand(
                "a log-in without a finger is signed: send it with 'supervisor' and 'supervisor_pin'",
                wants="supervisor",
            )
        if command.supervisor == person.name:
            raise BadCommand(f"{person.name} cannot sign for an own log-in: it needs another supervisor")
        what = "a log-in without a finger"
        signer = self.shift.supervisor(command.supervisor, command.supervisor_pin, command.request_id, what)
        how = {"without_finger": command.without_finger, "signed_by": signer.name}
        return self.shift.log_in(person, how)

    def _look_at(self, command: Review, current: Enrolment | None, at: str, clock_is_set: bool) -> Looked:
        """Look for what speaks against a portrait."""
        if command.portrait is None or current is None:
            return Looked()
        own = {current.id, *(current.renews if current.renewal == "same" else ())}
        used_by = self.journal.reviewed_with(command.portrait.sha256, own)
        began = self.journal.last(core.STARTED)
        now = datetime.fromisoformat(at)
        odd = odd_time(command.portrait.taken_at, began, now, clock_is_set) if began else None
        return Looked(used_by, odd, command.looked is True)

    def _is_right_name(self, name: str | None, current: Enrolment | None, subject: str) -> bool | None:
        if name is None or current is None or current.subject != subject:
            return None  # of another number nothing more is said
        assert self.vault is not None
        return is_stated_name((data for _, data in self.vault.all_of(STATED, current.id)), name)

    def _new_enrolment(self, command: Enrol, warnings: tuple[str, ...]) -> Enrolment:
        operator = self.shift.require_operator()
        self.shifts.require()
        plan = plan_named(self.settings.plan.name)
        positions = tuple(p for p in plan.positions if p not in command.missing)
        rolled = tuple(p for p in plan.rolled if p not in command.missing)
        return Enrolment(
            id=secrets.token_hex(8),
            subject=self.keys.subject_of(command.identity_number),
            positions=positions,
            attempts_allowed=plan.attempts,
            quality_wanted={p: plan.quality.plain.of(p) for p in positions},
            fingers_to_tell=self.settings.comparison.already_enrolled_fingers,
            slaps=tuple(s for s in plan.slaps if set(FINGERS[s]) & set(positions)),
            rolled=rolled,
            rolled_quality={p: plan.quality.rolled.of(p) for p in rolled if plan.quality.rolled},
            plan=self.settings.plan.name,
            operator=operator,
            confirm=plan.confirm,
            review=plan.review,
            portrait=plan.portrait,
            supervisor=frozenset(plan.supervisor),
            station=self.station is not None and self.station.asks,
            missing=dict(command.missing),
            missing_why={position: str(why) for position, why in command.missing_why.items()},
            warnings=warnings,
            name_stated=command.name is not None,
        )

    def _answer(
        self,
        name: str,
        request_id: str | None,
        digest: str | None,
        outcome: Literal["accepted", "refused"],
        reason: str,
        entries: list[Entry],
        at: str,
        wants: str | None = None,
        runs: bool = False,
    ) -> Verdict:
        reply = Reply(request_id=request_id, command=name, outcome=outcome, reason=reason, wants=wants, at=at)
        if digest is None:  # too broken to be told from another: answered, and not remembered
            return Verdict(reply, [])
        body: dict[str, Any] = {
            "request_id": request_id,
            "command": name,
            "digest": digest,
            "outcome": outcome,
            "reason": reason,
            "wants": wants,
        }
        if outcome == "accepted":
            body["runs"] = runs
            said = {"request_id": request_id, "command": name, "reason": reason, "at": at}
            stands = {**said, "state": "running" if runs else "succeeded"}
            reply = reply.model_copy(update={"progress": CommandProgress.model_validate(stands)})
        return Verdict(reply, [*entries, (ANSWERED, body)])

    def _digest(self, name: str, tree: Any) -> str:
        """Tell commands apart by what they say, however it was written."""
        content = json.dumps(tree, sort_keys=True)
        return hmac.digest(self.keys.subject, json.dumps([name, content]).encode(), "sha256").hex()


def _used_before(new: Enrolment, here: JournalEntry | None, again: str | None) -> list[Entry]:
    """Refuse a number that was enrolled here before, unless with a reason, which is recorded."""
    if here is None:
        return []
    if again is None:
        raise BadCommand(
            f"this identity number was enrolled here before, at {here.at}: check whose number it is; "
            "to enrol the person all the same, send the command anew with the reason as 'again'",
            wants="again",
        )
    return [core.note_used_number(new, str(here.body["enrolment"]), again)]


def _ending(before: Presenting | None, verdict: Verdict, reason: str) -> Verdict:
    """Say what becomes of a finger that was awaited until now."""
    if before is None:
        return verdict
    entry, told = give_up(before, reason)
    shown = None if verdict.presenting else told
    return replace(verdict, entries=[entry, *ended_with(told), *verdict.entries], attended=shown)


def _overtaking(before: Presenting | None, verdict: Verdict) -> Verdict:
    """The card goes to its holder without the finger that was awaited until now."""
    if before is None or before.request_id is None:
        return verdict
    over = ended(before.request_id, False, verdict.reply.reason)
    return replace(verdict, entries=[over, *verdict.entries])


def _refuse_during(current: Enrolment | None) -> None:
    if current is not None:
        raise BadCommand(
            f"enrolment {current.id} is not finished and has the scanner: finish it or abandon it first"
        )


def _tree(payload: bytes) -> Any:
    """Return what a command says; BadCommand where it is no JSON."""
    if len(payload) > MOST_BYTES:
        raise BadCommand(f"the command has {len(payload)} bytes: at most {MOST_BYTES} are taken")
    try:
        tree = json.loads(payload)
        json.dumps(tree, sort_keys=True)  # as the digest wants it, however deep it is
    except (ValueError, RecursionError) as error:
        raise BadCommand(f"the command is no valid JSON: {error}") from None
    return tree


def _check_once(payload: bytes) -> None:
    """BadCommand where a key is there twice: readers differ in which one they take."""
    try:
        check_once(payload)
    except Twice as twice:
        raise BadCommand(f"{twice}; send it once") from None
    except RecursionError as error:
        raise BadCommand(f"the command is no valid JSON: {error}") from None


def _request_id(tree: Any) -> str:
    request_id = tree.get("request_id") if isinstance(tree, dict) else None
    if not isinstance(request_id, str) or not re.fullmatch(REQUEST_ID, request_id):
        raise BadCommand(
            "the command is no JSON object with a request_id of 1 to 64 letters, digits or ._:- "
            "and cannot be answered once without"
        )
    return request_id


def _again(
    name: str,
    request_id: str,
    digest: str,
    before: dict[str, Any],
    at: str,
    progress: CommandProgress | None,
) -> Reply:
    if before["digest"] != digest:
        reason = f"request id {request_id} was used before, for another command: choose a new one"
        return Reply(request_id=request_id, command=name, outcome="refused", reason=reason, at=at)
    return Reply(
        request_id=request_id,
        command=name,
        outcome=before["outcome"],
        reason=before["reason"],
        wants=before["wants"],
        repeated=True,
        at=at,
        progress=progress,
    )
