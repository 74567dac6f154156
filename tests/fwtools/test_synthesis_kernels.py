"""Each kernel of synthesis against a twin in plain NumPy that shares no code with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fwtools.synthesis.kernels import TAPS, filter_ridges, phase_turns, sample, spline_up

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(2, 24)


@settings(max_examples=30, deadline=None)
@given(seeds, sides, sides)
def test_filter_ridges(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    source = rng.standard_normal((height + TAPS, width + TAPS), np.float32)
    bank = rng.standard_normal((5, TAPS, TAPS), np.float32)
    choice = rng.integers(-1, 5, (height, width)).astype(np.int32)
    windows = sliding_window_view(source, (TAPS, TAPS))[:height, :width]
    expected = np.einsum("hwij,hwij->hw", windows.astype(np.float64), bank[choice])
    np.testing.assert_allclose(
        filter_ridges(source, bank, choice), np.where(choice < 0, 0, expected), atol=1e-3
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(1, 40), st.floats(1.0, 30.0))
def test_spline_up(seed: int, height: int, width: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    shape = int(height / step) + 5, int(width / step) + 5
    coarse = rng.standard_normal(shape, np.float32)

    def basis(length: int, nodes: int) -> NDArray[np.float64]:
        distance = np.abs(np.arange(length)[:, None] / step - (np.arange(nodes) - 1))
        near, far = 2 / 3 - distance**2 + distance**3 / 2, (2 - distance) ** 3 / 6
        return np.where(distance < 1, near, np.where(distance < 2, far, 0))

    expected = basis(height, shape[0]) @ coarse @ basis(width, shape[1]).T
    np.testing.assert_allclose(spline_up(coarse, height, width, step), expected, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seeds, sides, sides)
def test_phase_turns(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    even, odd = rng.standard_normal((2, height, width), np.float32)
    orientation = rng.uniform(0, np.pi, (height, width)).astype(np.float32)
    wave = even + 1j * odd.astype(np.float64)
    normal = np.exp(1j * orientation.astype(np.float64))
    ring = [(slice(None, -1), slice(None, -1)), (slice(1, None), slice(None, -1))]
    ring += [(slice(1, None), slice(1, None)), (slice(None, -1), slice(1, None))]
    aligned = []
    for corner in ring:
        flipped = (normal[corner] * normal[ring[0]].conj()).real < 0
        aligned.append(np.where(flipped, wave[corner].conj(), wave[corner]))
    steps = [
        np.angle(after / before) for before, after in zip(aligned, aligned[1:] + aligned[:1], strict=True)
    ]
    expected = np.rint(np.sum(steps, axis=0) / (2 * np.pi))
    np.testing.assert_array_equal(phase_turns(even, odd, orientation), expected)


@settings(max_examples=30, deadline=None)
@given(seeds, sides, sides, st.integers(0, 30))
def test_sample(seed: int, height: int, width: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.standard_normal((height, width), np.float32)
    x = rng.uniform(-3, width + 3, (count, 2)).astype(np.float32)
    y = rng.uniform(-3, height + 3, (count, 2)).astype(np.float32)
    inside_x, inside_y = (
        np.clip(x.astype(np.float64), 0, width - 1),
        np.clip(y.astype(np.float64), 0, height - 1),
    )
    columns = np.maximum(1 - np.abs(inside_x[..., None] - np.arange(width)), 0)
    rows = np.maximum(1 - np.abs(inside_y[..., None] - np.arange(height)), 0)
    expected = np.einsum("...h,hw,...w->...", rows, image.astype(np.float64), columns)
    values = sample(image, x, y)
    assert values.shape == x.shape
    np.testing.assert_allclose(values, expected, atol=0.02)


def test_sample_meets_the_pixels() -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    x, y = np.meshgrid(np.arange(3, dtype=np.float32), np.arange(2, dtype=np.float32))
    np.testing.assert_array_equal(sample(image, x, y), image[:2, :3])
    assert sample(image, np.float32([9]), np.float32([9]))[0] == pytest.approx(11, abs=0.01)
