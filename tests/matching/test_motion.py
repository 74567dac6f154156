"""How skin has moved: the kernels against slow twins, and on moves that are known."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from matching.kernels.motion import Window, mismatch, moved_back

Floats = NDArray[np.float32]
VALUES = st.sampled_from([-1.0, 0.0, 10.0, 60.0, 200.0])


def slow_mismatch(before: Floats, after: Floats, window: Window, around: tuple[int, int]) -> Floats:
    """Each move by itself, pixel after pixel of a dictionary."""
    there = {place: value for place, value in np.ndenumerate(after) if value >= 0}
    here = {
        (y, x): value
        for (y, x), value in np.ndenumerate(before)
        if value >= 0
        and y in range(max(0, window.top), window.bottom, window.every)
        and x in range(max(0, window.left), window.right, window.every)
    }
    steps = range(-window.reach, window.reach + 1)
    result = np.full((len(steps), len(steps)), np.inf)
    for row, down in enumerate(steps):
        for column, right in enumerate(steps):
            move = around[0] + down * window.step, around[1] + right * window.step
            pairs = [(value, there.get((y + move[0], x + move[1]))) for (y, x), value in here.items()]
            known = [(one, other) for one, other in pairs if other is not None]
            if known and 3 * len(known) >= len(here):
                result[row, column] = np.mean([(float(one) - float(other)) ** 2 for one, other in known])
    return result.astype(np.float32)


@given(
    st.integers(1, 9).flatmap(
        lambda h: st.integers(1, 9).flatmap(
            lambda w: st.tuples(*2 * [arrays(np.float32, (h, w), elements=VALUES)])
        )
    ),
    st.builds(
        Window, st.integers(-3, 6), st.integers(-3, 6), st.integers(0, 12), st.integers(0, 12),
        st.integers(1, 3), st.integers(0, 2), st.integers(1, 2),
    ),
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
)  # fmt: skip
def test_the_mismatch_is_the_mean_squared_difference_where_both_are_known(
    images: tuple[Floats, Floats], window: Window, around: tuple[int, int]
) -> None:
    found = mismatch(*images, window, around)
    np.testing.assert_allclose(found, slow_mismatch(*images, window, around), rtol=1e-5)


def slow_moved_back(image: Floats, field: Floats, spacing: int, outside: float) -> Floats:
    """By weights of the four neighbours, for the field and then for the image."""

    def at(values: Floats, y: float, x: float) -> float:
        total = 0.0
        for row in (math.floor(y), math.floor(y) + 1):
            for column in (math.floor(x), math.floor(x) + 1):
                weight = (1 - abs(y - row)) * (1 - abs(x - column))
                if weight > 0:
                    total += weight * float(values[row, column])
        return total

    result = np.full(image.shape, outside)
    for y, x in np.ndindex(*image.shape):
        place = [at(field[axis], y / spacing, x / spacing) + (y, x)[axis] for axis in (0, 1)]
        if all(0 <= one <= side - 1 for one, side in zip(place, image.shape, strict=True)):
            result[y, x] = at(image, *place)
    return result.astype(np.float32)


@given(
    arrays(np.float32, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.floats(0, 255, width=32)),
    arrays(np.float32, (2, 6, 6), elements=st.sampled_from([-2.5, -1.0, -0.25, 0.0, 0.5, 1.75])),
    st.integers(2, 4),
)
def test_a_picture_is_moved_back_by_the_field(image: Floats, field: Floats, spacing: int) -> None:
    found = moved_back(image, field, spacing, -1.0)
    np.testing.assert_allclose(found, slow_moved_back(image, field, spacing, -1.0), atol=1e-3)


def test_a_move_that_is_known_is_found() -> None:
    y, x = np.mgrid[0:80, 0:90].astype(np.float32)
    before = (100 + 90 * np.sin(x / 1.4 + np.sin(y / 7)) * np.cos(y / 9)).astype(np.float32)
    after = np.roll(before, (3, -2), (0, 1))
    differences = mismatch(before, after, Window(20, 20, 60, 60, 1, 5, 1), (0, 0))
    assert np.unravel_index(int(np.argmin(differences)), differences.shape) == (5 + 3, 5 - 2)
    field = np.empty((2, 12, 12), np.float32)
    field[0], field[1] = 3, -2
    np.testing.assert_array_equal(moved_back(after, field, 16, -1.0)[10:70, 10:70], before[10:70, 10:70])
