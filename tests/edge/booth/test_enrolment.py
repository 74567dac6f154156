"""One subject's enrolment: decisions by hand, and arbitrary lives beside a model that counts for itself."""

import json
from dataclasses import replace
from typing import Any

import pytest
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
from edge.booth.enrolment import Attempt, Enrolment, Entry, SampleJudged, fold
from edge.booth.entries import SIGNABLE
from edge.booth.renewal import compared
from edge.booth.slap_judging import refuse
from edge.errors import BadCommand, IllegalTransition, NotedRefusal
from edge.messages import POSITION_NAMES, canonical
from tests.edge.parts import steady

FINGERS = tuple(range(1, 11))


SIGNED = {"supervisor": frozenset({core.MISSING_FINGERS})}


def new(**changes: Any) -> Enrolment:
    values: dict[str, Any] = {
        "id": "e1",
        "subject": "s1",
        "positions": FINGERS,
        "attempts_allowed": 3,
        "quality_wanted": dict.fromkeys(FINGERS, 30),
        "fingers_to_tell": 2,
    }
    return Enrolment(**{**values, **changes})


def sample(
    current: Enrolment,
    quality: int,
    same: tuple[int, ...] = (),
    already: tuple[str, ...] = (),
    name: str = "",
    attendants: tuple[str, ...] = (),
    perhaps: dict[int, float] | None = None,
    at_once: tuple[int, ...] = (),
    alone: dict[str, int] | None = None,
) -> SampleJudged:
    position = current.wanted() or 0
    name = name or f"{position}-{current.attempt_number(position)}-{quality}"
    facts = {"minutiae": 40}
    return SampleJudged(
        current.id,
        position,
        name,
        quality,
        "press lightly",
        same,
        already,
        facts,
        attendants,
        perhaps or {},
        at_once,
        alone or {},
    )


ALL = {"confirm": True, "review": True, "portrait": True}
PORTRAIT = {"sha256": "ab" * 32, "taken_at": "2026-01-05T08:00:00Z"}


class Visit:
    """Entries as the journal gives them back, and the state after them."""

    def __init__(self, **changes: Any) -> None:
        self.entries: list[Entry] = []
        self.state: Enrolment | None = None
        self.record(core.start(None, new(**changes)))

    def record(self, entries: list[Entry]) -> list[Entry]:
        self.entries += [(kind, json.loads(canonical(body))) for kind, body in entries]
        self.state = fold(entries, self.state)
        return entries

    @property
    def now(self) -> Enrolment:
        assert self.state is not None
        return self.state

    def show(self, quality: int, **more: Any) -> str:
        """Show one finger; return what was decided."""
        return str(self.record(core.judge(self.now, sample(self.now, quality, **more)))[0][1]["decision"])


def test_ten_good_samples_and_a_seal() -> None:
    visit = Visit()
    for position in FINGERS:
        assert visit.now.wanted() == position
        assert visit.show(30) == core.ACCEPTED
    assert visit.now.wanted() is None
    assert visit.now.outcome == core.ENROLLED
    assert visit.record(core.sealed(visit.now, "0" * 64, 9))[0][1] == {
        "enrolment": "e1",
        "subject": "s1",
        "outcome": "enrolled",
        "duplicate_of": None,
        "packet": "0" * 64,
        "size": 9,
        "samples": {str(position): f"{position}-1-30" for position in FINGERS},
        "missing": {},
    }
    assert visit.state is None


def test_a_poor_sample_is_asked_again_with_a_hint_and_the_best_is_kept() -> None:
    visit = Visit()
    assert visit.show(20) == core.RETRY
    assert (visit.now.wanted(), visit.now.attempt_number(1), visit.now.hint) == (1, 2, "press lightly")
    assert visit.show(29) == core.RETRY
    assert visit.show(10) == core.BEST_KEPT
    assert visit.now.accepted == {1: Attempt(2, "1-2-29", 29)}
    assert visit.now.hint is None
    assert visit.now.wanted() == 2


@pytest.mark.parametrize(
    ("qualities", "kept"),
    [((5, 5, 5), 3), ((7, 5, 7), 3), ((7, 7, 5), 2), ((9, 8, 7), 1), ((0, 0, 0), 3), ((7, 9, 8), 2)],
)
def test_the_best_is_kept_and_of_equals_the_last(qualities: tuple[int, ...], kept: int) -> None:
    visit = Visit()
    for quality in qualities:
        visit.show(quality)
    assert visit.now.accepted[1].number == kept


def test_a_good_sample_after_a_poor_one_is_accepted_at_once() -> None:
    visit = Visit()
    visit.show(20)
    assert visit.show(31) == core.ACCEPTED
    assert visit.now.accepted == {1: Attempt(2, "1-2-31", 31)}


def test_one_attempt_is_kept_however_poor() -> None:
    visit = Visit(attempts_allowed=1)
    assert visit.show(0) == core.BEST_KEPT
    assert visit.now.wanted() == 2


def test_a_wrong_finger_is_found_and_uses_no_attempt() -> None:
    visit = Visit()
    visit.show(50)
    visit.show(20)
    before = visit.now
    for _ in range(5):
        assert visit.show(90, same=(1,)) == core.WRONG_FINGER
        assert (visit.now.wanted(), visit.now.attempt_number(2)) == (2, 2)
        assert (visit.now.tried, visit.now.accepted, visit.now.hits) == (
            before.tried,
            before.accepted,
            before.hits,
        )
        assert visit.now.hint == "this is the finger taken as right thumb"
    assert [f["text"] for f in visit.now.findings] == [
        "the finger shown as right index is the one taken as right thumb"
    ] * 5
    assert visit.show(50) == core.ACCEPTED
    assert visit.now.accepted[2].number == 2


def test_a_wrong_finger_tells_nothing_about_the_person() -> None:
    visit = Visit(fingers_to_tell=1)
    visit.show(50)
    visit.show(90, same=(1,), already=("s0",))
    assert visit.now.duplicate_of is None


def test_what_may_be_a_finger_taken_before_is_asked_for_once_more_and_both_samples_decide() -> None:
    for second, decision in (
        ({"perhaps": {1: 1.3e-5}}, core.WRONG_FINGER),  # together 1.97e-5
        ({"perhaps": {1: 1.4e-5}}, core.ACCEPTED),  # together 2.05e-5
        ({"same": (1,)}, core.WRONG_FINGER),
        ({}, core.ACCEPTED),
        ({"perhaps": {2: 1.1e-5}}, core.ACCEPTED),  # of another one than the first: no third look
    ):
        visit = Visit()
        visit.show(50)
        visit.show(50)
        taken = visit.now.accepted
        assert visit.show(90, perhaps={1: 3e-5}, already=("s0",)) == core.SECOND_LOOK
        assert (visit.now.wanted(), visit.now.attempt_number(3)) == (3, 1), "no attempt is used up"
        assert (visit.now.looking_again, visit.now.hint) == (True, "once more, to be sure")
        assert (visit.now.findings, visit.now.alarm) == ((), None), "nobody is accused"
        assert (visit.now.accepted, visit.now.hits, visit.now.tried.get(3)) == (taken, {}, None)
        assert fold(visit.entries) == visit.now, "a power cut here resumes at the second look"
        assert visit.show(60, **second) == decision
        assert not visit.now.looking_again
        assert (3 in visit.now.accepted) == (decision == core.ACCEPTED)
        if decision == core.WRONG_FINGER:
            text = "the finger shown as right middle is the one taken as right thumb"
            assert [f["text"] for f in visit.now.findings] == [text]
            assert visit.show(60, perhaps={1: 2e-4}) == core.SECOND_LOOK, "the next one is looked at anew"
        else:
            assert visit.now.accepted[3].quality == 60, "the one shown once more is kept"
            assert visit.now.findings == ()


