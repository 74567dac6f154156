"""One subject's enrolment: decisions by hand, and arbitrary lives beside a model that counts for itself."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.booth import enrolment as core
from edge.booth.enrolment import Attempt, Enrolment, Entry, SampleJudged, fold
from edge.errors import BadCommand, IllegalTransition
from edge.messages import POSITION_NAMES, canonical
from tests.edge.parts import steady

FINGERS = tuple(range(1, 11))


def new(**changes: Any) -> Enrolment:
    values: dict[str, Any] = {
        "id": "e1",
        "subject": "s1",
        "positions": FINGERS,
        "attempts_allowed": 3,
        "quality_wanted": 30,
        "fingers_to_tell": 2,
    }
    return Enrolment(**{**values, **changes})


def sample(
    current: Enrolment,
    quality: int,
    same: tuple[int, ...] = (),
    already: tuple[str, ...] = (),
    name: str = "",
) -> SampleJudged:
    position = current.wanted() or 0
    name = name or f"{position}-{current.attempt_number(position)}-{quality}"
    return SampleJudged(current.id, position, name, quality, "press lightly", same, already, {"minutiae": 40})


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


def test_two_fingers_of_one_earlier_subject_close_the_enrolment() -> None:
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
    (entry,) = visit.record(core.sealed(visit.now, "0" * 64, 1))
    assert (entry[1]["outcome"], entry[1]["duplicate_of"]) == ("already-enrolled", "s7")


def test_the_same_finger_twice_is_one_finger() -> None:
    visit = Visit()
    visit.show(20, already=("s0",))
    visit.show(20, already=("s0",))
    visit.show(20, already=("s0",))
    assert visit.now.duplicate_of is None
    assert visit.now.hits == {"s0": frozenset({1})}


def test_whoever_has_one_finger_is_known_by_one_finger() -> None:
    visit = Visit(positions=(3,), missing={p: "x" for p in FINGERS if p != 3})
    visit.show(50, already=("s0",))
    assert visit.now.duplicate_of == "s0"


def test_whoever_has_one_finger_left_is_known_by_it_also_when_the_others_go_missing_later() -> None:
    visit = Visit(positions=(1, 2), missing={p: "x" for p in FINGERS if p > 2})
    visit.show(50, already=("s0",))
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
    with pytest.raises(BadCommand, match="the only finger left: abandon the enrolment instead"):
        core.mark_missing(new(positions=(1,), missing={2: "x"}), 1, "x")


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
        present=st.sets(st.integers(1, 10), min_size=1),
        attempts=st.integers(1, 4),
        wanted=st.integers(0, 100),
        fingers=st.integers(1, 10),
    )
    def a_subject_comes(self, present: set[int], attempts: int, wanted: int, fingers: int) -> None:
        self.number += 1
        self.id = f"e{self.number}"
        self.ends[self.id] = []
        self.missing = {p: f"reason {p}" for p in FINGERS if p not in present}
        self.plan = (attempts, wanted, fingers)
        self.open = sorted(present)
        self.tries: dict[int, list[tuple[int, str]]] = {p: [] for p in FINGERS}
        self.kept: dict[int, str] = {}
        self.hits: dict[str, set[int]] = {}
        self.known: str | None = None
        self.findings = 0
        plan = new(
            id=self.id,
            positions=tuple(self.open),
            attempts_allowed=attempts,
            quality_wanted=wanted,
            fingers_to_tell=fingers,
            missing=self.missing,
        )
        self.record(core.start(self.state, plan))

    def closed(self) -> bool:
        return self.known is not None or all(p in self.kept for p in self.open)

    def look_for_known(self, among: list[str]) -> None:
        needed = min(self.plan[2], len(self.open))
        for subject in among:
            if self.known is None and len(self.hits[subject]) >= needed:
                self.known, self.findings = subject, self.findings + 1

    @precondition(lambda self: self.state is not None and not self.closed())
    @rule(
        quality=st.integers(0, 100),
        wrong=st.integers(0, 3),
        already=st.lists(st.sampled_from(["s0", "s7", "s9"]), max_size=2, unique=True),
    )
    def a_finger_is_shown(self, quality: int, wrong: int, already: list[str]) -> None:
        position = next(p for p in self.open if p not in self.kept)
        self.samples += 1
        name = f"sample{self.samples}"
        same = tuple(sorted(self.kept))[:1] if wrong == 0 else ()
        facts = {"parts": {"contrast": 0.5}}
        event = SampleJudged(self.id, position, name, quality, "hint", same, tuple(already), facts)
        entries = core.judge(self.state, event)
        self.record(entries)
        decision = entries[0][1]["decision"]
        if same:
            assert decision == core.WRONG_FINGER
            self.findings += 1
            return
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
        self.look_for_known(already)

    @precondition(lambda self: self.state is not None)
    @rule(position=st.integers(1, 10))
    def a_finger_is_marked_missing(self, position: int) -> None:
        before = self.state
        possible = (
            not self.closed() and position in self.open and position not in self.kept and len(self.open) > 1
        )
        try:
            entries = core.mark_missing(self.state, position, f"later {position}")
        except BadCommand:
            assert not possible
            assert self.state == before
            return
        assert possible
        self.record(entries)
        self.open.remove(position)
        self.missing[position] = f"later {position}"
        self.look_for_known(list(self.hits))

    @precondition(lambda self: self.state is not None and self.samples % 5 == 4)
    @rule()
    def the_subject_is_given_up(self) -> None:
        if self.closed():
            with pytest.raises(BadCommand):
                core.abandon(self.state, "x")
            return
        self.record(core.abandon(self.state, "went home"))
        self.ends[self.id].append(core.ABANDONED)

    @precondition(lambda self: self.state is not None and self.closed())
    @rule()
    def the_record_is_sealed(self) -> None:
        (entry,) = core.sealed(self.state, "0" * 64, 1)
        assert entry[1]["outcome"] == (core.ALREADY_ENROLLED if self.known else core.ENROLLED)
        assert entry[1]["duplicate_of"] == self.known
        assert entry[1]["samples"] == {str(p): name for p, name in self.kept.items()}
        assert entry[1]["missing"] == {str(p): reason for p, reason in self.missing.items()}
        self.record([entry])
        self.ends[self.id].append(core.SEALED)

    @precondition(lambda self: self.samples % 2 == 1)  # and not all the time
    @rule(data=st.data())
    def something_illegal_happens(self, data: st.DataObject) -> None:
        before = self.state
        wanted = before.wanted() if before else None
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
        assert (self.state.wanted() is None) == self.closed()
        assert {*self.state.positions, *self.state.missing} == set(FINGERS)

    @invariant()
    def there_is_always_a_way_out(self) -> None:
        assert all(len(ends) <= 1 for ends in self.ends.values()), "ended twice"
        state = self.state
        for _ in range(len(FINGERS)):
            if state is not None and (position := state.wanted()) is not None:
                event = SampleJudged(state.id, position, "good", 100, None, (), ())
                state = fold(core.judge(state, event), state)
        if state is not None:
            assert fold(core.sealed(state, "0" * 64, 1), state) is None


TestLife = Life.TestCase
TestLife.settings = settings(steady(120), stateful_step_count=50)


def test_every_position_has_a_name() -> None:
    assert tuple(POSITION_NAMES) == FINGERS
    assert len(set(POSITION_NAMES.values())) == 10
