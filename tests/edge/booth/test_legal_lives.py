"""Arbitrary lives by the whole legal plan: slaps, rolled fingers, confirm, review, seal; renewal, station."""

import json
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment, Entry, SampleJudged, fold
from edge.booth.plan import plan_named
from edge.booth.renewal import compared
from edge.booth.rolled_judging import judge_rolled
from edge.booth.slap_judging import judge_slap, refuse, take_singly
from edge.booth.slap_rule import FINGERS
from edge.booth.station_answer import answered
from edge.errors import BadCommand, NotedRefusal
from edge.messages import GalleryAnswer, GalleryHit, canonical
from edge.settings import Comparison
from tests.edge.booth.test_enrolment import PORTRAIT, finished_without_a_picture, new
from tests.edge.booth.test_rolled_judging import event as roll
from tests.edge.booth.test_slap_judging import slap
from tests.edge.parts import steady

PLAN = plan_named("circular-60-2021")
POSITION = st.integers(1, 10)
GOES_WELL = 40  # things to do at most until a person is enrolled, where nothing goes wrong
reached: Counter[str] = Counter()  # what the lives of one run came by


def one_finger(
    state: Enrolment, quality: int, sample: str, same: tuple[int, ...] = (), **more: Any
) -> SampleJudged:
    return SampleJudged(state.id, state.wanted() or 0, sample, quality, "press harder", same, (), **more)


def next_step(state: Enrolment, sample: str) -> list[Entry]:
    """Do what is asked for, well."""
    wanted = state.wanted()
    if state.to_compare:
        return compared(state, state.to_compare, True, {})
    if state.alarm:
        return core.override(state, "looked at", "chi")
    if wanted is None:
        return core.review(state, state.subject, PORTRAIT, None)
    if wanted in FINGERS:
        return judge_slap(state, slap(state, 100))
    if state.rolling:
        return judge_rolled(state, roll(state, 100, name=sample))
    return core.judge(state, one_finger(state, 100, sample, (wanted,) if state.confirming else ()))