def test_what_only_the_second_sample_may_be_is_confirmed_too() -> None:
    visit = Visit(positions=(1, 2, 3), **ALL)
    visit.show(50)
    visit.show(50)
    assert visit.show(90, perhaps={1: 1e-4}) == core.SECOND_LOOK
    assert visit.show(90, perhaps={2: 4e-6}) == core.ACCEPTED
    assert visit.entries[-1][1]["together"] == {"1": 0.01, "2": 0.002}
    assert visit.now.in_doubt == (3, 1, 2)


def test_a_missing_finger_is_in_no_doubt() -> None:
    visit = Visit(positions=(1, 2), **ALL)
    visit.show(50)
    assert visit.show(10, perhaps={1: 1e-4}) == core.SECOND_LOOK
    assert visit.show(10, perhaps={1: 1e-4}) == core.RETRY
    assert visit.now.in_doubt == (2, 1)
    visit.record(core.mark_missing(visit.now, 2, "bandaged"))
    assert (visit.now.in_doubt, visit.now.wanted(), visit.now.confirming) == ((1,), 1, True)


def test_a_supervisors_word_on_somebody_enrolled_settles_no_doubt_between_two_fingers() -> None:
    visit = Visit(positions=(1, 2, 3), **ALL)
    visit.show(50)
    visit.show(90, perhaps={1: 1e-4})
    visit.show(90, perhaps={1: 1e-4}, already=("s0",), alone={"s0": 10})
    visit.show(50, already=("s0",), alone={"s0": 10})
    visit.record(core.override(visit.now, "a sister", "binh"))
    assert visit.now.doubts == (2, 1)


def test_another_own_finger_than_the_one_in_doubt_is_a_wrong_finger_and_no_strangers() -> None:
    visit = Visit(positions=(1, 2), **ALL)
    visit.show(90)
    visit.show(50, already=("s0",), alone={"s0": 10})
    assert visit.now.wanted() == 2
    for _ in range(4):
        assert visit.show(50, same=(1,), at_once=(1,)) == core.WRONG_FINGER
    assert visit.now.alarm is None


def test_who_was_reviewed_in_an_earlier_release_is_asked_for_nothing_more() -> None:
    visit = Visit(positions=(1, 2), **ALL)
    visit.show(90)
    visit.show(50)
    visit.show(80)
    visit.show(80, same=(2,))
    visit.record([(core.REVIEWED, {"enrolment": "e1", "portrait": PORTRAIT["sha256"]})])
    assert visit.now.closed


def test_who_confirms_a_finger_in_doubt_by_one_that_is_also_the_other_confirms_nothing() -> None:
    visit = Visit(positions=(1, 2), **ALL)
    visit.show(50)
    visit.show(90, perhaps={1: 1e-4})
    visit.show(90, perhaps={1: 1e-4})
    assert visit.show(50, same=(1, 2)) == core.CONFIRMED, "alike, as they were found to be"
    for _ in range(3):
        assert visit.now.wanted() == 1
        assert visit.show(50, same=(1, 2), at_once=(1, 2)) == core.NOT_CONFIRMED
        assert visit.now.hint == "this is the finger taken as right index"
    assert "or it is not this person's" in (visit.now.alarm or "")
    visit.record(core.override(visit.now, "looked at both", "binh"))
    assert not visit.now.in_doubt


def test_a_finger_that_did_not_confirm_is_shown_again_once_another_did() -> None:
    """It may be somebody else's: a finger of another person among the own ones was sealed as confirmed."""
    for again, alarm in (({"same": (1,)}, False), ({"perhaps": {1: 5e-4}}, False), ({}, True)):
        visit = Visit(positions=(1, 2, 3), **ALL)
        visit.show(90)
        visit.show(50)
        visit.show(40)
        assert (visit.show(80), visit.now.wanted()) == (core.NOT_CONFIRMED, 2)
        assert visit.show(80, same=(2,)) == core.CONFIRMED
        assert (visit.now.confirming, visit.now.wanted(), visit.now.attempt_number(1)) == (True, 1, 1)
        for _ in range(3 if alarm else 1):
            visit.show(80, **again)
            assert fold(visit.entries) == visit.now
        assert (visit.now.reviewing, bool(visit.now.alarm)) == (not alarm, alarm)


def test_a_finger_that_was_found_among_those_enrolled_is_confirmed() -> None:
    visit = Visit(positions=(1, 2, 3), **ALL)
    visit.show(90)
    visit.show(30, already=("s0",), alone={"s0": 10})
    visit.show(60, already=("s7",))
    assert (visit.now.confirming, visit.now.wanted()) == (True, 2), "whatever its quality"
    visit.show(60, same=(2,))
    assert visit.now.reviewing


def test_a_supervisor_who_says_that_it_is_somebody_else_settles_whose_the_fingers_are() -> None:
    visit = Visit(positions=(1, 2, 3), **ALL)
    visit.show(30, already=("s0",), alone={"s0": 10})
    visit.show(30, already=("s0",), alone={"s0": 10})
    assert visit.now.doubts == (1, 2)
    visit.record(core.override(visit.now, "a sister", "binh"))
    assert visit.now.doubts == ()
    visit.show(60, already=("s0",), alone={"s0": 10})
    assert visit.now.doubts == (), "of her a supervisor has spoken"
    visit = Visit(positions=(1, 2, 3), **ALL)
    visit.show(90, already=("s7",), alone={"s7": 10})
    assert visit.now.doubts == (1,)


def test_who_was_enrolled_with_one_finger_is_known_by_it() -> None:
    visit = Visit(positions=(1, 2, 3))
    visit.show(30, already=("s0",))
    assert visit.now.duplicate_of is None
    visit.show(30, already=("s0",), alone={"s7": 1})
    visit.record(core.override(visit.now, "somebody else", "binh"))
    visit.show(30, already=("s7",), alone={"s7": 1})
    assert visit.now.duplicate_of == "s7"


def test_a_second_look_is_journalled_with_what_both_samples_say() -> None:
    visit = Visit()
    visit.show(50)
    visit.show(90, perhaps={1: 1.23456e-4})
    assert visit.entries[-1][1]["doubtful"] == {"1": 1.23e-4}
    visit.show(90, perhaps={1: 1.23456e-4})
    assert visit.entries[-1][1]["together"] == {"1": 1.23e-4}
    assert "doubtful" not in visit.entries[-1][1]


def test_a_second_look_ends_with_a_missing_finger_an_attendants_finger_or_an_end() -> None:
    for settle in ("missing", "attendant", "abandon"):
        visit = Visit()
        visit.show(50)
        visit.show(90, perhaps={1: 1e-4})
        if settle == "missing":
            visit.record(core.mark_missing(visit.now, 2, "bandaged"))
        elif settle == "attendant":
            assert visit.show(90, perhaps={1: 2e-5}, attendants=("an",)) == core.WRONG_FINGER
            assert visit.now.alarm is not None
        else:
            visit.record(core.abandon(visit.now, "went home"))
            assert visit.state is None
            continue
        assert not visit.now.looking_again
        assert 1 in visit.now.accepted


def test_two_fingers_of_one_earlier_subject_are_an_alarm_until_the_operator_says_so_too() -> None:
    visit = Visit()
    visit.show(50, already=("s0", "s7"))
    assert visit.now.wanted() == 2
    visit.show(50, already=("s9",))
    visit.show(20, already=("s7",))  # a poor sample tells as well
    assert visit.now.wanted() is None
    assert (visit.now.duplicate_of, visit.now.outcome) == ("s7", core.ALREADY_ENROLLED)
    assert visit.now.findings[-1]["text"] == (
        "this person is enrolled already as subject s7: the same right thumb, right middle"
    )
    assert visit.now.alarm == visit.now.findings[-1]["text"]
    assert (visit.now.closed, visit.now.reviewing) == (False, True), "whatever the plan asks for"
    with pytest.raises(BadCommand, match="say so with 'review', or override it"):
        core.mark_missing(visit.now, 4, "cut")
    assert fold(visit.entries) == visit.now, "a power cut here resumes at the alarm"
    said = {"enrolment": "e1", "portrait": None, "known_as": "s7"}
    assert visit.record(core.review(visit.now, "s1", None, None)) == [(core.REVIEWED, said)]
    assert (visit.now.alarm, visit.now.closed) == (None, True)
    (entry,) = visit.record(core.sealed(visit.now, "0" * 64, 1))
    assert (entry[1]["outcome"], entry[1]["duplicate_of"]) == ("already-enrolled", "s7")


