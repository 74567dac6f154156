"""Arbitrary lives of a booth by commands: who may do what, beside a model of who works and who signs."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.booth import enrolment as core
from edge.booth.attendant import Presenting
from edge.booth.enrolment import Entry
from edge.booth.handover import HANDED_OVER
from edge.booth.renewal import compared
from edge.booth.shift import REMOVED, SIGNED
from edge.booth.slap_judging import judge_slap
from edge.keys import make_booth_keys, make_ministry_key, read_booth_keys
from edge.people import People, Role, make_person
from edge.sealed_word import seal_word
from edge.settings import Plan
from edge.store import Store
from edge.vault import ENROLLED, Label, Vault, gallery_id
from tests.edge.booth.test_commands import SETTINGS, desk_of
from tests.edge.booth.test_enrolment import sample
from tests.edge.booth.test_slap_judging import SLAPS, slap
from tests.edge.parts import AT, CLOCK, NUMBER, steady

PINS = {"an": "271828", "binh": "314159", "chi": "161803"}  # an operator and two supervisors
WHO = st.sampled_from(sorted(PINS))
SIGNER = st.sampled_from([None, "binh", "chi"])
OF_AN_OPERATOR = ("mark-missing", "override", "single-fingers", "review")


class Life(RuleBasedStateMachine):
    """The daemon may die at every moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        make_ministry_key(path / "ministry")
        make_booth_keys(path / "keys", path / "ministry" / "ministry.pub")
        self.keys, self.store = read_booth_keys(path / "keys"), Store(path / "booth.db")
        self.settings = SETTINGS.model_copy(update={"plan": Plan(name="four-four-two")})
        self.vault = Vault(self.store, self.keys.vault)
        self.people = People(self.vault)
        self.desk = desk_of(self.store, self.keys, self.settings)
        self.current: core.Enrolment | None = None
        self.presenting: Presenting | None = None
        self.logged: str | None = None
        self.at_work = ""  # the last who logged in, also when removed since
        self.worked: set[str] = set()
        self.tried: set[str] = set()  # at whose hand-overs no finger matched
        self.enrolments: set[str] = set()  # under the number of the hand-over
        self.known_one: set[str] = set()  # of these the newest, and those that are known to be its person's
        self.requests = self.samples = 0
        for name in PINS:
            self.add(name)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def add(self, name: str) -> None:
        role: Role = "operator" if name == "an" else "supervisor"
        self.people.add(make_person(name, role, PINS[name]))

    def note(self, entries: list[Entry]) -> None:
        for kind, body in entries:
            self.desk.journal.append(kind, json.loads(json.dumps(body)), AT, CLOCK)
        self.current = core.fold(entries, self.current)

    def send(self, name: str, **word: Any) -> Any:
        """Send a command as a console does, and take what the runner would."""
        self.requests += 1
        request = f"r{self.requests}"
        for person, pin in (("person", "pin"), ("supervisor", "supervisor_pin")):
            if word.get(person):
                word[pin] = seal_word(PINS[word[person]], str(self.desk.shift.key), f"b-1/{request}")
        payload = json.dumps({"request_id": request, **word}).encode()
        before, tried = set(self.worked), set(self.tried)
        verdict = self.desk.judge(name, payload, self.current, AT, presenting=self.presenting)
        self.note(verdict.entries)
        if verdict.presented:
            self.presenting = verdict.presenting
        accepted = verdict.reply.outcome == "accepted"
        signers = [body["person"] for kind, body in verdict.entries if kind == SIGNED]
        assert len(signers) <= 1
        for signer in signers:
            assert accepted
            assert signer in ("binh", "chi")
            assert signer != self.logged
            assert signer not in (tried if name == "hand-over" else before)
        if accepted and name in ("enrol", "hand-over", *OF_AN_OPERATOR):
            assert self.logged is not None
        done = [kind for kind, _ in verdict.entries if kind in (core.FINDING, core.MISSING, core.REVIEWED)]
        if done and name != "enrol":
            self.worked.add(self.at_work)
        return verdict

    @precondition(lambda self: self.logged is None or self.requests % 2 == 0)
    @rule(who=WHO)
    def somebody_logs_in(self, who: str) -> None:
        if self.people.named(who) and self.send("login", person=who).reply.outcome == "accepted":
            self.logged = self.at_work = who

    @precondition(lambda self: self.requests % 3 == 0)
    @rule()
    def the_operator_logs_out(self) -> None:
        accepted = self.send("logout").reply.outcome == "accepted"
        assert accepted == (self.logged is not None and self.current is None and self.presenting is None)
        self.logged = None if accepted else self.logged

    @precondition(lambda self: self.requests % 3 == 0)
    @rule(who=WHO)
    def a_technician_takes_somebody_away_and_back(self, who: str) -> None:
        self.people.remove(who)
        self.desk.journal.append(REMOVED, {"person": who}, AT, CLOCK)
        self.add(who)
        self.logged = None if who == self.logged else self.logged

    @precondition(lambda self: self.logged is not None and self.current is None)
    @rule(missing=st.sampled_from([(), (4,), range(2, 11), range(1, 11)]), number=st.integers(1, 3))
    def somebody_comes(self, missing: Iterable[int], number: int) -> None:
        stated = {str(position): "cut" for position in missing}
        free = self.logged and self.current is None and self.presenting is None
        whose = f"00109000000{number}"
        verdict = self.send("enrol", identity_number=whose, missing=stated, again="once more")
        assert (verdict.reply.outcome == "accepted") == bool(free)
        if free:
            assert self.logged
            self.at_work, self.worked = self.logged, {self.logged}

    @precondition(lambda self: self.logged is not None and self.current is None and self.presenting is None)
    @rule(same=st.booleans())
    def somebody_is_enrolled_from_end_to_end(self, same: bool) -> None:
        """By one finger, under the number of the hand-over; `same`: the person of the record before."""
        self.somebody_comes(range(2, 11), 1)
        for _ in range(20):
            now = self.current
            if now is None:
                return
            if now.closed:
                self.it_is_sealed()
            elif now.to_compare:
                self.a_finger_is_compared_with_the_earlier_record(same)
            elif now.alarm:
                self.a_supervisor_overrides(next(iter({"binh", "chi"} - self.worked), None))
            elif now.wanted():
                self.a_finger_is_shown(80, "own")
            else:
                portrait = {"sha256": f"{self.requests:064x}", "taken_at": "2026-01-05T08:00:00Z"}
                self.send("review", identity_number=NUMBER, portrait=portrait)

    @precondition(lambda self: self.current is not None and self.current.wanted() is not None)
    @rule(
        quality=st.sampled_from([10, 80, 80]),
        what=st.sampled_from(["own", "own", "own", "known", "attendant", "same"]),
    )
    def a_finger_is_shown(self, quality: int, what: str) -> None:
        assert self.current is not None
        wanted, taken = self.current.wanted() or 0, sorted(self.current.accepted)
        self.samples += 1
        same = tuple(taken[:1]) if what == "same" else ()
        already, attendants = ("s0",) if what == "known" else (), ("chi",) if what == "attendant" else ()
        if wanted in SLAPS:
            fingers = self.current.fingers_of(wanted)
            more = {"same": same, "already": already, "attendants": attendants}
            by_finger = {key: dict.fromkeys(fingers, value) for key, value in more.items() if value}
            self.note(judge_slap(self.current, slap(self.current, quality, **by_finger)))
        else:
            if self.current.confirming and what == "own":
                same = (wanted,)
            event = sample(self.current, quality, same, already, f"sample{self.samples}", attendants)
            self.note(core.judge(self.current, event))
        self.worked.add(self.at_work)

    @precondition(lambda self: self.current is not None and self.current.to_compare is not None)
    @rule(same=st.booleans())
    def a_finger_is_compared_with_the_earlier_record(self, same: bool) -> None:
        assert self.current is not None
        self.note(compared(self.current, self.current.to_compare or 0, same, {"score": 1.0, "fmr": 1e-4}))

    @precondition(lambda self: self.current is not None)
    @rule(position=st.integers(1, 10))
    def a_finger_is_marked_missing(self, position: int) -> None:
        self.send("mark-missing", position=position, reason="bandaged")

    @precondition(lambda self: self.current is not None and self.current.alarm is not None)
    @rule(who=SIGNER)
    def a_supervisor_overrides(self, who: str | None) -> None:
        alarm = self.current.alarm if self.current else None
        verdict = self.send("override", reason="looked at", **({"person": who} if who else {}))
        assert verdict.reply.outcome == "refused" or alarm

    @precondition(lambda self: self.current is not None)
    @rule(who=SIGNER, which=st.sampled_from(SLAPS))
    def a_supervisor_has_single_fingers_taken(self, who: str | None, which: int) -> None:
        known = self.current.duplicate_of if self.current else None
        word = {"person": who} if who else {}
        verdict = self.send("single-fingers", slap=which, reason="webbed", **word)
        assert verdict.reply.outcome == "refused" or not known

    @precondition(lambda self: self.current is not None and self.current.reviewing)
    @rule(number=st.integers(1, 3), picture=st.integers(0, 4))
    def the_operator_reviews(self, number: int, picture: int) -> None:
        """With the own portrait mostly (0), with one of the three people's, or without one (4)."""
        shown = {"sha256": f"{picture or number}" * 64, "taken_at": "2026-01-05T08:00:00Z"}
        said: dict[str, Any] = {"portrait": shown} if picture < 4 else {"no_portrait": "no camera"}
        verdict = self.send("review", identity_number=f"00109000000{number}", **said)
        assert self.current is not None
        unsigned = picture == 4 and self.current.without_portrait
        assert verdict.reply.outcome == "refused" or self.current.closed or unsigned

    @precondition(
        lambda self: self.requests % 4 == 0 and (self.current is not None or self.presenting is not None)
    )
    @rule()
    def it_is_given_up(self) -> None:
        """Whoever stands there, and whoever is logged in: there is always this way out."""
        there = not self.current.closed if self.current else self.presenting is not None
        assert (self.send("abandon", reason="went home").reply.outcome == "accepted") == there
        assert self.current is None or self.current.closed
        self.presenting = None

    @precondition(lambda self: self.current is not None and self.current.closed)
    @rule()
    def it_is_sealed(self) -> None:
        assert self.current is not None
        if not self.current.duplicate_of:
            assert self.current.reviewed
            signed = {f["of"]["finding"] for f in self.current.findings if f["finding"] == core.OVERRIDDEN}
            assert not self.current.missing or signed & {core.MISSING_FINGERS, core.NO_FINGER}
            assert self.current.reviewed["portrait"] or core.NO_PORTRAIT in signed
            assert self.current.renewal in (None, "same") or core.EARLIER_DIFFERS in signed
            self.keep(self.current)
        self.note(core.sealed(self.current, f"{self.requests:064x}", 1))
        assert self.current is None

    def keep(self, current: core.Enrolment) -> None:
        """Keep the fingers of who is enrolled, as sealing does, and whose the records of one number are."""
        for position in current.accepted:
            label = Label(gallery_id(current.id, position), ENROLLED, current.id, current.subject, position)
            self.vault.put(label, b"template")
        if current.subject == self.keys.subject_of(NUMBER):
            self.enrolments.add(current.id)
            before = self.known_one if current.renewal == "same" else set()
            self.known_one = {current.id, *before}

    @precondition(lambda self: self.current is None and self.requests % 3 == 0)
    @rule(who=SIGNER, without=st.booleans())
    def a_card_is_to_be_handed_over(self, who: str | None, without: bool) -> None:
        more: dict[str, Any] = {"without_finger": "burnt", "person": who} if without and who else {}
        verdict = self.send("hand-over", identity_number=NUMBER, **more)
        newest = self.desk.journal.enrolled_before(self.keys.subject_of(NUMBER))
        if verdict.reply.outcome == "accepted" and newest and "exception" not in newest.body:
            assert self.enrolments == self.known_one, "nobody gets a card by the record of somebody else"
        if any(kind == HANDED_OVER for kind, _ in verdict.entries):
            self.tried = set()

    @precondition(lambda self: self.presenting is not None)
    @rule(matches=st.booleans())
    def a_holders_finger_is_judged(self, matches: bool) -> None:
        assert self.presenting is not None
        entries = self.presenting.success if matches else self.presenting.failure
        self.note(list(entries))
        assert entries[0][1]["operator"] == self.logged or self.logged is None
        self.tried = set() if matches else {*self.tried, str(entries[0][1]["operator"])}
        self.presenting = None

    @rule()
    def the_power_is_cut(self) -> None:
        self.desk, self.presenting = desk_of(self.store, self.keys, self.settings), None
        before = self.current
        self.current = core.fold((entry.kind, entry.body) for entry in self.desk.journal.read())
        assert self.current == before

    @invariant()
    def one_matter_has_the_scanner_and_it_is_known_who_works(self) -> None:
        assert self.current is None or self.presenting is None
        assert self.desk.shift.operator == self.logged
        if self.current:
            assert self.current.workers == self.worked


def test_whatever_is_sent_nobody_signs_for_what_they_did_and_there_is_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.people.MEMORY_KIB", 32)
    monkeypatch.setattr("edge.people.ITERATIONS", 1)
    run_state_machine_as_test(Life, settings=settings(steady(50), stateful_step_count=50))