class Life(RuleBasedStateMachine):
    """Whatever happens, whenever the daemon dies: there is a way to an end, and nothing accepted is lost."""

    @initialize()
    def begin(self) -> None:
        self.state: Enrolment | None = None
        self.journal: list[Entry] = []
        self.visits = self.samples = 0

    @precondition(lambda self: self.state is None)
    @rule(
        missing=st.sets(POSITION) | st.just(set()),
        attempts=st.integers(1, 3),
        to_tell=st.integers(1, 2),
        earlier=st.sets(POSITION, max_size=3),
        station=st.booleans(),
        listed=st.sampled_from([False, False, True]),
    )
    def a_subject_comes(
        self, missing: set[int], attempts: int, to_tell: int, earlier: set[int], station: bool, listed: bool
    ) -> None:
        self.visits += 1
        positions = tuple(p for p in PLAN.positions if p not in missing)
        rolled = tuple(p for p in PLAN.rolled if p not in missing)
        assert PLAN.quality.rolled
        person = new(
            id=f"e{self.visits}", positions=positions, missing=dict.fromkeys(missing, "cut"),
            plan="circular-60-2021", fingers_to_tell=to_tell,
            slaps=tuple(s for s in PLAN.slaps if set(FINGERS[s]) & set(positions)), rolled=rolled,
            quality_wanted={p: PLAN.quality.plain.of(p) for p in positions},
            rolled_quality={p: PLAN.quality.rolled.of(p) for p in rolled}, attempts_allowed=attempts,
            confirm=PLAN.confirm, review=PLAN.review, portrait=PLAN.portrait, station=station,
            earlier=tuple(sorted(earlier & set(positions))), supervisor=frozenset(PLAN.supervisor),
        )  # fmt: skip
        self.kept: dict[int, str] = {}
        self.rolls: dict[int, str] = {}
        entries = core.start(None, person)
        self.record([*entries, *([core.note_listed_otherwise(person, ["name"])] if listed else [])])

    def record(self, entries: list[Entry]) -> None:
        """Write down, and count what was accepted by what the journal says."""
        entries = [(kind, json.loads(canonical(body))) for kind, body in entries]
        kind, body = entries[0] if entries else ("", {})
        if body.get("decision") in (core.ACCEPTED, core.BEST_KEPT):
            sample = str(body.get("kept", body["sample"]))
            if kind == core.SLAP:
                of_old = {
                    one.sample: {p: a.sample for p, a in one.fingers.items()}
                    for one in self.tried(body["slap"])
                }
                fingers = {one["position"]: one["sample"] for one in body["fingers"]}
                self.kept |= {p: {**of_old, body["sample"]: fingers}[sample][p] for p in fingers}
            else:
                (self.rolls if kind == core.ROLLED else self.kept)[body["position"]] = sample
        self.journal += entries
        self.state = fold(entries, self.state)
        if self.state:
            self.note(self.state)

    def tried(self, slap: int) -> tuple[core.SlapAttempt, ...]:
        assert self.state is not None
        return self.state.tried_slaps.get(slap, ())

    def note(self, state: Enrolment) -> None:
        """Count what a life came by: the test is worth nothing where it stays at the first slap."""
        names = (
            "rolling",
            "confirming",
            "reviewing",
            "closed",
            "to_compare",
            "alarm",
            "duplicate_of",
            "in_doubt",
        )
        reached.update(name for name in names if getattr(state, name))
        reached["single fingers"] += bool(
            not state.rolling and not state.confirming and (state.wanted() or 13) <= 10
        )
        reached["all rolled"] += len(state.kept_rolled) == 10
        reached["renewed"] += state.renewal == "same"
        reached["strange rolls"] += bool(state.alarming and state.alarming["finding"] == core.UNDETERMINED)

    def now(self) -> Enrolment:
        assert self.state is not None
        self.samples += 1
        return self.state

    @property
    def wanted(self) -> int | None:
        return self.state.wanted() if self.state else None

    @precondition(lambda self: self.state is not None)
    @rule(steps=st.integers(1, 14))
    def things_go_well_for_a_while(self, steps: int) -> None:
        for number in range(steps):
            if (state := self.now()).closed:
                return
            self.record(next_step(state, f"well-{self.samples}-{number}"))

    @precondition(lambda self: self.wanted in FINGERS)
    @rule(
        qualities=st.lists(st.sampled_from([3, 25, 80]), min_size=4, max_size=4),
        hand=st.sampled_from(["right", "left", "undetermined"]),
        what=st.sampled_from(["", "", "same", "perhaps", "attendants", "already"]),
        which=st.integers(0, 3),
        rate=st.sampled_from([2e-5, 9e-5]),
        times=st.integers(1, 3),
    )
    def a_slap_is_shown(
        self, qualities: list[int], hand: str, what: str, which: int, rate: float, times: int
    ) -> None:
        """Several times in a row: a doubt is settled by what is shown next."""
        wanted = self.wanted
        while times and (state := self.now()).wanted() == wanted in FINGERS:
            times -= 1
            fingers = state.fingers_of(wanted or 0)
            taken = sorted(state.accepted) or list(fingers)
            said = {
                "same": (taken[0],),
                "perhaps": {taken[-1]: rate},
                "attendants": ("an",),
                "already": ("s0",),
            }
            whose = fingers if what == "already" else (fingers[which % len(fingers)],)
            more = {what: dict.fromkeys(whose, said[what])} if what else {}
            of_each = dict(zip(fingers, qualities, strict=False))
            self.record(judge_slap(state, slap(state, of_each, hand=hand, **more)))

    @precondition(
        lambda self: self.state is not None and self.wanted in range(1, 11) and not self.state.rolling
    )
    @rule(
        quality=st.sampled_from([3, 80]),
        own=st.sampled_from([True, True, False]),
        attendant=st.sampled_from([False, False, True]),
    )
    def a_single_finger_is_shown(self, quality: int, own: bool, attendant: bool) -> None:
        """Of a slap that is taken singly, or to confirm."""
        state = self.now()
        other = tuple(p for p in state.accepted if p != self.wanted)[:1]
        same = other if not own else (self.wanted or 0,) if state.confirming else ()
        who = ("an",) if attendant and not state.confirming else ()
        self.record(
            core.judge(state, one_finger(state, quality, f"single-{self.samples}", same, attendants=who))
        )

    @precondition(lambda self: self.state is not None and self.wanted and self.state.rolling)
    @rule(
        quality=st.sampled_from([3, 60]),
        own=st.sampled_from([1e-9, 5e-4, None]),
        other=st.booleans(),
        issue=st.booleans(),
        attendant=st.sampled_from([False, False, True]),
    )
    def a_finger_is_rolled(
        self, quality: int, own: float | None, other: bool, issue: bool, attendant: bool
    ) -> None:
        state = self.now()
        more = {
            "others": tuple(p for p in state.accepted if p != self.wanted)[:1] if other else (),
            "issues": ("slipped",) if issue else (),
            "attendants": ("an",) if attendant else (),
        }
        self.record(judge_rolled(state, roll(state, quality, own, name=f"roll-{self.samples}", **more)))

    @precondition(lambda self: self.state is not None and self.wanted and self.state.rolling)
    @rule(fingers=st.integers(2, 10))
    def somebody_else_rolls(self, fingers: int) -> None:
        """Finger after finger matches no plain one; then the person shows one to confirm."""
        for _ in range(2 * fingers):
            if (state := self.now()).rolling:
                self.record(judge_rolled(state, roll(state, 60, None, name=f"strange-{self.samples}")))
        self.things_go_well_until_confirmed()

    def things_go_well_until_confirmed(self) -> None:
        while (state := self.now()).confirming and not state.alarm:
            self.record(next_step(state, f"own-{self.samples}"))

    @precondition(lambda self: self.wanted is not None)
    @rule(times=st.integers(1, 3))
    def no_finger_is_seen(self, times: int) -> None:
        for _ in range(times):
            self.record(refuse(self.now(), self.wanted or 0, "no finger is seen", {}))

    @precondition(lambda self: self.state is not None and self.state.to_compare)
    @rule(same=st.booleans())
    def a_finger_is_compared_with_the_earlier_record(self, same: bool) -> None:
        state = self.now()
        self.record(compared(state, state.to_compare or 0, same, {"score": 9.0, "fmr": 1e-4}))

    @precondition(lambda self: self.state is not None and self.state.unsettled)
    @rule(subject=st.sampled_from([None, "s0"]), times=st.integers(1, 3))
    def the_station_answers(self, subject: str | None, times: int) -> None:
        """At any time, also when the operator has spoken and the record waits to be sealed."""
        for _ in range(times):
            self.it_answers(self.now(), subject)

    def it_answers(self, state: Enrolment, subject: str | None) -> None:
        if not state.unsettled:
            return
        position = state.unsettled[0]
        found = (
            [GalleryHit(shown=position, subject=subject, booth="b", position=position, score=9)]
            if subject
            else []
        )
        question = state.accepted[position].sample  # no hexadecimal id here, which a real one is
        answer = GalleryAnswer.model_construct(question=question, people=5, hits=found)
        self.record(answered(state, answer, Comparison()))

    @precondition(lambda self: self.state is not None)
    @rule(slap=st.sampled_from(PLAN.slaps))
    def a_slap_is_taken_singly(self, slap: int) -> None:
        try:
            self.record(take_singly(self.now(), slap, "webbed", "chi"))
        except BadCommand:
            state = self.now()
            assert (
                slap not in state.slaps or set(state.fingers_of(slap)) <= set(self.kept) or state.duplicate_of
            )

    @precondition(lambda self: self.state is not None)
    @rule(position=POSITION)
    def a_finger_is_marked_missing(self, position: int) -> None:
        """Before it is taken: it is not there; afterwards: it cannot be rolled."""
        try:
            self.record(core.mark_missing(self.now(), position, "bandaged"))
        except BadCommand:
            state = self.now()
            plain = position in state.positions and position not in self.kept
            round_ = state.rolling and position in state.rolled and position not in self.rolls
            assert state.closed or state.duplicate_of or not (plain or round_)

    @precondition(lambda self: self.state is not None and self.state.alarm)
    @rule()
    def a_supervisor_overrides(self) -> None:
        self.record(core.override(self.now(), "looked at the hand", "chi"))

    @precondition(lambda self: self.state is not None and not self.state.closed)
    @rule(
        subject=st.sampled_from(["s1", "s1", "another"]),
        portrait=st.booleans(),
        why=st.sampled_from([None, "broken"]),
    )
    def the_operator_reviews(self, subject: str, portrait: bool, why: str | None) -> None:
        state = self.now()
        try:
            self.record(core.review(state, subject, PORTRAIT if portrait else None, why))
        except NotedRefusal as refusal:
            assert subject == "another"
            self.record(refusal.entries)
        except BadCommand:
            assert state.alarm or not state.reviewing or portrait == bool(why)

    @precondition(lambda self: self.state is not None and not self.state.closed and self.samples % 7 == 6)
    @rule()
    def it_is_given_up(self) -> None:
        self.record(core.abandon(self.now(), "deferred: has a fever"))

    @precondition(lambda self: self.state is not None and self.state.closed)
    @rule()
    def the_record_is_sealed(self) -> None:
        entries = core.sealed(self.state, "0" * 64, 1)
        self.holds_all_that_was_accepted(entries)
        self.record(entries)
        reached["sealed"] += 1

    def holds_all_that_was_accepted(self, sealed: list[Entry]) -> None:
        ((_, body),) = sealed
        assert body["samples"] == {str(p): name for p, name in self.kept.items()}, (
            "an accepted sample is lost"
        )
        assert body.get("rolled", {}) == {str(p): name for p, name in self.rolls.items()}, (
            "an accepted roll is lost"
        )

    @invariant()
    def an_accepted_sample_is_never_lost_and_the_journal_tells_all(self) -> None:
        """The daemon may be killed here: what it reads back is what it had."""
        if getattr(self, "state", None) is None:
            return
        assert fold(self.journal) == self.state
        assert self.state is not None
        assert {p: one.sample for p, one in self.state.accepted.items()} == self.kept
        assert {p: one.sample for p, one in self.state.kept_rolled.items()} == self.rolls

    @invariant()
    def from_every_state_there_is_a_way_to_finish_cancel_or_defer(self) -> None:
        state = getattr(self, "state", None)
        if state is None:
            return
        after = None if state.closed else fold(core.abandon(state, "deferred: has a fever"), state)
        assert after is None or (after.duplicate_of and after.closed), (
            "who is enrolled already is sealed as that"
        )
        for _ in range(GOES_WELL):
            if state.closed:
                break
            state = fold(next_step(state, "good"), state)
            assert state is not None
        ((_, body),) = core.sealed(state, "0" * 64, 1)
        assert body["samples"].items() >= {str(p): name for p, name in self.kept.items()}.items()
        assert body.get("rolled", {}).items() >= {str(p): name for p, name in self.rolls.items()}.items()
        assert fold(core.sealed(state, "0" * 64, 1), state) is None

    @invariant()
    def nothing_has_to_be_captured_any_more_to_come_to_an_end(self) -> None:
        if getattr(self, "state", None) is None:
            return
        assert self.state is not None
        self.holds_all_that_was_accepted(core.sealed(finished_without_a_picture(self.state), "0" * 64, 1))


def test_from_every_state_of_the_legal_plan_there_is_a_way_to_an_end_and_nothing_accepted_is_lost() -> None:
    reached.clear()
    run_state_machine_as_test(Life, settings=settings(steady(60), stateful_step_count=30))
    stages = ("single fingers", "rolling", "confirming", "reviewing", "closed", "sealed")
    others = ("to_compare", "renewed", "alarm", "duplicate_of", "all rolled", "strange rolls")
    assert [name for name in (*stages, *others) if not reached[name]] == [], "where the lives never come"