def test_somebody_who_is_taken_for_another_is_enrolled_when_a_supervisor_says_so() -> None:
    visit = Visit(**ALL)
    visit.show(50, already=("s0",))
    visit.show(20, already=("s0",))
    before = visit.now
    visit.record(core.override(visit.now, "her sister was here yesterday", "binh"))
    assert visit.now.findings[-1]["of"] == {
        "finding": "already-enrolled",
        "signed_by": "binh",
        "subject": "s0",
    }
    assert visit.now.findings[-1]["text"] == (
        "this person is enrolled already as subject s0: the same right thumb, right index; overridden by "
        "binh because: her sister was here yesterday"
    )
    assert (visit.now.alarm, visit.now.duplicate_of, visit.now.wanted()) == (None, None, 2)
    assert (visit.now.accepted, visit.now.attempt_number(2)) == (before.accepted, 2), "nothing is lost"
    visit.show(50, already=("s0",))
    assert visit.now.alarm is None, "of this subject it was said"
    for _ in range(8):
        visit.show(50)
    visit.show(50, same=(1,))
    visit.record(core.review(visit.now, "s1", PORTRAIT, None))
    ((_, body),) = visit.record(core.sealed(visit.now, "0" * 64, 1))
    assert (body["outcome"], body["duplicate_of"], body["told_apart"]) == ("enrolled", None, ["s0"])


def test_of_another_earlier_subject_the_supervisor_said_nothing() -> None:
    visit = Visit()
    visit.show(50, already=("s0", "s7", "s9"))
    visit.show(50, already=("s0", "s7"))
    visit.record(core.override(visit.now, "not s0", "binh"))
    assert visit.now.duplicate_of == "s7", "two people may be told"
    visit.record(core.override(visit.now, "nor s7", "binh"))
    assert (visit.now.duplicate_of, visit.now.wanted()) == (None, 3)
    visit.show(50, already=("s9",))
    assert visit.now.duplicate_of == "s9"
    assert fold(visit.entries) == visit.now


def test_what_shows_that_somebody_is_enrolled_already_is_not_thrown_away() -> None:
    visit = Visit(fingers_to_tell=1)
    visit.show(50, already=("s0",))
    ((kind, body),) = visit.record(core.abandon(visit.now, "went away"))
    assert (kind, body["known_as"], body["gave_up"]) == (core.REVIEWED, "s0", "went away")
    assert visit.now.closed
    ((_, body),) = core.sealed(visit.now, "0" * 64, 1)
    assert (body["outcome"], body["samples"]) == ("already-enrolled", {"1": "1-1-50"})


def test_who_is_known_after_the_review_is_reviewed_anew() -> None:
    """The station's answer came late; what the operator said before was said of somebody else."""
    visit = Visit(positions=(1,), missing={p: "cut" for p in FINGERS if p > 1}, **ALL)
    visit.show(50)
    visit.show(50, same=(1,))
    visit.record(core.review(visit.now, "s1", PORTRAIT, None))
    assert visit.now.closed
    visit.record(core.known_person(visit.now, 1, {"s0": frozenset({1})}, {"s0": 10}))
    assert (visit.now.closed, visit.now.alarm is not None) == (False, True)
    visit.record(core.override(visit.now, "a brother", "binh"))
    assert (visit.now.closed, visit.now.reviewing) == (False, True)
    with pytest.raises(BadCommand, match="needs the portrait"):
        core.review(visit.now, "s1", None, None)
    visit.record(core.review(visit.now, "s1", PORTRAIT, None))
    assert visit.now.closed


def test_a_finger_that_does_not_tell_alone_is_for_the_supervisor_who_looks_at_the_hands() -> None:
    visit = Visit(positions=(1,), missing=dict.fromkeys(FINGERS[1:], "cut"), operator="an", **SIGNED)
    visit.show(30, already=("s0",))
    assert visit.now.duplicate_of is None
    assert (visit.now.alarm or "").endswith(
        "a supervisor looks at the hands, and whether this is subject s0, who is enrolled already and has a "
        "finger like it"
    )
    visit.record(core.override(visit.now, "looked: it is not", "binh"))
    assert visit.now.alarm is None
    visit = Visit(positions=(1,), missing=dict.fromkeys(FINGERS[1:], "cut"), operator="an", **SIGNED)
    visit.show(10, already=("s0",))
    assert visit.now.alarm is None, "asked for again"
    visit.show(30, already=("s0",), alone={"s0": 10})
    assert visit.now.duplicate_of == "s0"
    assert fold(visit.entries) == visit.now


def test_whoever_has_no_finger_left_and_is_somebody_else_needs_a_second_signature() -> None:
    visit = Visit(positions=(1, 2), missing=dict.fromkeys(FINGERS[2:], "cut"))
    visit.show(10, already=("s0",), alone={"s0": 10})
    visit.record(core.mark_missing(visit.now, 1, "bandaged"))
    visit.record(core.override(visit.now, "somebody else", "binh"))
    assert visit.now.wanted() == 2
    visit.record(core.mark_missing(visit.now, 2, "bandaged"))
    assert "no finger that the plan asks for" in (visit.now.alarm or "")
    visit = Visit(positions=(1,), missing=dict.fromkeys(FINGERS[1:], "cut"), fingers_to_tell=9)
    visit.show(10, already=("s0",), alone={"s0": 10})
    assert visit.now.duplicate_of == "s0", "by the only finger"
    visit.record(core.override(visit.now, "somebody else", "binh"))
    visit.record(core.mark_missing(visit.now, 1, "bandaged"))
    assert "no finger that the plan asks for" in (visit.now.alarm or "")
    visit.record(core.override(visit.now, "looked at the hands", "binh"))
    assert visit.now.closed


def test_the_same_finger_twice_is_one_finger() -> None:
    visit = Visit()
    visit.show(20, already=("s0",))
    visit.show(20, already=("s0",))
    visit.show(20, already=("s0",))
    assert visit.now.duplicate_of is None
    assert visit.now.hits == {"s0": frozenset({1})}


def test_whoever_has_one_finger_is_known_by_one_finger() -> None:
    visit = Visit(positions=(3,), missing={p: "x" for p in FINGERS if p != 3})
    visit.show(50, already=("s0",), alone={"s0": 10})
    assert visit.now.duplicate_of == "s0"


def test_whoever_has_one_finger_left_is_known_by_it_also_when_the_others_go_missing_later() -> None:
    visit = Visit(positions=(1, 2), missing={p: "x" for p in FINGERS if p > 2})
    visit.show(50, already=("s0",), alone={"s0": 10})
    assert visit.now.wanted() == 2
    visit.record(core.mark_missing(visit.now, 2, "bandaged"))
    assert visit.now.duplicate_of == "s0"
    assert (
        visit.now.findings[-1]["text"]
        == "this person is enrolled already as subject s0: the same right thumb"
    )


def test_a_finger_marked_missing_is_not_asked_for_and_its_reason_is_kept() -> None:
    visit = Visit(positions=FINGERS[1:], missing={1: "amputated"})
    assert visit.now.wanted() == 2
    visit.show(10)
    visit.record(core.mark_missing(visit.now, 2, "cut"))
    visit.record(core.mark_missing(visit.now, 10, "bandaged"))
    assert visit.now.wanted() == 3
    assert visit.now.missing == {1: "amputated", 2: "cut", 10: "bandaged"}
    assert visit.now.hint is None
    for _ in range(7):
        visit.show(50)
    assert visit.now.wanted() is None
    (entry,) = core.sealed(visit.now, "0" * 64, 1)
    assert entry[1]["missing"] == {"1": "amputated", "2": "cut", "10": "bandaged"}
    assert "2" not in entry[1]["samples"]


