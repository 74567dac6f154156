"""Depth inside a mask and splitting at necks, against slow twins and on shapes with known answers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from matching.kernels.parts import depth_inside, split_at_necks

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.booleans())


def slow_depth(mask: NDArray[np.bool_], most: int) -> NDArray[np.float64]:
    """The nearest cell that is not set, by looking at all of them."""
    empty = np.argwhere(~mask)
    depth = np.zeros(mask.shape)
    for place in np.argwhere(mask):
        nearest = np.sqrt(((empty - place) ** 2).sum(axis=1).min()) if len(empty) else np.inf
        depth[tuple(place)] = min(nearest, most)
    return depth


def slow_components(mask: NDArray[np.bool_]) -> int:
    """How many masses hang together over edges and corners."""
    left, count = {tuple(place) for place in np.argwhere(mask).tolist()}, 0
    while left:
        count += 1
        reached = [left.pop()]
        while reached:
            row, column = reached.pop()
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            reached += near
    return count


@given(MASKS, st.integers(2, 9))
def test_depth_is_the_distance_to_the_nearest_cell_outside(mask: NDArray[np.bool_], most: int) -> None:
    np.testing.assert_allclose(depth_inside(mask, most), slow_depth(mask, most), rtol=1e-6)


@given(MASKS)
def test_parts_that_may_all_join_are_the_components(mask: NDArray[np.bool_]) -> None:
    labels = split_at_necks(depth_inside(mask, 20), 0.0, 0.0)
    np.testing.assert_array_equal(labels > 0, mask)
    assert labels.max(initial=0) == slow_components(mask)
    assert set(labels[mask].tolist()) == set(range(1, labels.max(initial=0) + 1))


@given(MASKS, st.floats(0.5, 1.0))
def test_each_part_hangs_together_and_none_spans_two_components(mask: NDArray[np.bool_], neck: float) -> None:
    labels = split_at_necks(depth_inside(mask, 20), neck, 0.0)
    np.testing.assert_array_equal(labels > 0, mask)
    for label in range(1, int(labels.max(initial=0)) + 1):
        assert slow_components(labels == label) == 1


def discs(gap: float) -> NDArray[np.float32]:
    """Depths of two discs of radius 12 whose middles are so far apart."""
    y, x = np.mgrid[:40, :80]
    mask = (np.hypot(x - 25, y - 20) < 12) | (np.hypot(x - 25 - gap, y - 20) < 12)
    return depth_inside(mask, 30)


def test_discs_part_at_their_neck_and_only_there() -> None:
    assert split_at_necks(discs(20), 0.9, 3.0).max() == 2
    assert split_at_necks(discs(20), 0.3, 3.0).max() == 1, "a neck that wide is none"
    assert split_at_necks(discs(20), 0.9, 13.0).max() == 1, "what is shallow has no life of its own"
    assert split_at_necks(discs(3), 0.9, 3.0).max() == 1
    labels = split_at_necks(discs(20), 0.9, 3.0)
    assert len(set(labels[:, :34][labels[:, :34] > 0].tolist())) == 1
    assert len(set(labels[:, 37:][labels[:, 37:] > 0].tolist())) == 1
