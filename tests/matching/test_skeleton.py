"""Twins of the kernels that work on the skeleton: thinning, walking, erasing spurs and islands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matching.kernels.skeleton import arms, first_step, run_at, without_spurs
from matching.kernels.thin import thin
from tests.matching.pixels import RING, Place, best, blobs, image_of, in_raster_order, places, runs, walk

SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 140))
RIDGES = SHAPES.flatmap(lambda shape: arrays(np.bool_, shape, fill=st.nothing()))


def thinned(pixels: set[Place]) -> set[Place]:
    """Guo and Hall 1989, algorithm A1, pixel by pixel."""
    idle = 0
    subiteration = 0
    while idle < 2:
        removed = set()
        for pixel in pixels:
            p = {number: pixel + step in pixels for number, step in enumerate(RING, start=2)}
            crossings = sum(
                not p[a] and (p[b] or p[c]) for a, b, c in ((2, 3, 4), (4, 5, 6), (6, 7, 8), (8, 9, 2))
            )
            pairs = sum(p[a] or p[b] for a, b in ((9, 2), (3, 4), (5, 6), (7, 8)))
            others = sum(p[a] or p[b] for a, b in ((2, 3), (4, 5), (6, 7), (8, 9)))
            side = (
                (p[2] or p[3] or not p[5]) and p[4]
                if subiteration == 0
                else (p[6] or p[7] or not p[9]) and p[8]
            )
            if crossings == 1 and 2 <= min(pairs, others) <= 3 and not side:
                removed.add(pixel)
        pixels = pixels - removed
        idle = 0 if removed else idle + 1
        subiteration = 1 - subiteration
    return pixels


@given(RIDGES)
@settings(max_examples=60, deadline=None)
def test_thin_is_guo_and_hall_pixel_by_pixel(ridges):
    np.testing.assert_array_equal(thin(ridges), image_of(thinned(places(ridges)), ridges.shape))


def test_thin_leaves_lines_one_pixel_wide_and_whole():
    ridges = np.zeros((40, 150), bool)
    ridges[5:10, 3:147] = ridges[20:30, 60:70] = True
    skeleton = thin(ridges)
    assert skeleton[:15].sum(axis=0).max() == 1
    assert skeleton[:15, 10:140].sum() == 130
    assert 1 <= skeleton[15:].sum() <= 4


def pruned(pixels: set[Place], longest: int) -> set[Place]:
    left = set(pixels)
    for pixel in in_raster_order(pixels):
        if pixel not in left:
            continue
        around = runs(pixel, left)
        if not around:
            left.discard(pixel)
        elif len(around) == 1:
            path, why = walk(pixel, best(around[0]), left, longest)
            if why != "walked":
                left -= {pixel, *(path[:-1] if why == "forked" else path)}
    return left


@given(st.integers(0, 255))
@settings(max_examples=256, deadline=None)
def test_arms_and_runs_of_a_ring(ring):
    pixels = {step for bit, step in enumerate(RING) if ring >> bit & 1}
    expected = runs(0j, pixels)
    assert arms(ring) == (0 if ring == 255 else len(expected))
    for run in expected:
        bits = sum(1 << RING.index(step) for step in run)
        assert all(run_at(ring, RING.index(step)) == bits for step in run)
    assert first_step(ring) == (RING.index(best(list(pixels))) if pixels else -1)


@pytest.mark.parametrize("seed", range(6))
def test_without_spurs_erases_short_branches_and_islands(seed):
    skeleton = thin(blobs(seed))
    cleaned = without_spurs(skeleton, 3 + seed)
    np.testing.assert_array_equal(cleaned, image_of(pruned(places(skeleton), 3 + seed), skeleton.shape))
    assert cleaned.sum() < skeleton.sum()