def test_commands_that_cannot_be_done_say_why() -> None:
    visit = Visit(positions=(1, 2), missing={p: "cut" for p in FINGERS if p > 2})
    visit.show(50)
    with pytest.raises(BadCommand, match="right thumb was captured already"):
        core.mark_missing(visit.now, 1, "x")
    with pytest.raises(BadCommand, match="right ring is marked missing already: cut"):
        core.mark_missing(visit.now, 4, "x")
    with pytest.raises(BadCommand, match="no subject is being enrolled"):
        core.mark_missing(None, 1, "x")
    with pytest.raises(BadCommand, match="nothing to abandon"):
        core.abandon(None, "x")
    with pytest.raises(BadCommand, match="enrolment e1 is not finished"):
        core.start(visit.now, new(id="e2"))
    visit.show(50)
    complete = "enrolment e1 is complete: its record is being sealed"
    with pytest.raises(BadCommand, match=complete):
        core.abandon(visit.now, "x")
    with pytest.raises(BadCommand, match=complete):
        core.mark_missing(visit.now, 2, "x")


def test_who_has_no_finger_is_enrolled_by_two_people_and_the_record_says_so() -> None:
    """The card is still issued: reasons, a supervisor's sign, and no finger to confirm."""
    for later in (False, True):
        missing = dict.fromkeys(FINGERS, "amputated")
        visit = Visit(positions=(10,), missing={p: missing[p] for p in FINGERS[:9]}, **ALL) if later else (
            Visit(positions=(), missing=missing, **ALL)
        )  # fmt: skip
        if later:
            visit.show(10)
            visit.record(core.mark_missing(visit.now, 10, "amputated"))
        assert (visit.now.wanted(), visit.now.confirming, visit.now.closed) == (None, False, False)
        assert visit.now.missing == missing
        assert "no finger that the plan asks for can be captured" in (visit.now.alarm or "")
        with pytest.raises(BadCommand, match="override it with a reason before the review"):
            core.review(visit.now, "s1", PORTRAIT, None)
        visit.record(core.override(visit.now, "both hands are gone", "binh"))
        visit.record(core.review(visit.now, "s1", PORTRAIT, None))
        assert visit.now.closed
        assert visit.now.exception == {
            "exception": "no-finger",
            "signed_by": "binh",
            "text": "no finger that the plan asks for can be captured: a supervisor looks at the hands; "
            "overridden by binh because: both hands are gone",
        }
        ((_, body),) = core.sealed(visit.now, "0" * 64, 1)
        assert (body["exception"], body["samples"], body["outcome"]) == ("no-finger", {}, core.ENROLLED)


def test_who_was_known_by_a_finger_that_then_goes_missing_is_known() -> None:
    visit = Visit(positions=(1,), missing=dict.fromkeys(FINGERS[1:], "cut"))
    visit.show(10)
    visit.record(core.mark_missing(visit.now, 1, "bandaged"))
    assert visit.now.alarm
    visit = Visit(positions=(1, 2), missing=dict.fromkeys(FINGERS[2:], "cut"))
    visit.show(10, already=("s0",), alone={"s0": 10})
    visit.record(core.mark_missing(visit.now, 1, "bandaged"))
    assert (visit.now.duplicate_of, visit.now.exception) == ("s0", None)


def test_two_fingers_told_as_one_are_taken_when_a_supervisor_says_so_and_the_scores_are_kept() -> None:
    visit = Visit()
    visit.show(50)
    visit.show(50)
    hit = {"subject": None, "position": 1, "score": 41.5, "fmr": None}

    def shown() -> str:
        event = sample(visit.now, 60, same=(1,))
        facts = {"scores": [hit, {**hit, "subject": "s0", "position": 3}]}
        entries = core.judge(
            visit.now, SampleJudged(**{f: getattr(event, f) for f in event.__slots__} | {"facts": facts})
        )
        return str(visit.record(entries)[0][1]["decision"])

    for number in range(1, 4):
        assert shown() == core.WRONG_FINGER
        assert (visit.now.alarm is not None) == (number == 3), "the operator may just have erred"
    assert fold(visit.entries) == visit.now
    assert visit.show(60, same=(2,)) == core.WRONG_FINGER, "of the other one nobody says so"
    visit.record(core.override(visit.now, "I see two fingers", "binh"))
    assert visit.now.findings[-1]["of"] == {
        "finding": "same-finger",
        "signed_by": "binh",
        "pairs": [[3, 2]],
    }
    assert visit.now.alarm, "the first pair is still open"
    visit.record(core.override(visit.now, "I see two fingers", "binh"))
    score = {"shown": 3, "taken": 1, "score": 41.5, "fmr": None}
    assert visit.now.findings[-1]["of"]["scores"] == [score]
    assert visit.now.alarm is None
    assert shown() == core.ACCEPTED
    assert visit.entries[-1][1]["two_fingers"] == [1]
    assert {1, 3} <= set(visit.now.accepted), "both samples are kept"
    assert visit.show(60, same=(1,)) == core.WRONG_FINGER, "it was said of these two alone"


def test_a_finger_that_cannot_be_seen_again_does_not_end_in_abandoning() -> None:
    visit = captured()
    for number in range(1, 4):
        visit.record(refuse(visit.now, visit.now.wanted() or 0, "no finger is seen", {}))
        assert (visit.now.alarm is not None) == (number == 3)
    visit.record(core.override(visit.now, "burnt a moment ago", "binh"))
    assert (visit.now.reviewing, sorted(visit.now.accepted)) == (True, [1, 2])


def captured(**changes: Any) -> Visit:
    visit = Visit(positions=(1, 2), missing={p: "cut" for p in FINGERS if p > 2}, **{**ALL, **changes})
    visit.show(40)
    visit.show(60)
    return visit


def test_before_sealing_the_best_finger_is_shown_once_more_and_the_operator_speaks() -> None:
    visit = captured()
    assert (visit.now.wanted(), visit.now.confirming, visit.now.attempt_number(2)) == (2, True, 1)
    with pytest.raises(BadCommand, match="review it after the last finger"):
        core.review(visit.now, "s1", PORTRAIT, None)
    assert visit.show(20, same=(2,)) == core.CONFIRMED
    assert (visit.now.wanted(), visit.now.reviewing, visit.now.closed) == (None, True, False)
    with pytest.raises(IllegalTransition):
        core.sealed(visit.now, "0" * 64, 1)
    assert visit.record(core.review(visit.now, "s1", PORTRAIT, None)) == [
        (core.REVIEWED, {"enrolment": "e1", "portrait": PORTRAIT})
    ]
    assert visit.now.closed
    with pytest.raises(BadCommand, match="its record is being sealed"):
        core.review(visit.now, "s1", PORTRAIT, None)


def test_another_person_at_the_end_is_an_alarm_that_only_the_person_or_an_override_settles() -> None:
    for settled_by in ("the person", "an override"):
        visit = captured()
        for number in (1, 2, 3, 4):
            assert visit.now.alarm is None or number == 4
            with pytest.raises(BadCommand, match="not captured yet"):
                core.review(visit.now, "s1", PORTRAIT, None)
            name = ("right thumb", "right index")[number % 2]
            assert visit.now.wanted() == (1, 2)[number % 2], "after a mismatch the next best one"
            assert visit.show(90) == core.NOT_CONFIRMED
            assert visit.now.hint == f"this is not the {name} that was captured"
        assert [f["finding"] for f in visit.now.findings] == [core.NOT_CONFIRMED], "told once"
        assert "another person may be standing here" in (visit.now.alarm or "")
        if settled_by == "the person":
            assert visit.show(90, same=(2,)) == core.CONFIRMED
            assert visit.show(90, same=(1,)) == core.CONFIRMED, "which the other one did not show either"
        else:
            visit.record(core.override(visit.now, "a fresh burn"))
            assert "overridden by nobody who signed because: a fresh burn" in visit.now.findings[-1]["text"]
        assert visit.now.alarm is None
        assert visit.now.reviewing


