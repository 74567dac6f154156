"""Twins of the kernels that know ridges: gradients, flow, period, contextual filter."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from matching.kernels.cells import CELL
from matching.kernels.flow import angles, balanced, blend, flow_angle
from matching.kernels.gabor import bank_periods, choose, filter_cells, make_bank
from matching.kernels.gradient import cell_tensor
from matching.kernels.period import candidate_periods, most_likely, profile_spectra, waves
from matching.parameters import EXTRACTION


def wave(shape: tuple[int, int], degrees: float, period: float) -> np.ndarray:
    """Straight ridges that run at this angle, counter-clockwise from the right with y up."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    across = x * np.sin(np.radians(degrees)) + y * np.cos(np.radians(degrees))
    return np.cos(2 * np.pi * across / period).astype(np.float32)


def turned_apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference of orientations in radians, 0..pi/2."""
    return np.abs((first - second + np.pi / 2) % np.pi - np.pi / 2)


def test_cell_tensor_sums_products_of_smoothed_central_differences():
    image = np.random.default_rng(1).normal(size=(32, 48)).astype(np.float32)
    window = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16.0
    smoothed = np.zeros(image.shape)
    smoothed[1:-1, 1:-1] = np.einsum(
        "yxij,ij->yx", sliding_window_view(image.astype(np.float64), (3, 3)), window
    )
    gradient = np.zeros(image.shape, complex)  # right + i up
    gradient[2:-2, 2:-2] = (
        smoothed[2:-2, 3:-1] - smoothed[2:-2, 1:-3] + 1j * (smoothed[1:-3, 2:-2] - smoothed[3:-1, 2:-2])
    )
    ridge = -(gradient**2)  # doubled angle, a quarter turn on
    layers = np.stack([ridge.real, ridge.imag, np.abs(gradient) ** 2])
    expected = layers.reshape(3, 4, CELL, 6, CELL).sum(axis=(2, 4))
    np.testing.assert_allclose(cell_tensor(image), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 170])
def test_the_flow_of_straight_ridges_is_their_angle(degrees):
    tensor = cell_tensor(wave((64, 64), degrees, 9.0))
    flow = blend(tensor, tensor, EXTRACTION.flow)
    inner = angles(flow)[1:-1, 1:-1]
    assert turned_apart(inner, np.radians(degrees)).max() < np.radians(2)
    assert np.hypot(*flow)[1:-1, 1:-1].min() > 0.95


def test_balanced_scales_masked_cells_by_their_own_energy():
    rng = np.random.default_rng(2)
    tensor = rng.random((3, 4, 5)).astype(np.float32)
    mask = rng.random((4, 5)) < 0.5
    expected = tensor / (tensor[2] + 4.0) * mask
    np.testing.assert_allclose(balanced(tensor, mask, 4.0), expected, rtol=1e-5)


def test_blend_leans_on_the_coarse_direction_where_the_fine_one_is_not_coherent():
    rng = np.random.default_rng(3)
    fine, coarse = rng.normal(size=(2, 3, 6, 7)).astype(np.float32)
    fine[2], coarse[2] = 1 + np.abs(fine[2]), 1 + np.abs(coarse[2])
    p = EXTRACTION.flow
    near, far = (fine[0] + 1j * fine[1]) / fine[2], (coarse[0] + 1j * coarse[1]) / coarse[2]
    trust = np.clip((np.abs(near) - p.unsure) / (p.sure - p.unsure), 0, 1)
    mixed = trust * near + (1 - trust) * far
    expected = mixed / np.abs(mixed) * np.abs(near)
    flow = blend(fine, coarse, p)
    np.testing.assert_allclose(flow[0] + 1j * flow[1], expected, rtol=1e-3, atol=1e-4)


def test_flow_angle_interpolates_unit_vectors_between_centres_of_cells():
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(4, 5)) + 1j * rng.normal(size=(4, 5))
    flow = np.stack([vectors.real, vectors.imag]).astype(np.float32)
    unit = vectors / np.abs(vectors)
    for x, y in rng.uniform(0, (40, 32), (60, 2)) - 0.5:
        column, row = np.clip((x + 0.5) / 8 - 0.5, 0, 4), np.clip((y + 0.5) / 8 - 0.5, 0, 3)
        weights = np.outer(
            np.maximum(0, 1 - np.abs(np.arange(4) - row)), np.maximum(0, 1 - np.abs(np.arange(5) - column))
        )
        expected = np.angle((weights * unit).sum()) / 2
        assert turned_apart(np.float64(flow_angle(flow, x, y)), expected) < 1e-3
    np.testing.assert_allclose(turned_apart(angles(flow), np.angle(vectors) / 2), 0, atol=1e-5)


def test_profile_spectra_are_the_share_of_power_at_each_period():
    rng = np.random.default_rng(6)
    image = rng.normal(size=(40, 56)).astype(np.float32)
    angle = rng.uniform(0, np.pi, (5, 7)).astype(np.float32)
    mask = rng.random((5, 7)) < 0.7
    periods = candidate_periods(4.0, 16.0, 9)
    spectra = profile_spectra(image, angle, mask, waves(periods), 2, 8)
    assert spectra.shape == (9, 3, 4)
    place = np.arange(40)
    window = np.sin(np.pi * (place + 0.5) / 40) ** 2
    for row, column in np.ndindex(3, 4):
        r, c = min(2 * row + 1, 4), min(2 * column + 1, 6)
        if not mask[r, c]:
            assert not spectra[:, row, column].any()
            continue
        along, across = np.meshgrid(np.arange(-8, 9, 2), place - 20)
        ridge, normal = (
            np.exp(-1j * np.float64(angle[r, c])),
            np.exp(-1j * (np.float64(angle[r, c]) + np.pi / 2)),
        )
        points = complex(8 * c + 4, 8 * r + 4) + along * ridge + across * normal  # real right, imaginary down
        y = np.clip(np.floor(points.imag + 0.5), 0, 39).astype(int)
        x = np.clip(np.floor(points.real + 0.5), 0, 55).astype(int)
        profile = image[y, x].sum(axis=1).astype(np.float64)
        profile -= profile.mean()
        tone = np.exp(-2j * np.pi * np.outer(1 / periods.astype(np.float64), place))
        share = np.abs(tone @ (window * profile)) ** 2 / (profile @ profile + 1e-3)
        np.testing.assert_allclose(spectra[:, row, column], share**2, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize(("degrees", "period"), [(0, 9.0), (40, 6.0), (90, 12.0), (120, 7.5)])
def test_the_likeliest_period_of_straight_ridges_is_theirs(degrees, period):
    image = wave((80, 80), degrees, period)
    angle = np.full((10, 10), np.radians(degrees), np.float32)
    periods = candidate_periods(4.0, 16.0)
    spectra = profile_spectra(image, angle, np.ones((10, 10), bool), waves(periods), 2, 8)
    likely = most_likely(spectra, spectra.sum(axis=(1, 2)), 0.7, periods)
    assert likely.shape == (5, 5)
    assert np.abs(np.log(likely / period)).max() < 0.07  # a step of the periods is 0.058


def test_filter_cells_is_a_correlation_with_the_chosen_kernel():
    rng = np.random.default_rng(7)
    image = rng.normal(size=(24, 32)).astype(np.float32)
    bank = rng.normal(size=(3, 5, 5)).astype(np.float32)
    choice = rng.integers(-1, 3, (3, 4)).astype(np.int32)
    windows = sliding_window_view(np.pad(image.astype(np.float64), 2), (5, 5))
    every = np.einsum("yxij,kij->kyx", windows, bank)
    chosen = np.kron(choice, np.ones((8, 8), int))
    expected = np.where(chosen < 0, 0, np.take_along_axis(every, np.maximum(chosen, 0)[None], axis=0)[0])
    np.testing.assert_allclose(filter_cells(image, choice, bank), expected, rtol=1e-4, atol=1e-4)


def test_choose_takes_the_nearest_orientation_and_period():
    rng = np.random.default_rng(8)
    p = EXTRACTION.gabor
    angle = rng.uniform(0, np.pi, (9, 9)).astype(np.float32)
    period = rng.uniform(3, 18, (9, 9)).astype(np.float32)
    mask = rng.random((9, 9)) < 0.8
    choice = choose(angle, period, mask, p)
    assert (choice[~mask] == -1).all()
    orientation, step = np.divmod(choice[mask], p.periods)
    assert (
        turned_apart(orientation * np.pi / p.orientations, angle[mask]).max()
        <= np.pi / p.orientations / 2 + 1e-6
    )
    nearest = np.abs(np.log(bank_periods(p)[:, None] / period[mask])).argmin(axis=0)
    np.testing.assert_array_equal(step, nearest)


def test_a_kernel_of_the_bank_keeps_its_own_wave_and_nothing_constant():
    p = EXTRACTION.gabor
    bank = make_bank(p)
    side = 2 * p.radius + 1
    assert bank.shape == (p.orientations * p.periods, side, side)
    assert np.abs(bank.sum(axis=(1, 2))).max() < 1e-4
    for index in range(0, len(bank), 17):
        orientation, step = divmod(index, p.periods)
        degrees, period = orientation * 180 / p.orientations, bank_periods(p)[step]
        y, x = np.mgrid[-p.radius : p.radius + 1, -p.radius : p.radius + 1]
        across = x * np.sin(np.radians(degrees)) + y * np.cos(np.radians(degrees))
        assert (bank[index] * np.cos(2 * np.pi * across / period)).sum() == pytest.approx(1.0, abs=1e-4)
        assert abs((bank[index] * np.cos(2 * np.pi * (across / period + 0.25))).sum()) < 1e-4
        np.testing.assert_allclose(bank[index], bank[index][::-1, ::-1], atol=1e-6)
