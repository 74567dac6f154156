"""The ladder: every rung in its order, never without a pause, never at an end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import FaultKind
from edge.booth.ladder import FOOT, LONG_SECONDS, PROCESSES, TRIES, Ladder, Move, Rung, climb

HANGS = (FaultKind.TIMEOUT, FaultKind.PROTOCOL)
SHORTEST = 0.5  # seconds between two attempts, whatever happens


def run(kinds: list[FaultKind], start: Ladder = FOOT, unseen: bool = False) -> list[Move]:
    """The moves of a daemon and its processes: a process that ends is followed by a fresh one."""
    ladder, moves = start, []
    for kind in kinds:
        ladder, move = climb(ladder, kind, unseen)
        moves.append(move)
        if move.end:
            ladder = Ladder(processes=ladder.processes + 1)
    return moves


def test_one_that_hangs_is_opened_again_then_by_fresh_processes_then_its_plug_is_asked_for() -> None:
    assert (TRIES, PROCESSES) == (3, 2)
    moves = run([FaultKind.TIMEOUT] * 12)
    process = [Move(Rung.REOPEN, 0.5), Move(Rung.REOPEN, 1.0), Move(Rung.FRESH, 2.0, end=True)]
    asking = [Move(Rung.REPLUG, 5.0), Move(Rung.REPLUG, 5.0), Move(Rung.REPLUG, 5.0, end=True)]
    assert moves == [*process, *process, *asking, *asking]


def test_one_that_is_away_is_waited_for_and_pulling_the_plug_brings_it_to_the_foot() -> None:
    assert run([FaultKind.NOT_FOUND, FaultKind.UNPLUGGED] * 50) == [Move(Rung.WAIT, 0.5)] * 100
    ladder, move = climb(Ladder(1, PROCESSES), FaultKind.NOT_FOUND)
    assert (ladder, move.rung) == (FOOT, Rung.WAIT)
    ladder, move = climb(Ladder(2, 1), FaultKind.UNPLUGGED)
    assert (ladder, move.rung) == (Ladder(2, 1), Rung.WAIT), "nobody was asked yet: it may drop off by itself"


def test_one_that_the_kernel_has_and_nobody_finds_needs_a_fresh_process() -> None:
    moves = run([FaultKind.NOT_FOUND] * 3, unseen=True)
    assert [move.rung for move in moves] == [Rung.REOPEN, Rung.REOPEN, Rung.FRESH]


def test_one_that_another_program_holds_is_no_matter_of_its_plug() -> None:
    rungs = [move.rung for move in run([FaultKind.BUSY] * 7)]
    assert rungs == [*[Rung.REOPEN, Rung.REOPEN, Rung.FRESH] * 2, Rung.TECHNICIAN]


def test_what_only_a_technician_can_help_is_tried_on_slowly() -> None:
    for kind in (FaultKind.PERMISSION, FaultKind.UNSUPPORTED, FaultKind.AMBIGUOUS):
        assert run([kind] * 20) == [Move(Rung.TECHNICIAN, LONG_SECONDS)] * 20


ladders = st.builds(Ladder, st.integers(0, 10), st.integers(0, 100))


@given(ladders, st.lists(st.sampled_from(FaultKind), max_size=60), st.booleans())
def test_it_never_stops_and_never_goes_on_without_a_pause(
    start: Ladder, kinds: list[FaultKind], unseen: bool
) -> None:
    moves = run(kinds, start, unseen)
    assert len(moves) == len(kinds), "there is always a next attempt"
    assert all(SHORTEST <= move.seconds <= LONG_SECONDS for move in moves)
    assert all(move.rung in (Rung.FRESH, Rung.REPLUG, Rung.TECHNICIAN) for move in moves if move.end)


@given(ladders, st.lists(st.sampled_from(HANGS), min_size=TRIES * (PROCESSES + 1) + 1, max_size=60))
def test_whatever_came_before_hangs_alone_come_to_ask_for_the_plug(
    start: Ladder, kinds: list[FaultKind]
) -> None:
    moves = run(kinds, start)
    asked = [move.rung is Rung.REPLUG for move in moves]
    assert asked.index(True) <= TRIES * PROCESSES
    assert all(asked[asked.index(True) :])
    ends = [number for number, move in enumerate(moves) if move.end]
    assert all(later - sooner == TRIES for sooner, later in pairwise(ends))