def test_what_the_worklist_says_otherwise_is_an_alarm_that_is_settled_before_sealing() -> None:
    for review in (True, False):
        visit = Visit(positions=(1, 2), review=review, confirm=True)
        visit.record([core.note_listed_otherwise(visit.now, ["name", "deceased"])])
        alarm = "the worklist says otherwise of this number: another name, the person is deceased"
        assert visit.now.alarm == alarm
        for _ in range(2):
            assert visit.show(90) == core.ACCEPTED, "capture goes on meanwhile"
        assert visit.show(90, same=(1,)) == core.CONFIRMED
        assert (visit.now.wanted(), visit.now.closed) == (None, False)
        with pytest.raises(IllegalTransition):
            core.sealed(visit.now, "0" * 64, 1)
        if review:
            with pytest.raises(BadCommand, match="override it with a reason before the review, or abandon"):
                core.review(visit.now, "s1", None, None)
        visit.record(core.override(visit.now, "misspelt by the school", "binh"))
        found = visit.now.findings[-1]
        assert found["of"] == {"finding": core.LIST_DIFFERS, "signed_by": "binh"}
        assert found["text"] == f"{alarm}; overridden by binh because: misspelt by the school"
        assert (visit.now.alarm, visit.now.confirmed) == (None, core.CONFIRMED)
        with pytest.raises(BadCommand, match="there is no alarm to override"):
            core.override(visit.now, "once more")
        if review:
            visit.record(core.review(visit.now, "s1", None, None))
        assert visit.now.closed


def test_an_override_of_the_worklist_confirms_no_finger_and_the_other_way_round() -> None:
    visit = captured()
    visit.record([core.note_listed_otherwise(visit.now, ["birth"])])
    for _ in range(3):
        assert visit.show(90) == core.NOT_CONFIRMED
    visit.record(core.override(visit.now, "first"))
    assert "another birth" not in (visit.now.alarm or "") or visit.now.confirmed is None
    assert visit.now.alarm is not None, "two alarms, two overrides"
    visit.record(core.override(visit.now, "second"))
    assert visit.now.alarm is None
    settled = [f["of"]["finding"] for f in visit.now.findings if f["finding"] == core.OVERRIDDEN]
    assert sorted(settled) == [core.LIST_DIFFERS, core.NOT_CONFIRMED]
    assert visit.now.confirmed == core.OVERRIDDEN


def test_whoever_is_enrolled_already_is_that_whatever_the_worklist_says() -> None:
    visit = Visit()
    visit.record([core.note_listed_otherwise(visit.now, ["name"])])
    for _ in range(2):
        visit.show(90, already=("s0",))
    assert "enrolled already as subject s0" in (visit.now.alarm or "")
    visit.record(core.override(visit.now, "her sister", "binh"))
    assert "the worklist says otherwise" in (visit.now.alarm or ""), "of that nobody spoke"
    visit = Visit()
    visit.record([core.note_listed_otherwise(visit.now, ["name"])])
    for _ in range(2):
        visit.show(90, already=("s0",))
    visit.record(core.review(visit.now, "s1", None, None))
    assert (visit.now.alarm, visit.now.closed) == (None, True)


def test_a_journal_of_an_earlier_release_has_no_warnings() -> None:
    ((kind, body),) = core.start(None, new(warnings=("look twice",)))
    assert core.evolve(None, kind, body) == new(warnings=("look twice",))
    body.pop("warnings")
    assert core.evolve(None, kind, body) == new()


def test_where_a_second_look_leaves_doubt_both_fingers_are_confirmed_first() -> None:
    for second, shown, alarm in (
        ({2: 9e-4}, [(3, {"same": (3,)}), (2, {"same": (2,)})], False),
        ({}, [(3, {"perhaps": {3: 5e-4}}), (2, {"same": (2,)})], False),
        ({}, [(3, {"perhaps": {3: 5e-4}}), (2, {"perhaps": {2: 5e-4}}), (1, {"same": (1,)})], False),
        ({}, [(3, {}), (3, {}), (3, {"perhaps": {2: 1e-5}})], True),
        ({}, [(3, {"same": (3,)}), (2, {}), (2, {}), (2, {})], True),
    ):
        visit = Visit(positions=(1, 2, 3), confirm=True, review=True)
        visit.show(95)
        visit.show(50)
        assert visit.show(50, perhaps={2: 3e-4}) == core.SECOND_LOOK
        assert visit.show(50, perhaps=second) == core.ACCEPTED
        for position, sample in shown:
            assert visit.now.confirming
            assert visit.now.wanted() == position
            visit.show(90, **sample)
            assert fold(visit.entries) == visit.now
        assert visit.now.confirming == alarm
        assert visit.now.reviewing == (not alarm)
        assert ("or it is not this person's" in (visit.now.alarm or "")) == alarm
        if alarm:
            visit.record(core.override(visit.now, "a cut"))
            assert visit.now.reviewing


def test_an_alarm_about_a_finger_in_doubt_ends_when_that_finger_is_shown() -> None:
    visit = Visit(positions=(1, 2), confirm=True, review=True)
    visit.show(95)
    visit.show(50, perhaps={1: 3e-4})
    visit.show(50)
    for _ in range(3):
        visit.show(90)
    assert visit.now.alarm is not None
    assert visit.show(90, same=(2,)) == core.CONFIRMED
    assert (visit.now.alarm, visit.now.wanted(), visit.now.mismatches) == (None, 1, 0)
    assert visit.show(90, same=(1,)) == core.CONFIRMED
    assert visit.now.reviewing


def test_another_finger_of_the_same_person_does_not_confirm_and_alarms_nobody() -> None:
    visit = captured()
    for _ in range(5):
        assert visit.show(90, same=(1,)) == core.WRONG_FINGER
        assert visit.now.hint == "this is the finger taken as right thumb"
    assert (visit.now.mismatches, visit.now.findings) == (0, ())
    with pytest.raises(BadCommand, match="there is no alarm to override"):
        core.override(visit.now, "x")


def test_a_review_with_another_number_or_without_a_portrait_is_refused() -> None:
    visit = captured(confirm=False)
    with pytest.raises(BadCommand, match="not the identity number that enrolment e1 began with"):
        core.review(visit.now, "s2", PORTRAIT, None)
    for portrait, reason in ((None, None), (PORTRAIT, "x")):
        with pytest.raises(BadCommand, match="needs the portrait"):
            core.review(visit.now, "s1", portrait, reason)
    visit.record(core.review(visit.now, "s1", None, "the camera is broken"))
    assert [f["text"] for f in visit.now.findings] == [
        "the record has no portrait because: the camera is broken"
    ]
    assert visit.now.closed


def test_whoever_is_enrolled_already_confirms_nothing_and_needs_no_portrait() -> None:
    visit = Visit(**ALL)
    visit.show(50, already=("s7",))
    visit.show(50, already=("s7",))
    assert (visit.now.wanted(), visit.now.confirming) == (None, False)
    with pytest.raises(NotedRefusal, match="override the alarm with a reason first, then abandon"):
        core.review(visit.now, "s2", None, None)
    visit.record(core.review(visit.now, "s1", None, None))
    assert visit.now.closed
    with pytest.raises(BadCommand, match="its record is being sealed"):
        core.review(visit.now, "s1", PORTRAIT, None)


def test_a_finger_that_the_plan_does_not_ask_for_is_not_marked() -> None:
    visit = Visit(positions=(2, 7), plan="two-index")
    with pytest.raises(BadCommand, match="the plan two-index does not ask for the right ring"):
        core.mark_missing(visit.now, 4, "x")


def test_illegal_events_raise() -> None:
    current = new()
    for other in (None, new(id="e2"), new(positions=(2,))):
        with pytest.raises(IllegalTransition, match="a sample of position 1 is not awaited"):
            core.judge(other, sample(current, 50))
    for not_closed in (None, current):
        with pytest.raises(IllegalTransition, match="only a closed enrolment is sealed"):
            core.sealed(not_closed, "0" * 64, 1)


