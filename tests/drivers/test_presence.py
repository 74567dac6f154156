"""Presence and motion by levels: against plain loops, on noise and on moved fingers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.presence import change_between, light_over
from drivers.secugen_hamster_pro_20 import EMPTY, FINGER_OFF, FINGER_ON, MOVING
from tests.drivers.bench import finger, optics


def raw(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.frombuffer(optics().shoot(picture), np.uint8, 688 * 956).reshape(688, 956)


def slow_level(difference: NDArray[np.int64]) -> float:
    means = []
    height, width = (length // 16 for length in difference.shape)
    for y in range(16):
        for x in range(16):
            block = difference[y * height : (y + 1) * height, x * width : (x + 1) * width]
            means.append(sum(block.ravel().tolist()) / block.size)
    return sum(sorted(means)[-32:]) / 32


@given(st.integers(0, 2**32), st.integers(16, 70), st.integers(16, 70))
@settings(max_examples=25)
def test_equals_plain_loops(seed: int, height: int, width: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, height, width)).astype(np.uint8)
    wide_a, wide_b = a.astype(np.int64), b.astype(np.int64)
    assert np.isclose(light_over(a, b), slow_level(np.clip(wide_a - wide_b, 0, None)), rtol=1e-4)
    assert np.isclose(change_between(a, b), slow_level(abs(wide_a - wide_b)), rtol=1e-4)


def test_thresholds_hold_on_the_model() -> None:
    empty, (landing, lying) = raw(optics().empty), finger()
    assert light_over(raw(optics().empty), empty) < EMPTY
    assert light_over(raw(optics().empty), raw(optics().dark)) < EMPTY < FINGER_OFF < FINGER_ON
    light = light_over(raw(lying), empty)
    assert light > FINGER_ON
    assert change_between(raw(lying), raw(lying)) < 0.6 * MOVING * light
    for moved in (landing, np.roll(lying, 2, axis=0), np.roll(lying, 3, axis=1)):
        assert change_between(raw(lying), raw(moved)) > MOVING * light


def test_a_small_weak_finger_off_the_centre_is_still_a_finger() -> None:
    empty = raw(optics().empty)
    corner = empty.copy()
    corner[:240, :300] += 25
    assert light_over(corner, empty) > FINGER_ON
    assert np.mean(corner - empty) < 5
