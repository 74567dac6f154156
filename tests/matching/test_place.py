"""Exact places of minutiae: against a twin, and on ridges and valleys that begin where the test says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.extract import extract
from matching.kernels.detect import BIFURCATION, ENDING
from matching.kernels.place import exact_places, sample
from matching.parameters import EXTRACTION
from matching.pattern import ridge_pattern

P = EXTRACTION.place


def between(image: NDArray[np.float32], places: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The image at places x + iy, bilinear, as a product of hats over all pixels."""
    height, width = image.shape
    x, y = np.clip(places.real, 0, width - 1), np.clip(places.imag, 0, height - 1)
    across = np.maximum(0, 1 - np.abs(x[..., None] - np.arange(width)))
    down = np.maximum(0, 1 - np.abs(y[..., None] - np.arange(height)))
    return np.einsum("...h,hw,...w->...", down, image.astype(np.float64), across)


def twin(minutia: NDArray[np.float32], image: NDArray[np.float32]) -> complex:
    x, y, angle, kind = minutia.astype(np.float64)
    place, forward = complex(x, y), np.exp(-1j * angle)
    rightward = 1j * forward
    image = image if kind == ENDING else -image
    aside, ahead = np.arange(-P.aside, P.aside + 1), np.arange(1, P.ahead + 1)
    profile = between(image, place + rightward * aside[:, None] + forward * ahead).sum(axis=1)
    top = int(np.argmax(profile[1:-1])) + 1
    bend, slope, _ = np.polyfit([-1, 0, 1], profile[top - 1 : top + 2], 2)
    peak = np.clip(-slope / (2 * bend), -0.5, 0.5) if 2 * bend < -1e-6 else 0.0
    place += rightward * np.clip(aside[top] + peak, -P.most_aside, P.most_aside)
    steps = np.arange(-P.reach, P.reach + 0.1, 0.5)
    values = between(image, place + forward * steps)
    rises = [
        np.interp(0.0, values[k : k + 2], steps[k : k + 2])
        for k in range(len(steps) - 1)
        if values[k] <= 0 < values[k + 1]
    ]
    if rises:
        place += forward * np.clip(min(rises, key=abs) - P.late, -P.most_ahead, P.most_ahead)
    return complex(place)


@pytest.mark.parametrize("seed", range(3))
def test_exact_places_follow_their_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(50, 70))
    for axis in (0, 1):
        image = sum(np.roll(image, shift, axis) for shift in range(4)) / 2
    image = image.astype(np.float32)
    minutiae = np.zeros((60, 4), np.float32)
    minutiae[:, 0], minutiae[:, 1] = rng.integers(0, 70, 60), rng.integers(0, 50, 60)
    minutiae[:, 2], minutiae[:, 3] = rng.uniform(0, 2 * np.pi, 60), rng.integers(1, 3, 60)
    placed = exact_places(minutiae, image, P)
    expected = np.array([twin(minutia, image) for minutia in minutiae])
    np.testing.assert_allclose(placed[:, 0], expected.real, atol=1e-3)
    np.testing.assert_allclose(placed[:, 1], expected.imag, atol=1e-3)
    np.testing.assert_array_equal(placed[:, 2:], minutiae[:, 2:])


def test_sample_lies_between_pixels_and_stops_at_the_edge() -> None:
    image = np.array([[0, 10], [20, 30]], np.float32)
    assert sample(image, 0.25, 0.5) == pytest.approx(12.5)
    assert sample(image, -3.0, 9.0) == 20
    assert sample(image, 9.0, -3.0) == 10


@pytest.mark.parametrize("kind", [ENDING, BIFURCATION])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.8, -0.6), (-1.1, 0.9)])
def test_a_ridge_or_valley_that_begins_is_found(kind: int, offset: tuple[float, float]) -> None:
    y, x = np.mgrid[:40, :60]
    begin_x, begin_y = 28.3, 19.6
    ridge = np.exp(-(((y - begin_y) / 3) ** 2)) * np.tanh((x - begin_x) / 2)
    image = (ridge if kind == ENDING else -ridge).astype(np.float32)
    start = np.array([[begin_x + offset[0], begin_y + offset[1], 0.0, kind]], np.float32)
    (placed,) = exact_places(start, image, P)
    assert placed[0] == pytest.approx(begin_x - P.late, abs=0.1)
    assert placed[1] == pytest.approx(begin_y, abs=0.1)


def test_where_nothing_begins_a_minutia_stays() -> None:
    start = np.array([[20, 20, 1.0, ENDING]], np.float32)
    np.testing.assert_array_equal(exact_places(start, np.zeros((40, 40), np.float32), P), start)
    assert len(exact_places(start[:0], np.zeros((40, 40), np.float32), P)) == 0


def test_places_are_finer_than_pixels() -> None:
    minutiae = extract(ridge_pattern()).minutiae
    fractions = np.concatenate([minutiae["x"] % 1, minutiae["y"] % 1])
    assert (fractions > 0.01).mean() > 0.8