def test_entries_of_other_matters_change_nothing() -> None:
    visit = Visit()
    for kind in (
        "booth.started",
        "scanner.fault",
        "command.answered",
        "packet.acknowledged",
        "of.the.future",
    ):
        assert core.evolve(visit.now, kind, {}) is visit.now
        assert core.evolve(None, kind, {}) is None


class Life(RuleBasedStateMachine):
    """Subjects come, show fingers and go; the daemon may die at every moment. The model counts by itself."""

    @initialize()
    def begin(self) -> None:
        self.state: Enrolment | None = None
        self.journal: list[Entry] = []  # as read back from disk
        self.number = 0
        self.samples = 0
        self.ends: dict[str, list[str]] = {}

    def record(self, entries: list[Entry]) -> None:
        self.journal += [(kind, json.loads(canonical(body))) for kind, body in entries]
        self.state = fold(entries, self.state)

    @precondition(lambda self: self.state is None)
    @rule(
        present=st.sets(st.integers(1, 10)),
        attempts=st.integers(1, 4),
        wanted=st.integers(0, 100),
        fingers=st.integers(1, 10),
        confirm=st.booleans(),
        review=st.booleans(),
        portrait=st.booleans(),
        listed=st.sampled_from([[], [], ["name"], ["birth", "deceased"]]),
        people=st.booleans(),
    )
    def a_subject_comes(
        self,
        present: set[int],
        attempts: int,
        wanted: int,
        fingers: int,
        confirm: bool,
        review: bool,
        portrait: bool,
        listed: list[str],
        people: bool,
    ) -> None:
        self.number += 1
        self.id = f"e{self.number}"
        self.ends[self.id] = []
        self.missing = {p: f"reason {p}" for p in FINGERS if p not in present}
        self.plan = (attempts, wanted, fingers)
        self.open = sorted(present)
        self.tries: dict[int, list[tuple[int, str]]] = {p: [] for p in FINGERS}
        self.kept: dict[int, str] = {}
        self.hits: dict[str, set[int]] = {}
        self.alone: set[str] = set()  # of those the ones whom one finger tells
        self.known: str | None = None
        self.others: set[str] = set()
        self.findings = 0
        plan = new(
            id=self.id,
            positions=tuple(self.open),
            attempts_allowed=attempts,
            quality_wanted=dict.fromkeys(self.open, wanted),
            fingers_to_tell=fingers,
            missing=self.missing,
            confirm=confirm,
            review=review,
            portrait=portrait,
            **({"operator": "an", "supervisor": frozenset(SIGNABLE)} if people else {}),
        )
        self.people = people  # log in here, and sign
        self.missing_signed = self.portrait_signed = self.unportrayed = False
        self.confirmed, self.reviewed, self.mismatches, self.unseen = not confirm, not review, 0, 0
        self.no_review = not review
        self.portrait = portrait
        entries = core.start(self.state, plan)
        self.attendant: str | None = None
        self.doubtful: dict[int, float] = {}  # of the sample shown last
        self.in_doubt: list[int] = []  # fingers of which a second look left open whether they are one
        self.theirs: dict[int, set[str]] = {}  # fingers found among those enrolled, and as whose
        self.unlike: list[int] = []  # did not confirm, and another one has not yet
        self.sure = False  # one finger shown to confirm matched at the rate asked for
        self.allowed: set[str] = set()
        self.same: list[tuple[int, set[tuple[int, int]]]] = []  # shown, and taken for which
        self.alike: set[tuple[int, int]] = set()
        self.no_finger = self.began_without = self.bare = not self.open
        self.confirmed |= not self.open
        if listed:
            entries.append(core.note_listed_otherwise(plan, listed))
        self.listed, self.findings = bool(listed), int(bool(listed)) + self.no_finger
        self.record(entries)

    def captured(self) -> bool:
        return self.known is not None or all(p in self.kept for p in self.open)

    def closed(self) -> bool:
        done = self.captured() and self.confirmed and self.reviewed and not (self.listed or self.no_finger)
        return self.reviewed if self.known else done and not (self.lacking() or self.unportrayed)

    def lacking(self) -> bool:
        """Whether a supervisor is to sign for missing fingers; with none left that is another alarm."""
        done = self.captured() and self.known is None and self.confirmed
        signed = self.missing_signed or (self.bare and not self.no_finger and not self.kept)
        return self.people and done and bool(self.missing) and not signed

    def same_alarm(self) -> set[tuple[int, int]]:
        """Pairs of the last finding where the finger awaited was taken for others as often as it may be."""
        position = next((p for p in self.open if p not in self.kept), None)
        open_ = [pairs for shown, pairs in self.same if shown == position and pairs - self.alike]
        return open_[-1] if len(open_) >= self.plan[0] else set()

    def doubts(self) -> list[int]:
        theirs = (p for p, whose in self.theirs.items() if whose - self.others)
        return list(dict.fromkeys((*self.in_doubt, *theirs)))

    def doubt(self, *positions: int) -> None:
        self.in_doubt = list(dict.fromkeys((*self.in_doubt, *positions)))

    def look_for_known(self, among: list[str]) -> None:
        for subject in among:
            told, needed = len(self.hits[subject]), self.plan[2]
            if subject in self.alone:
                needed = min(needed, len(self.open))
            if subject not in self.others and self.known is None and told >= needed:
                self.known, self.findings, self.reviewed = subject, self.findings + 1, False
                self.unportrayed = False

    def look_for_fingers(self) -> None:
        """With no finger left it is an alarm once, unless the person is known."""
        if not self.open:
            self.confirmed = True
            if self.known is None and not self.bare:
                self.no_finger = self.bare = True
                self.findings += 1

    @precondition(lambda self: self.state is not None and not self.captured())
    @rule(
        quality=st.integers(0, 100),
        wrong=st.integers(0, 3),
        already=st.lists(st.sampled_from(["s0", "s7", "s9"]), max_size=2, unique=True),
        alone=st.booleans(),
        attendants=st.sampled_from([(), (), (), ("an",), ("an", "binh")]),
        rates=st.lists(st.sampled_from([4e-6, 1.5e-5, 3e-5, 9e-5, 9e-4]), max_size=2),
    )
    def a_finger_is_shown(
        self,
        quality: int,
        wrong: int,
        already: list[str],
        alone: bool,
        attendants: tuple[str, ...],
        rates: list[float],
    ) -> None:
        position = next(p for p in self.open if p not in self.kept)
        self.samples += 1
        name = f"sample{self.samples}"
        same = tuple(sorted(self.kept))[:1] if wrong == 0 else ()
        facts = {
            "parts": {"contrast": 0.5},
            "scores": [{"subject": None, "position": p, "score": 9.5, "fmr": None} for p in same],
        }
        perhaps = dict(zip([p for p in sorted(self.kept) if p not in same], rates, strict=False))
        event = SampleJudged(
            self.id, position, name, quality, "hint", same, tuple(already), facts, attendants, perhaps
        )
        event = replace(event, alone=dict.fromkeys(already, 10) if alone else {})
        entries = core.judge(self.state, event)
        self.record(entries)
        decision = entries[0][1]["decision"]
        before, self.doubtful = self.doubtful, {}
        strangers = [person for person in attendants if person not in self.allowed]
        self.attendant = strangers[0] if strangers else None
        if strangers:
            assert decision == core.WRONG_FINGER
            self.findings += 1
            return
        apart = {p for p in self.kept if (min(p, position), max(p, position)) in self.alike}
        sure = set(same) - apart
        perhaps = {p: rate for p, rate in perhaps.items() if p not in apart}
        together = {p for p in before if before[p] * perhaps.get(p, 1) <= 2e-5**2 and p not in sure}
        assert entries[0][1].get("two_fingers", []) == sorted(apart & set(same))
        if sure or together:
            assert decision == core.WRONG_FINGER
            self.same.append((position, {(min(p, position), max(p, position)) for p in sure | together}))
            assert [s["score"] for s in entries[1][1].get("scores", [])] == [9.5] * len(sure)
            self.findings += 1
            return
        if perhaps and not before:
            assert decision == core.SECOND_LOOK
            self.doubtful = perhaps
            return
        if before:
            self.doubt(position, *before, *perhaps)
        self.tries[position].append((quality, name))
        if quality >= self.plan[1]:
            assert decision == core.ACCEPTED
            self.kept[position] = name
        elif len(self.tries[position]) == self.plan[0]:
            assert decision == core.BEST_KEPT
            best = max(q for q, _ in self.tries[position])
            self.kept[position] = [n for q, n in self.tries[position] if q == best][-1]
        else:
            assert decision == core.RETRY
        for subject in already:
            self.hits.setdefault(subject, set()).add(position)
        if alone and already:
            self.alone |= set(already)
            self.theirs.setdefault(position, set()).update(already)
        self.look_for_known(already)

    @precondition(lambda self: self.state is not None)
    @rule(position=st.integers(1, 10))
    def a_finger_is_marked_missing(self, position: int) -> None:
        before = self.state
        possible = not self.captured() and position in self.open and position not in self.kept
        try:
            entries = core.mark_missing(self.state, position, f"later {position}")
        except BadCommand:
            assert not possible
            assert self.state == before
            return
        assert possible
        self.record(entries)
        self.attendant, self.doubtful = None, {}
        self.in_doubt = [p for p in self.in_doubt if p != position]
        self.theirs.pop(position, None)
        self.open.remove(position)
        self.missing[position] = f"later {position}"
        self.look_for_known(list(self.hits))
        self.look_for_fingers()

    @precondition(lambda self: self.state is not None and self.captured() and not self.confirmed)
    @rule(
        who=st.sampled_from(
            ["the person", "the person, faintly", "a stranger", "another finger", "nobody to be seen"]
        )
    )
    def a_finger_is_shown_to_confirm(self, who: str) -> None:
        if self.known is not None:
            return
        assert self.state is not None
        position = self.state.wanted()
        assert position is not None
        if who == "nobody to be seen":
            entries = refuse(self.state, position, "no finger is seen", {})
            self.unseen += 1
            assert len(entries) == 1 + (self.unseen == self.plan[0])
            self.findings += len(entries) - 1
            self.record(entries)
            return
        tried = {p: {n: q for q, n in self.tries[p]}[name] for p, name in self.kept.items()}
        ranked = sorted(tried.values(), reverse=True)
        if self.doubts():
            assert position == self.doubts()[0], "what is in doubt comes first"
        else:
            assert tried[position] == ranked[self.mismatches % len(ranked)], (
                "the best one, then the next best"
            )
        others = tuple(p for p in self.kept if p != position)[:1] if who == "another finger" else ()
        same = (position,) if who == "the person" else others
        perhaps = {position: 5e-4} if who == "the person, faintly" else {}
        event = SampleJudged(
            self.id, position, "once more", 50, "hint", same, (), {"minutiae": 9}, perhaps=perhaps
        )
        entries = core.judge(self.state, event)
        assert entries[0][0] == core.CONFIRMATION
        assert "sample" not in entries[0][1], "nothing is kept of it"
        self.record(entries)
        if who == "the person" or (perhaps and self.doubts()):
            self.sure |= who == "the person"
            self.doubt(*self.unlike)
            self.in_doubt, self.unlike = [p for p in self.in_doubt if p != position], []
            self.theirs.pop(position, None)
            self.mismatches = self.unseen = 0
            self.confirmed = self.sure and not self.doubts()
        elif not others:
            self.mismatches += 1
            self.unlike.append(position)
            self.findings += self.mismatches == self.plan[0]

    def not_confirmed(self) -> bool:
        return max(self.mismatches, self.unseen) >= self.plan[0]

    @precondition(lambda self: self.state is not None and self.known is None and self.kept)
    @rule(subject=st.sampled_from(["s0", "s7"]), which=st.integers(0, 9))
    def the_station_tells_of_a_finger(self, subject: str, which: int) -> None:
        """At any time, also when the operator has spoken and the record waits to be sealed."""
        assert self.state is not None
        position = sorted(self.kept)[which % len(self.kept)]
        hits = core.with_hits(self.state.hits, [(subject, position)])
        said = {"position": position, "sample": self.kept[position], "fmr": 1e-6, "people": 1}
        body = {"enrolment": self.id, **said, "hits": [{"subject": subject, "shown": position}]}
        body["alone"] = {subject: 10}
        self.alone.add(subject)
        if self.state.reviewed is None:
            self.theirs.setdefault(position, set()).add(subject)
            self.confirmed &= not (self.state.confirm and self.doubts())
        known = core.known_person(self.state, position, hits, {subject: 10})
        self.record([(core.STATION_ANSWERED, body), *known])
        self.hits.setdefault(subject, set()).add(position)
        self.look_for_known(list(self.hits))

    @precondition(lambda self: self.state is not None and self.known is not None and not self.reviewed)
    @rule()
    def a_supervisor_says_that_it_is_somebody_else(self) -> None:
        assert self.known is not None
        self.record(core.override(self.state, "a sister", "chi"))
        self.others.add(self.known)
        self.confirmed |= self.sure and not self.doubts()
        self.known, self.reviewed, self.findings = None, self.no_review, self.findings + 1
        self.look_for_known(list(self.hits))
        self.look_for_fingers()

    @precondition(lambda self: self.state is not None and self.known is None)
    @rule()
    def a_supervisor_overrides(self) -> None:
        possible = self.captured() and not self.confirmed and self.not_confirmed()
        possible |= self.lacking() or self.unportrayed
        same = self.same_alarm()
        if self.attendant:
            with pytest.raises(BadCommand, match="own finger"):
                core.override(self.state, "it is me", self.attendant)
        try:
            self.record(core.override(self.state, "a burnt finger", "chi"))
        except BadCommand:
            assert not possible
            assert not any((self.listed, self.attendant, same, self.no_finger))
            return
        assert possible or self.listed or self.attendant or same or self.no_finger
        self.findings += 1
        if self.attendant:
            self.allowed.add(self.attendant)
            self.attendant = None
        elif same:
            self.alike |= same
        elif self.no_finger and (self.began_without or not self.listed):
            self.no_finger = False
        elif self.listed:
            self.listed = False  # one override settles one alarm
        elif self.lacking():
            self.missing_signed = True
        elif self.unportrayed:
            self.portrait_signed, self.unportrayed = True, False
        else:
            self.confirmed, self.in_doubt, self.theirs, self.unlike = True, [], {}, []
            self.sure = True

    @precondition(lambda self: self.state is not None)
    @rule(subject=st.sampled_from(["s1", "s1", "s2"]), portrait=st.booleans(), reason=st.booleans())
    def the_operator_reviews(self, subject: str, portrait: bool, reason: bool) -> None:
        possible = self.captured() and self.confirmed and subject == "s1"
        possible &= not self.reviewed or (self.unportrayed and portrait)
        possible &= not self.listed and not self.no_finger and not self.lacking()
        possible &= not self.portrait or portrait != reason
        if self.known:
            possible = not self.reviewed and subject == "s1"
        try:
            entries = core.review(
                self.state, subject, PORTRAIT if portrait else None, "no camera" if reason else None
            )
        except NotedRefusal as refusal:
            assert not possible
            assert subject != "s1"
            self.record(refusal.entries)
            self.findings += 1
            return
        except BadCommand:
            assert not possible
            return
        assert possible
        self.record(entries)
        self.reviewed, self.findings = True, self.findings + reason
        asked = self.people and self.portrait and self.known is None
        self.unportrayed = asked and not portrait and not self.portrait_signed

    @precondition(lambda self: self.state is not None and self.samples % 5 == 4)
    @rule()
    def the_subject_is_given_up(self) -> None:
        if self.closed():
            with pytest.raises(BadCommand):
                core.abandon(self.state, "x")
            return
        self.record(core.abandon(self.state, "went home"))
        if self.known:
            self.reviewed = True  # and is sealed
        else:
            self.ends[self.id].append(core.ABANDONED)

    @precondition(lambda self: self.state is not None and self.closed())
    @rule()
    def the_record_is_sealed(self) -> None:
        (entry,) = core.sealed(self.state, "0" * 64, 1)
        assert entry[1]["outcome"] == (core.ALREADY_ENROLLED if self.known else core.ENROLLED)
        assert entry[1]["duplicate_of"] == self.known
        assert set(entry[1].get("told_apart", ())) == self.others
        assert entry[1]["samples"] == {str(p): name for p, name in self.kept.items()}
        bare = not self.kept and self.known is None
        assert entry[1].get("exception") == (core.NO_FINGER if bare else None)
        assert entry[1]["missing"] == {str(p): reason for p, reason in self.missing.items()}
        self.record([entry])
        self.ends[self.id].append(core.SEALED)

    @precondition(lambda self: self.samples % 2 == 1)  # and not all the time
    @rule(data=st.data())
    def something_illegal_happens(self, data: st.DataObject) -> None:
        before = self.state
        wanted = before.wanted() if before else None  # to capture, or to confirm
        position = data.draw(st.sampled_from([p for p in FINGERS if p != wanted]))
        name = data.draw(st.sampled_from([before.id if before else "e0", "another"]))
        with pytest.raises(IllegalTransition):
            core.judge(before, SampleJudged(name, position, "x", 50, None, (), ()))
        if before is None or not self.closed():
            with pytest.raises(IllegalTransition):
                core.sealed(before, "0" * 64, 1)
        if before is not None:
            with pytest.raises(BadCommand):
                core.start(before, new(id="another"))
        assert self.state == before

    @invariant()
    def the_journal_tells_the_whole_state(self) -> None:
        """The daemon may be killed here: what it reads back is what it had."""
        assert fold(self.journal) == self.state
        since = max([n + 1 for n, (kind, _) in enumerate(self.journal) if kind in core.ENDS], default=0)
        assert fold(self.journal[since:]) == self.state, "what came before the last end is needed for nothing"

    @invariant()
    def the_state_is_what_the_model_counts(self) -> None:
        if self.state is None:
            return
        assert list(self.state.positions) == self.open
        assert {p: a.sample for p, a in self.state.accepted.items()} == self.kept
        tried = {p: [(a.quality, a.sample) for a in tries] for p, tries in self.state.tried.items()}
        assert tried == {p: tries for p, tries in self.tries.items() if tries}
        assert all([a.number for a in t] == list(range(1, len(t) + 1)) for t in self.state.tried.values())
        assert all(len(tries) <= self.plan[0] for tries in tried.values()), "more attempts than allowed"
        assert self.state.missing == self.missing
        assert self.state.duplicate_of == self.known
        assert len(self.state.findings) == self.findings
        assert (self.state.wanted() is None) == (self.captured() and (self.confirmed or bool(self.known)))
        assert self.state.closed == self.closed()
        assert self.state.mismatches == self.mismatches
        assert self.state.doubtful == self.doubtful
        captured = self.known is None and self.captured()
        assert not self.doubtful or not (captured or self.attendant)
        alarm = self.not_confirmed() and not self.confirmed and self.captured()
        alarm |= self.listed or bool(self.attendant) or self.no_finger or bool(self.same_alarm())
        alarm |= self.lacking() or self.unportrayed
        assert (self.state.alarm is not None) == (not self.reviewed if self.known else alarm)
        assert {*self.state.positions, *self.state.missing} == set(FINGERS)

    @invariant()
    def there_is_always_a_way_out(self) -> None:
        assert all(len(ends) <= 1 for ends in self.ends.values()), "ended twice"
        state = self.state
        if state is not None and state.duplicate_of and not state.closed:
            for entries in (core.review(state, "s1", None, None), core.abandon(state, "went home")):
                after = fold(entries, state)
                assert after is not None
                assert after.closed, "by the operator alone"
        for _ in range(3 * len(FINGERS)):
            if state is None or state.closed:
                break
            if (position := state.wanted()) is not None:
                same = (position,) if state.confirming else ()
                event = SampleJudged(state.id, position, "good", 100, None, same, ())
                state = fold(core.judge(state, event), state)
            elif state.alarm:
                state = fold(core.override(state, "looked up"), state)
            else:
                state = fold(core.review(state, "s1", PORTRAIT, None), state)
        if state is not None:
            assert fold(core.sealed(state, "0" * 64, 1), state) is None

    @invariant()
    def nothing_has_to_be_captured_any_more_to_come_to_an_end(self) -> None:
        """From here on no picture is any good: marked missing, overridden, sealed with what was accepted."""
        if self.state is None:
            return
        after = None if self.closed() else fold(core.abandon(self.state, "went home"), self.state)
        assert after is None or (self.known and after.closed)
        end = finished_without_a_picture(self.state)
        ((_, body),) = core.sealed(end, "0" * 64, 1)
        assert body["samples"] == {str(p): name for p, name in self.kept.items()}, "an accepted one is lost"


