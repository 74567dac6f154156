"""Left or right: mirrored hands are told apart, symmetric ones are not guessed."""

import numpy as np
import pytest

from matching.hand import LEFT, RIGHT, UNDETERMINED, tell_hand
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
