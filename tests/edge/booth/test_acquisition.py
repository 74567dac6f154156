"""One finger's acquisition: every state with every event, beside a table; whatever happens, no dead end."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.booth.acquisition import Acquisition, Effect, Happened, Stage, advance, request
from edge.errors import IllegalTransition
from tests.edge.parts import steady

ANY = tuple(Stage)
EVENTS = tuple(Happened)

# stage, event -> next stage, whether a finger is known to lie there afterwards, effects (ARM: to a scanner).
# None: as it was. What is not in the table is illegal.
TABLE: dict[tuple[Stage, Happened], tuple[Stage | None, bool | None, tuple[Effect, ...]]] = {
    (Stage.PLACE, Happened.OCCUPIED): (None, True, ()),
    (Stage.HOLD, Happened.OCCUPIED): (Stage.PLACE, True, ()),  # given anew while the finger came
    (Stage.PLACE, Happened.FINGER_ON): (Stage.HOLD, True, ()),
    (Stage.PLACE, Happened.FINGER_OFF): (None, False, ()),
    (Stage.HOLD, Happened.CAPTURED): (Stage.JUDGE, None, (Effect.EXAMINE,)),
    (Stage.HOLD, Happened.FINGER_OFF): (Stage.PLACE, False, ()),
    (Stage.JUDGE, Happened.FINGER_OFF): (None, False, ()),
    (Stage.LIFT, Happened.FINGER_OFF): (Stage.REST, False, ()),
    (Stage.JUDGE, Happened.MATCHER_LOST): (Stage.PLACE, False, (Effect.ARM,)),
    **{(s, Happened.MATCHER_LOST): (None, None, ()) for s in ANY if s is not Stage.JUDGE},
    **{(s, Happened.SCANNER_LOST): (None, False, ()) for s in (Stage.REST, Stage.PLACE, Stage.JUDGE)},
    (Stage.HOLD, Happened.SCANNER_LOST): (Stage.PLACE, False, ()),
    (Stage.LIFT, Happened.SCANNER_LOST): (Stage.REST, False, ()),
    **{(s, Happened.SCANNER_BACK): (None, None, ()) for s in ANY if s is not Stage.PLACE},
    (Stage.PLACE, Happened.SCANNER_BACK): (None, None, (Effect.ARM,)),
    (Stage.REST, Happened.CANCEL): (None, None, ()),
    **{(s, Happened.CANCEL): (Stage.REST, False, (Effect.DISARM,)) for s in ANY if s is not Stage.REST},
}

STATES = [
    Acquisition(stage, position, finger, scanner)
    for stage, position, finger, scanner in product(Stage, (1, 10), (False, True), (False, True))
]


def expected(state: Acquisition, event: Happened) -> tuple[Acquisition, tuple[Effect, ...]] | None:
    if (state.stage, event) == (Stage.JUDGE, Happened.JUDGED):
        after = Stage.LIFT if state.finger else Stage.REST
        return replace(state, stage=after), (Effect.REPORT,)
    if (state.stage, event) not in TABLE:
        return None
    stage, finger, effects = TABLE[state.stage, event]
    scanner = {Happened.SCANNER_BACK: True, Happened.SCANNER_LOST: False}.get(event, state.scanner)
    new = Acquisition(
        stage or state.stage, state.position, state.finger if finger is None else finger, scanner
    )
    return new, tuple(effect for effect in effects if scanner or effect is not Effect.ARM)


@pytest.mark.parametrize("event", EVENTS)
def test_every_state_does_with_every_event_what_the_table_says(event: Happened) -> None:
    for state in STATES:
        step = expected(state, event)
        if step is None:
            with pytest.raises(IllegalTransition, match=f"'{event}' cannot happen at stage '{state.stage}'"):
                advance(state, event)
        else:
            assert advance(state, event) == step


def test_a_finger_is_requested_only_at_rest() -> None:
    for state in STATES:
        if state.stage is not Stage.REST:
            with pytest.raises(IllegalTransition, match="position 7 was requested while"):
                request(state, 7)
            continue
        after, effects = request(state, 7)
        assert after == Acquisition(Stage.PLACE, 7, False, state.scanner)
        assert effects == ((Effect.ARM,) if state.scanner else ())


FROM_SCANNER = (Happened.OCCUPIED, Happened.FINGER_ON, Happened.CAPTURED, Happened.FINGER_OFF)


def reachable(first: Acquisition) -> dict[Acquisition, set[tuple[Acquisition, tuple[Effect, ...]]]]:
    """Every state that any events lead to, with the steps from it; a scanner that is gone says nothing."""
    graph: dict[Acquisition, set[tuple[Acquisition, tuple[Effect, ...]]]] = {}
    waiting = [first]
    while waiting:
        state = waiting.pop()
        if state in graph:
            continue
        graph[state] = set()
        for event in EVENTS:
            if event in FROM_SCANNER and not state.scanner:
                continue
            try:
                graph[state].add(advance(state, event))
            except IllegalTransition:
                continue
        if state.stage is Stage.REST:
            graph[state].add(request(state, 3))
        waiting += [step for step, _ in graph[state]]
    return graph


def test_every_reachable_state_makes_sense_and_can_still_report() -> None:
    graph = reachable(Acquisition())
    reporting = {state for state, steps in graph.items() if any(Effect.REPORT in e for _, e in steps)}
    useful = set(reporting)
    while grown := {
        s for s, steps in graph.items() if s not in useful and any(n in useful for n, _ in steps)
    }:
        useful |= grown
    assert useful == set(graph), "a dead end"
    for state in graph:
        assert state.scanner or not state.finger, "nobody knows of a finger without a scanner"
        assert state.stage is not Stage.HOLD or (state.finger and state.scanner)
        assert state.stage is not Stage.LIFT or (state.finger and state.scanner)
        assert state.stage is not Stage.REST or not state.finger
        assert state.stage is Stage.REST or state.position == 3


# what a device that looks may say, and what it does then
MOVES: dict[str, list[tuple[Happened, str]]] = {
    "looking": [(Happened.OCCUPIED, "blocked"), (Happened.FINGER_ON, "touched")],
    "blocked": [(Happened.FINGER_OFF, "looking")],
    "touched": [
        (Happened.CAPTURED, "taken"),
        (Happened.OCCUPIED, "blocked"),
        (Happened.FINGER_OFF, "looking"),
    ],
    "taken": [(Happened.FINGER_OFF, "idle")],
}


class Life(RuleBasedStateMachine):
    """A device that keeps its protocol, and a person, a plug, a matcher and an operator that do as they like.

    Nothing of this may be illegal: an IllegalTransition is a crash of the daemon.
    """

    @initialize()
    def begin(self) -> None:
        self.state = Acquisition()
        self.device = "gone"  # gone, idle, looking, blocked, touched, taken; a new order makes it look
        self.judging = False
        self.reports = 0

    def take(self, step: tuple[Acquisition, tuple[Effect, ...]]) -> None:
        self.state, effects = step
        for effect in effects:
            match effect:
                case Effect.ARM:
                    assert self.device != "gone", "an order to nobody"
                    self.device = "looking"
                case Effect.DISARM:
                    self.device = "gone" if self.device == "gone" else "idle"
                    self.judging = False  # the answer to a withdrawn question is void
                case Effect.EXAMINE:
                    assert not self.judging
                    self.judging = True
                case Effect.REPORT:
                    self.reports += 1

    def happens(self, event: Happened) -> None:
        self.take(advance(self.state, event))

    @precondition(lambda self: self.state.stage is Stage.REST)
    @rule(position=st.integers(1, 10))
    def a_finger_is_wanted(self, position: int) -> None:
        self.take(request(self.state, position))
        assert self.state.position == position

    def move(self, data: st.DataObject) -> None:
        event, self.device = data.draw(st.sampled_from(MOVES[self.device]))
        self.happens(event)

    @precondition(lambda self: self.device in MOVES)
    @rule(data=st.data())
    def the_person_moves(self, data: st.DataObject) -> None:
        self.move(data)

    @precondition(lambda self: self.device in MOVES)
    @rule(data=st.data())
    def the_person_moves_on(self, data: st.DataObject) -> None:  # twice as likely as trouble
        self.move(data)

    @precondition(lambda self: self.judging)
    @rule()
    def the_matcher_answers(self) -> None:
        self.judging, before = False, self.reports
        self.happens(Happened.JUDGED)
        assert self.reports == before + 1

    @precondition(lambda self: self.device == "gone")
    @rule()
    def the_cable_is_back(self) -> None:
        self.device = "idle"
        self.happens(Happened.SCANNER_BACK)

    @precondition(lambda self: self.state.scanner)
    @rule(trouble=st.sampled_from(["matcher", "cable", "plan"]))
    def trouble(self, trouble: str) -> None:
        match trouble:
            case "matcher":
                self.judging = False
                self.happens(Happened.MATCHER_LOST)
            case "cable":
                self.device = "gone"
                self.happens(Happened.SCANNER_LOST)
            case "plan":  # the operator marks the finger missing, or gives up
                self.happens(Happened.CANCEL)
                assert self.state.stage is Stage.REST

    @precondition(lambda self: not self.state.scanner)
    @rule(event=st.sampled_from([Happened.MATCHER_LOST, Happened.SCANNER_LOST, Happened.CANCEL]))
    def trouble_without_a_scanner(self, event: Happened) -> None:
        self.judging = self.judging and event is Happened.SCANNER_LOST
        self.happens(event)

    @invariant()
    def the_world_fits_the_stage(self) -> None:
        looking = self.device in ("looking", "blocked")
        if self.state.stage is Stage.PLACE:
            assert looking == self.state.scanner, "a finger is asked for and nobody looks"
            assert self.state.finger == (self.device == "blocked")
        else:
            assert not looking
        assert (self.device == "touched") == (self.state.stage is Stage.HOLD)
        assert self.judging == (self.state.stage is Stage.JUDGE), (
            "a picture is judged for no one, or not at all"
        )
        assert self.state.scanner == (self.device != "gone")


TestLife = Life.TestCase
TestLife.settings = settings(steady(150), stateful_step_count=50)