def finished_without_a_picture(state: Enrolment) -> Enrolment:
    """Bring an enrolment to its end although nothing can be captured any more."""

    def after(entries: list[Entry]) -> Enrolment:
        following = fold(entries, state)
        assert following is not None
        return following

    for _ in range(100):
        position = next((p for p in state.positions if p not in state.accepted), None)
        if state.closed:
            break
        if state.duplicate_of:
            state = after(core.override(state, "somebody else", "chi"))
        elif state.to_compare:
            state = after(compared(state, state.to_compare, False, {}))
        elif position:
            state = after(core.mark_missing(state, position, "cannot be captured"))
        elif state.alarm:
            state = after(core.override(state, "looked at", "chi"))
        elif state.rolling:
            state = after(core.mark_missing(state, state.wanted() or 0, "cannot be rolled"))
        elif state.wanted():
            state = after(refuse(state, state.wanted() or 0, "no finger is seen", {}))
        else:
            state = after(core.review(state, state.subject, None, "no camera"))
    assert state.closed
    return state


def test_from_every_state_there_is_a_way_to_an_end_and_no_accepted_sample_is_lost() -> None:
    run_state_machine_as_test(Life, settings=settings(steady(120), stateful_step_count=50))


def test_every_position_has_a_name() -> None:
    assert tuple(POSITION_NAMES) == FINGERS
    assert len(set(POSITION_NAMES.values())) == 10


