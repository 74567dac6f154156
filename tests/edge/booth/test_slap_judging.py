"""Slaps in an enrolment: decisions by hand, BSI's worked examples, and arbitrary lives that lose nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
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
from edge.booth import slap_rule
from edge.booth.enrolment import Enrolment, Entry, SampleJudged, fold
from edge.booth.plan import plan_named
from edge.booth.slap_judging import SlapJudged, judge_slap, refuse, take_singly
from edge.errors import BadCommand, IllegalTransition
from edge.messages import canonical
from tests.edge.booth.test_enrolment import finished_without_a_picture, new
from tests.edge.parts import steady

SLAPS = (13, 14, 15)
TEN = plan_named("four-four-two").positions


def visit(**changes: Any) -> Enrolment:
    return fold(core.start(None, new(**{"positions": TEN, "slaps": SLAPS, **changes}))) or new()


def slap(current: Enrolment, quality: dict[int, int] | int = 50, **more: Any) -> SlapJudged:
    """A slap as it is wanted; `same`, `perhaps`, `already`, `alone`, `attendants` are by finger."""
    position = current.wanted() or 0
    name = f"{position}-{current.attempt_number(position)}"
    by_finger: dict[str, dict[int, Any]] = {
        key: more.get(key, {}) for key in ("same", "already", "attendants")
    }
    perhaps = more.get("perhaps", {})
    fingers = tuple(
        SampleJudged(
            current.id, p, f"{name}-{p}", quality if isinstance(quality, int) else quality[p], "press harder",
            by_finger["same"].get(p, ()), by_finger["already"].get(p, ()), {"minutiae": 40},
            by_finger["attendants"].get(p, ()), perhaps.get(p, {}), alone=more.get("alone", {}).get(p, {}),
        )
        for p in current.fingers_of(position)
    )  # fmt: skip
    return SlapJudged(
        current.id, position, name, more.get("hand", "undetermined"), fingers, {"device": {"a": 1}}
    )


def show(current: Enrolment, *arguments: Any, **more: Any) -> tuple[str, Enrolment, list[Entry]]:
    entries = judge_slap(current, slap(current, *arguments, **more))
    kept = [(kind, json.loads(canonical(body))) for kind, body in entries]
    after = fold(kept, current)
    assert after is not None
    return kept[0][1]["decision"], after, kept


def test_three_good_slaps_are_ten_fingers_each_with_its_own_sample() -> None:
    current = visit()
    for wanted, fingers in slap_rule.FINGERS.items():
        assert (current.wanted(), current.fingers_of(wanted)) == (wanted, fingers)
        decision, current, _ = show(current)
        assert decision == core.ACCEPTED
    assert {p: one.sample for p, one in current.accepted.items()} == {
        finger: f"{position}-1-{finger}"
        for position, fingers in slap_rule.FINGERS.items()
        for finger in fingers
    }
    ((_, body),) = core.sealed(current, "0" * 64, 9)
    assert body["slaps"] == {"13": "13-1", "14": "14-1", "15": "15-1"}
    assert len(body["samples"]) == 10


@pytest.mark.parametrize(
    ("tries", "position", "kept"),
    [
        (((20, 9, 9, 9), (21, 1, 1, 1)), 13, 1),  # the better index, whatever the others
        (
            ((20, 9, 3, 90), (20, 9, 4, 1)),
            13,
            1,
        ),  # equal index and middle: the better ring, whatever the little
        (((20, 9, 4, 2), (20, 9, 4, 1)), 14, 0),
        (((20, 9, 4, 2), (20, 9, 4, 2)), 14, 1),  # of equals the last
        (((20, 90), (21, 1)), 15, 1),  # the right thumb first
        (((20, 90), (20, 1)), 15, 0),
    ],
)
def test_which_attempt_is_kept_is_bsis_rule(
    tries: tuple[tuple[int, ...], ...], position: int, kept: int
) -> None:
    """BSI TR-03121-3 volume 4, best of several captures, in its worked examples."""
    qualities = [dict(zip(slap_rule.FINGERS[position], one, strict=True)) for one in tries]
    assert slap_rule.best_of(qualities, position) == kept


def test_after_the_last_attempt_the_best_whole_slap_is_kept() -> None:
    current = visit()
    for index, expected in ((20, core.RETRY), (25, core.RETRY), (24, core.BEST_KEPT)):
        decision, current, entries = show(current, {2: index, 3: 50, 4: 50, 5: 50})
        assert decision == expected
        assert entries[0][1]["hint"] == ("right index: press harder" if expected == core.RETRY else None)
    assert entries[0][1]["kept"] == "13-2"
    assert {p: one.sample for p, one in current.accepted.items()} == {p: f"13-2-{p}" for p in (2, 3, 4, 5)}
    assert current.wanted() == 14


def test_one_finger_below_its_own_threshold_repeats_the_slap() -> None:
    current = visit(quality_wanted=dict.fromkeys(TEN, 30) | {5: 10})
    assert show(current, {2: 30, 3: 30, 4: 30, 5: 10})[0] == core.ACCEPTED
    assert show(current, {2: 30, 3: 30, 4: 29, 5: 90})[0] == core.RETRY


def test_what_is_not_the_fingers_asked_for_is_refused_and_uses_no_attempt() -> None:
    current = visit()
    for number in range(1, 6):
        ((kind, body),) = refuse(current, 13, "3 fingers are seen", {"device": {}})
        after = fold([(kind, body)], current)
        assert after is not None
        said = "3 fingers are seen" + (" (a supervisor may have single fingers taken)" if number > 2 else "")
        assert (after.wanted(), after.attempt_number(13), after.hint) == (13, 1, said)
        current = after
    with pytest.raises(IllegalTransition):
        refuse(current, 14, "3 fingers are seen", {})


def test_a_slap_that_cannot_be_split_is_taken_finger_by_finger_when_a_supervisor_signs() -> None:
    _, current, _ = show(visit(confirm=True))
    _, current, _ = show(current, 20)  # the left four, once, too poor
    (entry,) = take_singly(current, 14, "webbed fingers", "binh")
    current = fold([entry], current) or current
    assert current.findings[-1]["of"] == {"signed_by": "binh"}
    assert "are taken one by one; signed by binh because: webbed fingers" in current.findings[-1]["text"]
    assert (current.wanted(), current.slaps, sorted(current.accepted)) == (7, (13, 15), [2, 3, 4, 5])
    for finger in (7, 8, 9):
        event = SampleJudged(current.id, finger, f"s{finger}", 90, None, (), ())
        current = fold(core.judge(current, event), current) or current
    current = fold(core.mark_missing(current, 10, "cannot be flattened"), current) or current
    assert current.wanted() == 15
    _, current, _ = show(current)
    assert sorted(current.accepted) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert current.confirming
    with pytest.raises(BadCommand, match="the four right fingers are not awaited together"):
        take_singly(current, 13, "x")
    with pytest.raises(BadCommand, match="no subject is being enrolled"):
        take_singly(None, 13, "x")


def test_two_fingers_of_a_slap_told_as_one_are_taken_when_a_supervisor_says_so() -> None:
    current = visit()
    for number in (1, 2, 3):
        decision, current, _ = show(current, same={2: (3,), 3: (2,)})
        assert decision == core.WRONG_FINGER
        assert (current.alarm is not None) == (number == 3)
    current = fold(core.override(current, "I see two fingers", "binh"), current) or current
    assert current.alarm is None
    decision, current, entries = show(current, same={2: (3,), 3: (2,)})
    assert decision == core.ACCEPTED
    assert entries[0][1]["two_fingers"] == [[2, 3], [3, 2]]
    assert {2, 3} <= set(current.accepted)
    assert show(current, same={7: (3,)})[0] == core.WRONG_FINGER


def test_the_other_hand_is_refused_then_an_alarm_that_the_right_hand_or_a_supervisor_ends() -> None:
    current = visit()
    for number in (1, 2, 3, 4):
        decision, current, entries = show(current, hand="left")
        assert decision == core.WRONG_HAND
        assert (current.attempt_number(13), current.hint) == (1, "this looks like the left hand")
        assert len(entries) == 1 + (number == 3), "one finding"
        assert (current.alarm is not None) == (number >= 3)
    assert current.alarm == "what is shown as the four right fingers looks like the left hand again and again"
    _, right, _ = show(current, hand="right")
    assert (right.wanted(), right.alarm) == (14, None)
    allowed = fold(core.override(current, "bent fingers", "binh"), current)
    assert allowed is not None
    assert allowed.alarm is None
    assert show(allowed, hand="left")[0] == core.ACCEPTED
    assert show(show(allowed, hand="left")[1], hand="right")[0] == core.WRONG_HAND, (
        "of the other slap it is not said"
    )


def test_interchanged_hands_are_named_finger_by_finger() -> None:
    _, current, _ = show(visit())
    same = {7: (2,), 8: (3,), 9: (), 10: (5,)}
    decision, after, entries = show(current, same=same, already={7: ("s0",)})
    assert decision == core.WRONG_FINGER
    assert entries[1][1]["text"] == (
        "among what was shown as the four left fingers are fingers taken otherwise: "
        "left index is right index; left middle is right middle; left little is right little"
    )
    assert (entries[1][1]["of"], entries[1][1]["position"], entries[1][1]["device"]) == (
        [2, 3, 5],
        14,
        {"a": 1},
    )
    assert (after.attempt_number(14), after.accepted, after.hits) == (1, current.accepted, {})


def test_one_finger_twice_in_a_slap_is_found() -> None:
    decision, _, entries = show(visit(), same={2: (3,), 3: (2,)})
    assert decision == core.WRONG_FINGER
    assert "right index is right middle" in entries[1][1]["text"]


def test_what_may_be_a_finger_taken_before_is_asked_for_once_more() -> None:
    _, current, _ = show(visit())
    decision, doubtful, _ = show(current, perhaps={7: {2: 1e-4}})
    assert (decision, doubtful.looking_again, doubtful.attempt_number(14)) == (core.SECOND_LOOK, True, 1)
    refused = fold(refuse(doubtful, 14, "no finger is seen", {}), doubtful)
    assert refused is not None
    assert refused.looking_again, "it is still to be shown once more"
    decision, left, _ = show(doubtful)
    assert (decision, left.in_doubt) == (core.ACCEPTED, (7, 2)), "both are confirmed before sealing"
    assert show(doubtful, perhaps={7: {2: 2e-5}})[0] == core.ACCEPTED, "together 4.5e-5"
    assert show(doubtful, perhaps={7: {2: 5e-6}})[0] == core.ACCEPTED, "2.2e-5"
    assert show(doubtful, perhaps={7: {2: 3.5e-6}})[0] == core.WRONG_FINGER, "together 1.9e-5"
    assert show(doubtful, perhaps={8: {2: 2e-5}})[0] == core.ACCEPTED, "of another finger: no third look"


def test_a_finger_of_somebody_who_works_here_in_a_slap_is_an_alarm() -> None:
    decision, current, _ = show(visit(), attendants={4: ("an",)})
    assert decision == core.WRONG_FINGER
    assert current.alarm == "the finger shown as right ring is one of an, who works here"
    refused = fold(refuse(current, 13, "no finger is seen", {}), current)
    assert refused is not None
    assert refused.alarm == current.alarm, "nobody else has shown a finger"
    after = fold(core.override(refused, "an is enrolled today", "binh"), refused)
    assert after is not None
    assert show(after, attendants={4: ("an",)})[0] == core.ACCEPTED


def test_a_finger_of_a_slap_that_tells_alone_is_confirmed_and_tells_who_was_enrolled_with_one() -> None:
    _, current, _ = show(visit(confirm=True), already={2: ("s0",), 5: ("s1",)}, alone={5: {"s1": 4}})
    assert (current.duplicate_of, current.doubts, current.told_alone) == (None, (5,), {"s1": 4})
    _, current, _ = show(visit(), already={5: ("s1",)}, alone={5: {"s1": 1}})
    assert current.duplicate_of == "s1"


def test_two_fingers_of_an_earlier_subject_in_one_slap_are_told() -> None:
    _, current, _ = show(visit(), already={2: ("s0",), 5: ("s0", "s1")})
    assert (current.duplicate_of, current.wanted(), current.closed) == ("s0", None, False)
    current = fold(core.override(current, "a sister", "binh"), current) or current
    assert (current.duplicate_of, current.wanted(), current.alarm) == (None, 14, None)
    _, current, _ = show(current, already={7: ("s0",)})
    assert current.duplicate_of is None, "it was said of her"


def test_of_who_is_known_nothing_is_taken_singly_or_marked_missing() -> None:
    """Nor once the operator has said so, and the record waits to be sealed."""
    _, known, _ = show(visit(review=True), already={2: ("s0",), 5: ("s0",)})
    for current, sentence in (
        (known, "say so with 'review', or override it"),
        (fold(core.abandon(known, "went away"), known), "is complete: its record is being sealed"),
    ):
        with pytest.raises(BadCommand, match=sentence):
            take_singly(current, 14, "webbed", "binh")
        with pytest.raises(BadCommand, match=sentence):
            core.mark_missing(current, 7, "cut")


def test_missing_fingers_shrink_a_slap_and_a_slap_without_fingers_is_skipped() -> None:
    current = visit(positions=(2, 3, 5, 1, 6), missing=dict.fromkeys((4, 7, 8, 9, 10), "cut"))
    current = visit(positions=current.positions, missing=current.missing, slaps=(13, 15))
    decision, current, _ = show(current, 20)
    assert decision == core.RETRY
    current = fold(core.mark_missing(current, 3, "bandaged"), current) or current
    assert current.fingers_of(13) == (2, 5)
    show(current, 20)
    _, current, _ = show(show(current, 20)[1], 10)
    assert sorted(current.accepted) == [2, 5], "kept is the best of what is still asked for"
    assert current.wanted() == 15


def test_a_slap_of_other_fingers_than_those_asked_for_is_illegal() -> None:
    current = visit()
    event = slap(current)
    with pytest.raises(IllegalTransition):
        judge_slap(fold(core.mark_missing(current, 3, "cut"), current), event)
    with pytest.raises(IllegalTransition):
        judge_slap(None, event)
    with pytest.raises(IllegalTransition):
        core.judge(current, event.fingers[0])


class Life(RuleBasedStateMachine):
    """Whatever happens: nothing accepted is lost, the journal tells all, and there is a way to the end."""

    @initialize(missing=st.sets(st.integers(1, 10)), attempts=st.integers(1, 3))
    def a_subject_comes(self, missing: set[int], attempts: int) -> None:
        positions = tuple(p for p in TEN if p not in missing)
        slaps = tuple(s for s in SLAPS if set(slap_rule.FINGERS[s]) & set(positions))
        entries = core.start(
            None,
            new(positions=positions, slaps=slaps, missing=dict.fromkeys(missing, "cut"), confirm=True,
                attempts_allowed=attempts),
        )  # fmt: skip
        self.journal: list[Entry] = []
        self.state: Enrolment | None = None
        self.kept: dict[int, str] = {}
        self.record(entries)

    def record(self, entries: list[Entry]) -> None:
        entries = [(kind, json.loads(canonical(body))) for kind, body in entries]
        self.journal += entries
        self.state = fold(entries, self.state)

    @property
    def capturing(self) -> bool:
        return self.state is not None and self.state.wanted() in SLAPS

    @precondition(lambda self: self.capturing)
    @rule(data=st.data(), hand=st.sampled_from(["right", "left", "undetermined"]))
    def a_slap_is_shown(self, data: st.DataObject, hand: str) -> None:
        assert self.state is not None
        fingers = self.state.fingers_of(self.state.wanted() or 0)
        some = st.sampled_from(fingers)
        taken = sorted(self.state.accepted) or list(fingers)
        qualities = {p: data.draw(st.sampled_from([10, 29, 30, 80])) for p in fingers}
        more = {
            "same": data.draw(st.dictionaries(some, st.just((taken[0],)), max_size=1)),
            "perhaps": data.draw(st.dictionaries(some, st.just({taken[-1]: 2e-5}), max_size=1)),
            "attendants": data.draw(st.dictionaries(some, st.just(("an",)), max_size=1)),
            "already": data.draw(st.dictionaries(some, st.just(("s0",)), max_size=1)),
        }
        chosen = {key: value for key, value in more.items() if data.draw(st.integers(0, 3)) == 0}
        event = slap(self.state, qualities, hand=hand, **chosen)
        entries = judge_slap(self.state, event)
        decision = entries[0][1]["decision"]
        if decision == core.ACCEPTED:
            assert min(qualities.values()) >= 30
            self.kept |= {f.position: f.sample for f in event.fingers}
        if decision == core.BEST_KEPT:
            tries = [*self.state.tried_slaps.get(event.slap, ())]
            assert len(tries) + 1 == self.state.attempts_allowed
            samples = {one.sample: {p: a.sample for p, a in one.fingers.items()} for one in tries}
            samples[event.sample] = {f.position: f.sample for f in event.fingers}
            self.kept |= {p: samples[entries[0][1]["kept"]][p] for p in fingers}
        self.record(entries)

    @precondition(lambda self: self.capturing)
    @rule()
    def something_else_lies_there(self) -> None:
        assert self.state is not None
        self.record(refuse(self.state, self.state.wanted() or 0, "no finger is seen", {}))

    @precondition(lambda self: self.state is not None and self.state.wanted() in range(1, 11))
    @rule(quality=st.sampled_from([10, 30, 80]), seen=st.sampled_from([True, True, False]))
    def a_single_finger_is_shown(self, quality: int, seen: bool) -> None:
        """Of a slap that is taken singly, or to confirm."""
        assert self.state is not None
        position = self.state.wanted() or 0
        if not seen:
            self.record(refuse(self.state, position, "no finger is seen", {}))
            return
        name = f"{position}-{self.state.attempt_number(position)}-single"
        same = (position,) if self.state.confirming and quality > 10 else ()
        entries = core.judge(self.state, SampleJudged(self.state.id, position, name, quality, None, same, ()))
        decision = entries[0][1]["decision"]
        if decision == core.ACCEPTED:
            self.kept[position] = name
        if decision == core.BEST_KEPT:
            self.kept[position] = entries[0][1]["kept"]
        self.record(entries)

    @precondition(lambda self: self.state is not None)
    @rule(slap=st.sampled_from(SLAPS))
    def a_supervisor_has_a_slap_taken_singly(self, slap: int) -> None:
        assert self.state is not None
        awaited = slap in self.state.slaps and any(
            p not in self.state.accepted for p in self.state.fingers_of(slap)
        )
        try:
            self.record(take_singly(self.state, slap, "webbed", "binh"))
        except BadCommand:
            assert not awaited or self.state.duplicate_of
            return
        assert awaited
        assert not self.state.duplicate_of

    @precondition(lambda self: self.state is not None)
    @rule(position=st.integers(1, 10))
    def a_finger_is_marked_missing(self, position: int) -> None:
        try:
            self.record(core.mark_missing(self.state, position, "bandaged"))
        except BadCommand:
            assert self.state is not None
            possible = position in self.state.positions and position not in self.state.accepted
            assert not possible or self.state.closed or self.state.duplicate_of

    @precondition(lambda self: self.state is not None and self.state.alarm is not None)
    @rule()
    def a_supervisor_overrides(self) -> None:
        self.record(core.override(self.state, "looked at the hand", "binh"))

    @invariant()
    def nothing_accepted_is_lost_and_the_journal_tells_all(self) -> None:
        """The daemon may be killed here: what it reads back is what it had."""
        if not hasattr(self, "journal"):
            return
        assert fold(self.journal) == self.state
        assert self.state is not None
        assert {p: one.sample for p, one in self.state.accepted.items()} == self.kept
        assert all(len(t) <= self.state.attempts_allowed for t in self.state.tried_slaps.values())

    @invariant()
    def there_is_always_a_way_out(self) -> None:
        state = getattr(self, "state", None)
        if state is None:
            return
        after = None if state.closed else fold(core.abandon(state, "went home"), state)
        assert after is None or (after.duplicate_of and after.closed)
        while state.duplicate_of and not state.closed:
            state = fold(core.override(state, "a sister", "binh"), state)
        for _ in range(len(TEN) + 1):
            position = state.wanted() if state else None
            if position in SLAPS:
                state = fold(judge_slap(state, slap(state, 100)), state)
            elif position:
                same = (position,) if state.confirming else ()
                event = SampleJudged(state.id, position, "good", 100, None, same, ())
                state = fold(core.judge(state, event), state)
        while state.alarm:
            state = fold(core.override(state, "looked up", "binh"), state)
        assert state.closed
        assert fold(core.sealed(state, "0" * 64, 1), state) is None

    @invariant()
    def nothing_has_to_be_captured_any_more_to_come_to_an_end(self) -> None:
        if getattr(self, "state", None) is None:
            return
        assert self.state is not None
        ((_, body),) = core.sealed(finished_without_a_picture(self.state), "0" * 64, 1)
        assert body["samples"] == {str(p): name for p, name in self.kept.items()}, "an accepted one is lost"


def test_from_every_state_with_slaps_there_is_a_way_to_an_end_and_no_accepted_sample_is_lost() -> None:
    run_state_machine_as_test(Life, settings=settings(steady(80), stateful_step_count=30))


@given(st.sets(st.sampled_from(TEN), min_size=1))
def test_every_choice_of_fingers_has_a_name(fingers: set[int]) -> None:
    for position, its in slap_rule.FINGERS.items():
        if some := fingers & set(its):
            assert slap_rule.words_for(position, some)
    assert slap_rule.words_for(13, (2, 3, 5)) == "right index, right middle and right little"
    assert slap_rule.words_for(14, (7, 8, 9, 10)) == "four left fingers"
    assert slap_rule.words_for(15, (6,)) == "left thumb"
