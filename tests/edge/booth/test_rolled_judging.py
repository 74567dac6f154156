"""Rolled fingers in an enrolment: decisions by hand, BSI's rules, and arbitrary lives that lose nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.booth import enrolment as core
from edge.booth.acquisition import Acquisition
from edge.booth.enrolment import Enrolment, Entry, SampleJudged, fold
from edge.booth.entries import SIGNABLE
from edge.booth.rolled_judging import RollJudged, judge_rolled
from edge.booth.rolled_rule import Control, Try, best_of, control
from edge.booth.slap_judging import refuse
from edge.errors import BadCommand, IllegalTransition
from edge.messages import Phase, canonical
from tests.edge.booth.test_enrolment import new, sample
from tests.edge.booth.test_view import READY, view
from tests.edge.parts import steady

BACK = "the finger was rolled back: roll it in one direction only"


def visit(fingers: tuple[int, ...] = (1, 2), **changes: Any) -> Enrolment:
    """A person whose plain impressions are taken."""
    wanted = dict.fromkeys(fingers, 20)
    changes = {"positions": fingers, "rolled": fingers, "rolled_quality": wanted, **changes}
    state = fold(core.start(None, new(**changes)))
    for position in fingers:
        assert state is not None
        assert (state.rolling, state.wanted()) == (False, position)
        state = fold(core.judge(state, sample(state, 50)), state)
    assert state is not None
    return state


def event(current: Enrolment, quality: int = 50, own: float | None = 1e-9, **more: Any) -> RollJudged:
    """A roll as it is wanted; `own`: FMR at which its own plain impression matches; `others` match surely."""
    position = current.wanted() or 0
    sure = (position,) if own is not None and own <= 1e-5 else ()
    perhaps = {position: own} if own is not None and own > 1e-5 else {}
    one = SampleJudged(
        current.id, position, more.get("name") or f"{position}-{current.attempt_number(position)}-{quality}",
        quality, "press lightly", (*sure, *more.get("others", ())), (), {"device": {"a": 1}},
        more.get("attendants", ()), perhaps,
    )  # fmt: skip
    issues = more.get("issues", ())
    return RollJudged(one, issues, BACK if issues else None)


def show(current: Enrolment, *arguments: Any, **more: Any) -> tuple[str, Enrolment, list[Entry]]:
    entries = judge_rolled(current, event(current, *arguments, **more))
    kept = [(kind, json.loads(canonical(body))) for kind, body in entries]
    after = fold(kept, current)
    assert after is not None
    return kept[0][1]["decision"], after, kept


@pytest.mark.parametrize(
    ("tries", "kept"),
    [
        (((40, False), (60, False), (50, False)), 1),  # the highest quality
        (((40, False), (90, True), (30, False)), 0),  # among those without an issue
        (((40, True), (90, True), (30, True)), 1),  # all have one: the highest of all
        (((40, False), (40, False)), 1),  # of equals the last
        (((40, True), (40, True), (39, True)), 1),
        (((10, True), (5, False)), 1),
    ],
)
def test_which_roll_is_kept_is_bsis_rule(tries: tuple[tuple[int, bool], ...], kept: int) -> None:
    """BSI TR-03121-3 volume 4, best of several captures, rolled."""
    assert best_of([Try(*one) for one in tries]) == kept


@given(st.lists(st.builds(Try, st.integers(0, 100), st.booleans()), min_size=1, max_size=5))
def test_no_other_roll_is_better_than_the_one_kept(tries: list[Try]) -> None:
    kept = best_of(tries)
    sound = [one for one in tries if not one.issue] or tries
    assert tries[kept] in sound
    assert all(one.quality <= tries[kept].quality for one in sound)
    assert all(one != tries[kept] for one in tries[kept + 1 :])


@pytest.mark.parametrize(
    ("own", "others", "said"),
    [
        ((2,), (), Control.OWN),
        ((2,), (3,), Control.OWN),  # its own finger counts
        ((), (3,), Control.OTHER),
        ((3,), (3,), Control.OTHER),
        ((3,), (), Control.UNDETERMINED),  # another one, but not as surely as it takes
        ((), (), Control.UNDETERMINED),
    ],
)
def test_what_the_plain_impressions_say_is_bsis_rule(
    own: tuple[int, ...], others: tuple[int, ...], said: Control
) -> None:
    """BSI TR-03121-3 volume 4, control verification of rolled against plain."""
    assert control(2, own, others) is said


def test_rolled_fingers_follow_the_plain_ones_in_their_order() -> None:
    current = visit((1, 2, 6))
    for position in (1, 2, 6):
        assert (current.rolling, current.wanted(), current.closed) == (True, position, False)
        decision, current, entries = show(current, own=5e-4)
        assert (decision, entries[0][1]["control"], len(entries)) == (core.ACCEPTED, "own", 1)
    assert (current.rolling, current.closed) == (False, True)
    ((_, body),) = core.sealed(current, "0" * 64, 9)
    assert body["rolled"] == {"1": "1-1-50", "2": "2-1-50", "6": "6-1-50"}
    assert sorted(body["samples"]) == ["1", "2", "6"]


def test_what_an_attack_detection_says_of_a_roll_stays_with_the_one_that_is_kept() -> None:
    current, said = visit((1,)), {"score": 70, "detector": "of a vendor"}
    roll = event(current)
    roll.sample.facts["attack"] = said
    entries = judge_rolled(current, roll)
    assert entries[0][1]["attack"] == said
    after = fold(entries, current)
    assert after is not None
    assert after.kept_rolled[1].attack == said


def test_a_roll_with_an_issue_is_asked_for_again_and_kept_only_when_there_is_no_better_one() -> None:
    current = visit()
    decision, current, _ = show(current, 90, issues=("rolled-back",))
    assert (decision, current.hint, current.attempt_number(1)) == (core.RETRY, BACK, 2)
    decision, current, _ = show(current, 19)
    assert (decision, current.hint) == (core.RETRY, "press lightly")
    decision, current, entries = show(current, 95, own=None, issues=("too-short",))
    assert (decision, entries[0][1]["kept"], len(entries)) == (core.BEST_KEPT, "1-2-19", 1)
    assert (current.kept_rolled[1].sample, current.wanted()) == ("1-2-19", 2)


def test_a_finger_rolled_out_of_turn_is_an_alarm_that_the_right_finger_ends() -> None:
    current = visit()
    for _ in range(4):
        decision, current, entries = show(current, own=None, others=(2,))
        assert (decision, current.attempt_number(1)) == (core.WRONG_FINGER, 1), "no attempt is used up"
        assert current.hint == "this is the finger taken as right index"
        assert current.alarm == (
            "the finger rolled as right thumb matches the plain right index, and not the plain right thumb"
        )
        assert (entries[1][1]["of"], entries[1][1]["device"]) == ([2], {"a": 1})
    refused = fold(refuse(current, 1, "no finger is seen", {}), current)
    assert refused is not None
    assert refused.alarm == current.alarm, "nothing else was shown"
    decision, current, _ = show(refused, others=(2,))
    assert (decision, current.alarm, current.wanted()) == (core.ACCEPTED, None, 2)


def test_a_supervisor_may_say_that_the_order_is_right_and_the_next_roll_is_marked() -> None:
    _, current, _ = show(visit(), own=None, others=(2,))
    current = fold(core.override(current, "the plain ones are mixed up", "binh"), current) or current
    assert (current.alarm, current.wanted(), current.findings[-1]["of"]["positions"]) == (None, 1, [2])
    decision, after, entries = show(current, own=None, others=(2,))
    assert (decision, after.wanted(), after.alarm) == (core.ACCEPTED, 2, None)
    assert (entries[1][1]["finding"], entries[0][1]["control"]) == (core.UNDETERMINED, "undetermined")
    assert show(after, own=None, others=(1,))[0] == core.WRONG_FINGER, "of the other finger nothing was said"


def test_what_matches_nothing_is_asked_for_once_more_then_kept_and_marked() -> None:
    decision, current, _ = show(visit(), own=None)
    assert (decision, current.hint, current.attempt_number(1)) == (
        core.SECOND_LOOK,
        "once more, to be sure",
        1,
    )
    assert show(current)[2][1:] == [], "its own finger matches now"
    assert show(current, own=None, others=(2,))[0] == core.WRONG_FINGER
    decision, current, entries = show(current, own=None)
    assert (decision, current.wanted()) == (core.ACCEPTED, 2)
    assert entries[1][1]["text"] == (
        "the rolled right thumb that is kept matches not even the plain right thumb: it is undetermined "
        "whose it is"
    )


def rolled_by(own: list[float | None], **changes: Any) -> Enrolment:
    """A person whose fingers are rolled, each until it is kept; None: it matches no plain finger."""
    changes = {"supervisor": frozenset(SIGNABLE), **changes}
    current = visit(tuple(range(1, len(own) + 1)), **changes)
    for position, rate in enumerate(own, 1):
        while current.wanted() == position and current.rolling:
            _, current, _ = show(current, own=rate)
            assert not (current.rolling and current.alarm), "not while anything is rolled"
    return current


@pytest.mark.parametrize(
    ("strange", "rolled", "alarms"),
    [
        (0, 10, False),
        (2, 10, False),
        (3, 10, True),
        (10, 10, True),
        (2, 3, False),
        (1, 2, False),
        (2, 2, True),
        (1, 1, True),
    ],
)
def test_three_rolls_of_nobody_or_all_of_them_are_an_alarm(strange: int, rolled: int, alarms: bool) -> None:
    current = rolled_by([None] * strange + [1e-9] * (rolled - strange))
    assert bool(current.alarm) is alarms
    assert current.closed is not alarms


def test_ten_rolls_of_somebody_else_are_told_and_go_on_only_when_signed() -> None:
    current = rolled_by([None] * 10, confirm=True, review=True)
    assert (current.confirming, current.alarm) == (True, None), "once the person is confirmed"
    position = current.wanted() or 0
    shown = SampleJudged(current.id, position, "c", 100, None, (position,), ())
    current = fold(core.judge(current, shown), current) or current
    assert current.alarm is not None
    assert current.alarm.startswith("10 rolled fingers match none of the plain ones (right thumb, right")
    assert current.alarm.endswith("left little): look whether the same person stands there")
    assert not current.overrides_alone
    state = view(current, Acquisition(scanner=True), READY)
    assert (state.phase, state.alarm) == (Phase.REVIEW, current.alarm)
    assert state.prompt == "settle the alarm: send 'override' with a reason, or 'abandon'"
    with pytest.raises(BadCommand, match="10 rolled fingers match none"):
        core.review(current, current.subject, None, None)
    assert fold(core.abandon(current, "somebody else rolled"), current) is None
    signed = fold(core.override(current, "scarred; it is her", "binh"), current) or current
    assert (signed.alarm, signed.reviewing) == (None, True)
    of = signed.findings[-1]["of"]
    assert of == {"finding": core.UNDETERMINED, "signed_by": "binh", "positions": list(range(1, 11))}
    assert fold(core.review(signed, signed.subject, None, None), signed).closed  # type: ignore[union-attr]


def test_each_roll_of_nobody_is_told_to_the_operator_when_it_is_kept() -> None:
    current = visit(warnings=("an odd name",))
    told = lambda: view(current, Acquisition(scanner=True), READY).warnings  # noqa: E731
    _, current, _ = show(current, own=None)
    assert told() == ["an odd name"], "it is asked for once more"
    _, current, entries = show(current, own=None)
    assert told() == ["an odd name", entries[1][1]["text"]]
    assert show(current)[1].alarm is None


def test_rolls_that_a_supervisor_has_looked_at_are_not_signed_again() -> None:
    current = visit((1, 2), supervisor=frozenset(SIGNABLE))
    for position, other in ((1, 2), (2, 1)):
        _, current, _ = show(current, own=None, others=(other,))
        current = fold(core.override(current, "laid down crosswise", "binh"), current) or current
        assert show(current, own=None, others=(other,))[0] == core.ACCEPTED
        _, current, _ = show(current, own=None, others=(other,))
        assert position in current.kept_rolled
    assert (current.alarm, current.closed) == (None, True)


def test_an_enrolment_of_an_earlier_release_goes_on_without_that_alarm() -> None:
    """It is in no list of what is signed that such a release wrote down."""
    current = rolled_by([None] * 10, supervisor=frozenset(SIGNABLE) - {core.UNDETERMINED})
    assert (current.alarm, current.closed) == (None, True)


def test_a_finger_of_somebody_who_works_here_is_an_alarm() -> None:
    decision, current, _ = show(visit(), attendants=("an",))
    assert decision == core.WRONG_FINGER
    assert current.alarm == "the finger rolled as right thumb is one of an, who works here"
    current = fold(core.override(current, "an is enrolled today", "binh"), current) or current
    assert show(current, attendants=("an",))[0] == core.ACCEPTED


def test_a_finger_that_cannot_be_rolled_is_left_out_and_its_plain_impression_stays() -> None:
    current = visit()
    current = fold(core.mark_missing(current, 1, "stiff"), current) or current
    assert (current.wanted(), current.not_rolled, sorted(current.accepted)) == (2, {1: "stiff"}, [1, 2])
    assert current.missing == {}
    with pytest.raises(BadCommand, match="captured already"):
        core.mark_missing(current, 1, "stiff")
    assert show(current)[1].closed


def test_for_a_finger_that_cannot_be_rolled_a_supervisor_signs_as_for_a_missing_one() -> None:
    current = visit(operator="an", supervisor=frozenset({core.MISSING_FINGERS}))
    current = fold(core.mark_missing(current, 1, "stiff", "cannot-flatten"), current) or current
    assert current.alarm is None, "not while anything is captured"
    current = show(current)[1]
    alarm = "right thumb (cannot-flatten, not rolled) cannot be captured: a supervisor looks at the hands"
    assert (current.alarm, current.closed) == (alarm, False)
    current = fold(core.override(current, "seen", "binh"), current) or current
    assert (current.findings[-1]["of"]["positions"], current.closed) == ([1], True)


def test_a_missing_finger_is_neither_laid_down_nor_rolled() -> None:
    state = fold(core.start(None, new(positions=(1, 2), rolled=(1, 2), rolled_quality={1: 20, 2: 20})))
    state = fold(core.mark_missing(state, 1, "cut"), state)
    assert state is not None
    assert (state.positions, state.rolled) == ((2,), (2,))


def test_a_roll_that_is_not_awaited_is_illegal() -> None:
    current = visit()
    roll = event(current)
    with pytest.raises(IllegalTransition):
        core.judge(current, roll.sample)
    with pytest.raises(IllegalTransition):
        judge_rolled(show(current)[1], roll)
    plain = fold(core.start(None, new(positions=(1,), rolled=(1,), rolled_quality={1: 20})))
    with pytest.raises(IllegalTransition):
        judge_rolled(plain, roll)
    with pytest.raises(IllegalTransition):
        judge_rolled(None, roll)


class Life(RuleBasedStateMachine):
    """Whatever happens: nothing kept is lost, the journal tells all, and there is a way to the end."""

    @initialize(fingers=st.sets(st.integers(1, 10), min_size=1, max_size=3), attempts=st.integers(1, 3))
    def plain_impressions_are_taken(self, fingers: set[int], attempts: int) -> None:
        positions = tuple(sorted(fingers))
        made = new(
            positions=positions, rolled=positions, rolled_quality=dict.fromkeys(positions, 20), confirm=True,
            attempts_allowed=attempts, supervisor=frozenset(SIGNABLE),
        )  # fmt: skip
        self.journal: list[Entry] = []
        self.state: Enrolment | None = None
        self.kept: dict[int, str] = {}
        self.count = 0
        self.record(core.start(None, made))
        for _ in positions:
            assert self.state is not None
            self.record(core.judge(self.state, sample(self.state, 50)))

    def record(self, entries: list[Entry]) -> None:
        entries = [(kind, json.loads(canonical(body))) for kind, body in entries]
        self.journal += entries
        self.state = fold(entries, self.state)

    @property
    def rolling(self) -> bool:
        return self.state is not None and self.state.rolling

    @precondition(lambda self: self.rolling)
    @rule(
        quality=st.sampled_from([5, 19, 20, 60]),
        own=st.sampled_from([1e-9, 5e-4, None]),
        other=st.booleans(),
        issue=st.booleans(),
        attendant=st.booleans(),
    )
    def a_finger_is_rolled(
        self, quality: int, own: float | None, other: bool, issue: bool, attendant: bool
    ) -> None:
        assert self.state is not None
        position = self.state.wanted() or 0
        others = tuple(p for p in self.state.accepted if p != position)[:1] if other else ()
        self.count += 1
        entries = judge_rolled(
            self.state,
            event(self.state, quality, own, others=others, issues=("slipped",) if issue else (),
                  attendants=("an",) if attendant else (), name=f"roll-{self.count}"),
        )  # fmt: skip
        body = entries[0][1]
        if body["decision"] == core.ACCEPTED:
            assert quality >= 20
            assert not issue
        if body["decision"] in (core.ACCEPTED, core.BEST_KEPT):
            self.kept[position] = body.get("kept", body["sample"])
        self.record(entries)
        undetermined = [f for f in self.state.findings if f["finding"] == core.UNDETERMINED]
        marked = {f["position"] for f in undetermined}
        unsure = {p for p, one in self.state.kept_rolled.items() if one.control != "own"}
        assert unsure == marked

    @precondition(lambda self: self.rolling)
    @rule()
    def nothing_is_rolled(self) -> None:
        assert self.state is not None
        self.record(refuse(self.state, self.state.wanted() or 0, "no finger is seen", {}))

    @precondition(lambda self: self.rolling)
    @rule(position=st.integers(1, 10))
    def a_finger_cannot_be_rolled(self, position: int) -> None:
        assert self.state is not None
        try:
            self.record(core.mark_missing(self.state, position, "stiff"))
        except BadCommand:
            assert position in self.state.kept_rolled or position not in self.state.rolled

    @precondition(lambda self: self.state is not None and self.state.alarm is not None)
    @rule()
    def a_supervisor_overrides(self) -> None:
        self.record(core.override(self.state, "looked at the hand", "binh"))

    @rule()
    def the_daemon_is_killed(self) -> None:
        self.state = fold(self.journal)

    @invariant()
    def nothing_kept_is_lost_and_the_journal_tells_all(self) -> None:
        """The daemon may be killed here: what it reads back is what it had."""
        if not hasattr(self, "journal"):
            return
        assert fold(self.journal) == self.state
        assert self.state is not None
        assert {p: one.sample for p, one in self.state.kept_rolled.items()} == self.kept
        assert all(len(t) <= self.state.attempts_allowed for t in self.state.tried_rolled.values())
        assert set(self.state.kept_rolled).isdisjoint(self.state.not_rolled)

    @invariant()
    def there_is_always_a_way_out(self) -> None:
        state = getattr(self, "state", None)
        if state is None:
            return
        assert state.closed or fold(core.abandon(state, "went home"), state) is None
        while state and state.rolling:
            state = fold(judge_rolled(state, event(state, 100)), state)
        assert state is not None
        if state.confirming:
            position = state.wanted() or 0
            shown = SampleJudged(state.id, position, "good", 100, None, (position,), ())
            state = fold(core.judge(state, shown), state)
        assert state is not None
        if state.alarm:
            state = fold(core.override(state, "looked at the person", "binh"), state)
        assert state is not None
        assert state.closed
        assert fold(core.sealed(state, "0" * 64, 1), state) is None


TestLife = Life.TestCase
TestLife.settings = settings(steady(80), stateful_step_count=25)