def test_a_finger_of_somebody_who_works_here_is_refused_until_a_supervisor_says_whose_record_it_is() -> None:
    visit = Visit()
    assert visit.show(90, attendants=("an",)) == core.WRONG_FINGER
    assert visit.now.wanted() == 1, "asked again"
    assert visit.now.alarm == "the finger shown as right thumb is one of an, who works here"
    assert visit.now.hint == "this is a finger of somebody who works here", (
        "the person at the scanner reads this"
    )
    assert visit.show(90) == core.ACCEPTED
    assert visit.now.alarm is None, "the person's own was shown"
    visit.show(90, attendants=("an",))
    with pytest.raises(BadCommand, match="cannot sign for an own finger"):
        core.override(visit.now, "it is me", "an")
    visit.record(core.override(visit.now, "an is enrolled today", "binh"))
    assert visit.now.alarm is None
    assert visit.show(90, attendants=("an",)) == core.ACCEPTED
    assert visit.show(90, attendants=("an", "chi")) == core.WRONG_FINGER, "of another one it is not said"
    assert fold(visit.entries) == visit.now


def test_a_finger_of_an_attendant_that_is_marked_missing_leaves_no_alarm() -> None:
    visit = Visit()
    visit.show(90, attendants=("an",))
    visit.record(core.mark_missing(visit.now, 1, "cut"))
    assert visit.now.alarm is None
