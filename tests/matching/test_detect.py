"""Twins of the kernels that find minutiae on the skeleton and drop false ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.kernels.detect import BIFURCATION, ENDING, find_minutiae, without_neighbours
from matching.kernels.flow import flow_angle
from matching.kernels.skeleton import without_spurs
from matching.kernels.thin import thin
from matching.parameters import EXTRACTION
from tests.matching.pixels import RING, Place, best, blobs, in_raster_order, places, runs, walk


def expected_minutiae(skeleton, flow, foreground, p):
    """(x, y, angle, type) as detect's docstring and parameters have it, over sets of pixels."""
    pixels, found = places(skeleton), []
    height, width = skeleton.shape

    def inside(place: Place) -> bool:
        row, column = int(place.imag // 8), int(place.real // 8)
        return (
            0 <= row < len(foreground) and 0 <= column < len(foreground[0]) and bool(foreground[row, column])
        )

    for pixel in in_raster_order(pixels):
        x, y = int(pixel.real), int(pixel.imag)
        if not (p.border <= x < width - p.border and p.border <= y < height - p.border):
            continue
        reach = [p.border if abs(step) == 1 else int(0.7 * p.border) for step in RING]
        if not all(inside(pixel + step * far) for step, far in zip(RING, reach, strict=True)):
            continue
        around = runs(pixel, pixels)
        walks = [walk(pixel, best(run), pixels, p.follow) for run in around]
        if len(around) == 1 and walks[0][1] != "ended":
            kind, toward = ENDING, walks[0][0][-1] - pixel
        elif len(around) == 3 and all(why == "walked" or len(path) >= p.arm for path, why in walks):
            ways = [(path[-1] - pixel) / abs(path[-1] - pixel) for path, _ in walks]
            pairs = [(ways[i], ways[j]) for i, j in ((1, 2), (2, 0), (0, 1))]
            kind, toward = BIFURCATION, sum(max(pairs, key=lambda pair: (pair[0] * pair[1].conjugate()).real))
        else:
            continue
        toward = toward.conjugate()  # y up
        angle = flow_angle(flow, x, y)
        if toward == 0:
            continue
        if (toward * np.exp(-1j * angle)).real < 0:
            angle += np.pi
        ahead = pixel - p.exit * np.exp(1j * angle).conjugate()
        if kind == ENDING and not inside(ahead):
            continue
        found.append((x, y, angle, kind))
    return np.array(found).reshape(-1, 4)


@pytest.mark.parametrize("seed", range(6))
def test_find_minutiae_walks_from_every_ending_and_bifurcation(seed):
    rng = np.random.default_rng(seed)
    skeleton = without_spurs(thin(blobs(seed, (96, 128))), 5)
    flow = rng.normal(size=(2, 12, 16)).astype(np.float32)
    foreground = np.ones((12, 16), bool)
    foreground[:, 14:] = foreground[:2, :5] = False
    p = EXTRACTION.detect
    expected = expected_minutiae(skeleton, flow, foreground, p)
    assert len(expected) > 3
    assert {ENDING, BIFURCATION} == set(expected[:, 3])
    np.testing.assert_allclose(find_minutiae(skeleton, flow, foreground, p), expected, atol=1e-5)


def test_an_ending_points_along_its_ridge_and_a_bifurcation_between_its_branches():
    skeleton = np.zeros((96, 96), np.uint8)
    skeleton[40, 10:44] = 1  # a ridge that comes from the left and ends at x = 43
    skeleton[60, 20:50] = 1  # a ridge that forks at x = 49, to the right
    for k in range(1, 16):
        skeleton[60 - k, 49 + k] = skeleton[60 + k, 49 + k] = 1
    flow = np.zeros((2, 12, 12), np.float32)
    flow[0] = 1  # ridges run to the right
    found = find_minutiae(skeleton, flow, np.ones((12, 12), bool), EXTRACTION.detect)
    ending = found[(found[:, 3] == ENDING) & (found[:, 1] == 40) & (found[:, 0] > 20)]
    np.testing.assert_allclose(ending, [[43, 40, np.pi, ENDING]], atol=1e-6)
    fork = found[found[:, 3] == BIFURCATION]
    np.testing.assert_allclose(fork, [[49, 60, 0.0, BIFURCATION]], atol=1e-6)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 15)), max_size=14))
@settings(max_examples=80, deadline=None)
def test_without_neighbours_drops_facing_pairs_and_crowds(drawn):
    p = EXTRACTION.detect
    minutiae = np.array([(x, y, np.pi / 8 * turn + 0.01, 1) for x, y, turn in drawn], np.float32).reshape(
        -1, 4
    )
    kept = []
    for i, (x, y, angle, _) in enumerate(minutiae.tolist()):
        dropped = False
        for j, (other_x, other_y, other_angle, _) in enumerate(minutiae.tolist()):
            distance = abs(complex(x - other_x, y - other_y))
            opposed = np.cos(angle - other_angle) < -0.5
            close = distance < p.touch or (distance < p.facing and opposed)
            dropped |= i != j and (close or (distance < p.crowd and j < i))
        if not dropped:
            kept.append(i)
    np.testing.assert_array_equal(without_neighbours(minutiae, p), minutiae[kept])
