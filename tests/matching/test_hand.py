"""Left or right, and which fingers: what is clear is told, what lies alike is not guessed."""

from itertools import combinations

import numpy as np
import pytest

from matching.hand import LEFT, RIGHT, UNDETERMINED, other_fingers, tell_hand
from matching.slap_parameters import Anatomy

PX = 500 / 25.4
ALL = {RIGHT: (0, 1, 2, 3), LEFT: (3, 2, 1, 0)}
DROPS, BREADTHS = np.array([10.7, 0.0, 10.8, 36.4]) * PX, np.array([250.0, 255.0, 245.0, 225.0])
ACROSS = np.arange(4) * 320.0


@pytest.mark.parametrize("size", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("tilt", [-0.15, 0.0, 0.15])
def test_the_usual_hand_and_its_mirror_image(size: float, tilt: float) -> None:
    tips = size * DROPS + tilt * ACROSS
    assert tell_hand(ACROSS, tips, size * BREADTHS, ALL, Anatomy())[0] == RIGHT
    hand, sure = tell_hand(-ACROSS[::-1], tips[::-1], size * BREADTHS[::-1], ALL, Anatomy())
    assert hand == LEFT
    assert sure == pytest.approx(tell_hand(ACROSS, tips, size * BREADTHS, ALL, Anatomy())[1])


def test_where_it_lies_does_not_matter() -> None:
    there = tell_hand(ACROSS + 700, DROPS - 300, BREADTHS, ALL, Anatomy())
    assert there == pytest.approx(tell_hand(ACROSS, DROPS, BREADTHS, ALL, Anatomy()))


def test_a_row_of_equal_fingers_is_not_guessed() -> None:
    symmetric = np.array([20.0, 0.0, 0.0, 20.0]) * PX
    assert tell_hand(ACROSS, symmetric, np.full(4, 250.0), ALL, Anatomy())[0] == UNDETERMINED


def test_without_the_little_finger_it_is_not_sure() -> None:
    known = {RIGHT: (0, 1, 2), LEFT: (2, 1, 0)}
    hand, sure = tell_hand(ACROSS[:3], DROPS[:3], BREADTHS[:3], known, Anatomy())
    assert hand == UNDETERMINED
    assert 0.5 <= sure < 0.9


@pytest.mark.parametrize("count", [0, 1, 5, 9])
def test_what_no_hand_has_is_undetermined(count: int) -> None:
    places = np.arange(count) * 300.0
    assert tell_hand(places, places, np.full(count, 250.0), ALL, Anatomy()) == (UNDETERMINED, 0.5)


SETS = [*combinations(range(4), 3), *combinations(range(4), 2)]
CLEAR = [  # shown, stated
    ((1, 2, 3), (0, 1, 2)),
    ((0, 1, 2), (1, 2, 3)),
    ((0, 1, 3), (0, 1, 2)),
    ((2, 3), (0, 1)),
    ((1, 3), (0, 1)),
    ((0, 1), (1, 3)),
]
UNCLEAR = [
    ((1, 2, 3), (0, 2, 3)),
    ((0, 2, 3), (0, 1, 3)),
    ((2, 3), (1, 3)),
    ((0, 3), (2, 3)),
    ((1, 2), (0, 2)),
]


def told(
    shown: tuple[int, ...], stated: tuple[int, ...], size: float = 1.0, tilt: float = 0.0
) -> tuple[int, ...]:
    """What `other_fingers` says of the usual hand, the same for its mirror image."""
    which = np.array(shown)
    across = ACROSS[which]
    tips, breadths = size * DROPS[which] + tilt * across, size * BREADTHS[which]
    right = other_fingers(across, tips, breadths, stated, Anatomy())
    left = other_fingers(-across[::-1], tips[::-1], breadths[::-1], stated[::-1], Anatomy())
    assert left == right[::-1]
    return right


@pytest.mark.parametrize("size", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("tilt", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("fingers", SETS)
def test_the_usual_fingers_are_those_that_were_stated(
    fingers: tuple[int, ...], tilt: float, size: float
) -> None:
    assert told(fingers, fingers, size, tilt) == ()


@pytest.mark.parametrize(("shown", "stated"), CLEAR)
def test_other_fingers_than_stated_are_told(shown: tuple[int, ...], stated: tuple[int, ...]) -> None:
    assert told(shown, stated)
    assert told(shown, stated) != stated


@pytest.mark.parametrize(("shown", "stated"), UNCLEAR)
def test_fingers_whose_tips_lie_alike_are_not_guessed(
    shown: tuple[int, ...], stated: tuple[int, ...]
) -> None:
    assert told(shown, stated) == ()


def test_the_other_hand_is_not_taken_for_other_fingers() -> None:
    across, tips, breadths = -ACROSS[::-1][:3], DROPS[::-1][:3], BREADTHS[::-1][:3]  # little, ring, middle
    known = {RIGHT: (1, 2, 3), LEFT: (3, 2, 1)}
    assert tell_hand(across, tips, breadths, known, Anatomy())[0] == LEFT
    assert other_fingers(across, tips, breadths, (1, 2, 3), Anatomy()) == ()
