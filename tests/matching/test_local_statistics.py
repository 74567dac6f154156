"""Twins of the kernels that look at grey levels and masks: constant areas, normalisation, cells, masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matching.kernels.cells import CELL, cell_energy, gaussian, smooth
from matching.kernels.flat import flat_tiles, tile_range
from matching.kernels.mask import at_least, without_islands
from matching.kernels.normalise import normalise
from matching.parameters import EXTRACTION
from matching.template import BLOCK

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6)).map(lambda cells: (cells[0] * 8, cells[1] * 8))
IMAGES = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(100, 120)))
MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: arrays(np.bool_, shape))


def test_a_cell_is_the_block_of_the_ridge_evidence() -> None:
    assert CELL == BLOCK


@given(IMAGES, st.integers(0, 1), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_flat_tiles_are_the_opening_of_tiles_without_contrast(image, reach, tolerance):
    rows, columns = image.shape[0] // 4, image.shape[1] // 4
    expected = np.zeros((rows, columns), bool)
    for row in range(rows):
        for column in range(columns):
            window = (
                slice(max(0, row - reach), row + reach + 1),
                slice(max(0, column - reach), column + reach + 1),
            )
            pixels = image[max(0, row - reach) * 4 : (row + reach + 1) * 4]
            pixels = pixels[:, max(0, column - reach) * 4 : (column + reach + 1) * 4]
            if int(pixels.max()) - int(pixels.min()) <= tolerance:
                expected[window] = True
    np.testing.assert_array_equal(flat_tiles(*tile_range(image), reach, tolerance), expected)


@pytest.mark.parametrize("seed", range(4))
def test_normalise_is_the_score_in_the_window_of_pixels_that_are_not_constant(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (40, 48)).astype(np.uint8)
    flat = rng.random((10, 12)) < (0.0, 0.3, 0.8, 1.0)[seed]
    p = EXTRACTION.normalise._replace(radius=4 + seed)
    normalised, deviation = normalise(image, flat, p)
    counted = ~np.kron(flat, np.ones((4, 4), bool)).astype(bool)
    for y in range(40):
        for x in range(48):
            window = (
                slice(max(0, y - p.radius), y + p.radius + 1),
                slice(max(0, x - p.radius), x + p.radius + 1),
            )
            pixels = image[window][counted[window]].astype(np.float64)
            if not counted[y, x] or pixels.size < p.enough:
                assert normalised[y, x] == deviation[y, x] == 0
                continue
            value = (pixels.mean() - image[y, x]) / (pixels.std() + p.noise)
            assert normalised[y, x] == pytest.approx(np.clip(value, -p.limit, p.limit), abs=1e-5)
            assert deviation[y, x] == pytest.approx(pixels.std(), abs=1e-4)


def test_normalised_grey_levels_do_not_depend_on_brightness_and_little_on_contrast():
    rng = np.random.default_rng(5)
    image = rng.integers(20, 120, (48, 48)).astype(np.uint8)
    flat = np.zeros((12, 12), bool)
    p = EXTRACTION.normalise._replace(noise=0.0)
    dark, _ = normalise(image, flat, p)
    light, _ = normalise(image + 100, flat, p)
    strong, _ = normalise(image * 2, flat, p)
    np.testing.assert_array_equal(dark, light)
    np.testing.assert_allclose(dark, strong, atol=1e-6)


@given(SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(-3, 3, width=32))))
@settings(max_examples=40, deadline=None)
def test_cell_energy_is_the_mean_square_of_each_cell(image):
    rows, columns = image.shape[0] // 8, image.shape[1] // 8
    squares = image.astype(np.float64).reshape(rows, 8, columns, 8) ** 2
    np.testing.assert_allclose(cell_energy(image), squares.mean(axis=(1, 3)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns", "sigma"), [(1, 1, 1.0), (3, 20, 1.4), (17, 9, 3.0)])
def test_smooth_is_a_convolution_along_both_axes_with_zeros_outside(rows, columns, sigma):
    layers = np.random.default_rng(rows).normal(size=(3, rows, columns)).astype(np.float32)
    weights = gaussian(sigma)
    radius = len(weights) // 2
    padded = np.pad(layers.astype(np.float64), ((0, 0), (radius, radius), (radius, radius)))
    kernel = np.outer(weights, weights).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(1, 2))
    np.testing.assert_allclose(
        smooth(layers, weights), np.einsum("lrcij,ij->lrc", windows, kernel), atol=1e-5
    )
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)


@given(MASKS, st.integers(0, 2), st.sampled_from([1e-9, 0.3, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_at_least_counts_the_window_cut_at_the_edge(mask, radius, share):
    expected = np.array(
        [
            [
                mask[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1].mean()
                >= share - 1e-12
                for x in range(mask.shape[1])
            ]
            for y in range(mask.shape[0])
        ]
    )
    np.testing.assert_array_equal(at_least(mask, radius, share), expected)


@given(MASKS, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_without_islands_keeps_components_of_enough_cells(mask, share):
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    components = []
    while left:
        component = {left.pop()}
        while grown := {
            cell for cell in left if any(abs(cell[0] - y) + abs(cell[1] - x) == 1 for y, x in component)
        }:
            component |= grown
            left -= grown
        components.append(component)
    largest = max((len(component) for component in components), default=0)
    expected = np.zeros_like(mask)
    for component in components:
        if len(component) >= share * largest:
            expected[tuple(zip(*component, strict=True))] = True
    np.testing.assert_array_equal(without_islands(mask, share), expected)
