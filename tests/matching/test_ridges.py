"""The agreement of ridges beside paired minutiae: its kernels against twins, and what it tells apart."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compare_parameters import COMPARISON, Ridges
from matching.extract import crest_points, extract
from matching.kernels.comparison import compare_prepared
from matching.kernels.prepared import PreparedTemplate
from matching.kernels.ridges import best_correlation, ridge_agreement, take_patch, take_turned
from matching.prepare import prepare
from tests.matching.impressions import picture

RIDGES = COMPARISON.ridges


def random_crests(seed: int, rows: int, columns: int) -> NDArray[np.int8]:
    return (
        np.random.default_rng(seed).choice([-1, 0, 1], (rows, columns), p=[0.45, 0.1, 0.45]).astype(np.int8)
    )


def twin_turned(crests: NDArray[np.int8], place: complex, turn: complex, side: int) -> NDArray[np.float64]:
    patch = np.zeros((side, side))
    for down in range(side):
        for right in range(side):
            at = place / (8 / 3) - (0.5 + 0.5j) + turn * complex(right - side // 2, down - side // 2)
            column, row = math.floor(at.real), math.floor(at.imag)
            if 0 <= row < crests.shape[0] - 1 and 0 <= column < crests.shape[1] - 1:
                across, along = np.array([1 - at.real + column, at.real - column]), at.imag - row
                patch[down, right] = (
                    np.array([1 - along, along]) @ crests[row : row + 2, column : column + 2] @ across
                )
    return patch


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.floats(-20, 100, width=32), st.floats(-20, 100, width=32), st.floats(-3.2, 3.2))
def test_turned_patch(seed: int, x: float, y: float, angle: float) -> None:
    crests = random_crests(seed, 30, 24)
    patch = np.full((11, 11), 9, np.float32)
    take_turned(crests, (x, y), (math.cos(angle), math.sin(angle)), patch)
    expected = twin_turned(crests, complex(x, y), cmath.rect(1, angle), 11)
    apart = np.abs(patch - expected)
    assert (apart < 2e-3).mean() > 0.95  # on the very edge of the grid a point may fall to either side
    assert np.median(apart) < 1e-4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(-3, 33), st.integers(-3, 27))
def test_straight_patch(seed: int, row: int, column: int) -> None:
    crests = random_crests(seed, 30, 24)
    patch = np.full((9, 9), 9, np.float32)
    take_patch(crests, row, column, patch)
    assert np.array_equal(patch, np.pad(crests, 8)[row + 4 : row + 13, column + 4 : column + 13])


def twin_correlation(patch: NDArray[np.floating], under: NDArray[np.floating], least: int) -> float:
    best = -1.0
    for down, right in np.ndindex(3, 3):
        window = under[down : down + len(patch), right : right + len(patch)]
        both = (patch != 0) & (window != 0)
        if both.sum() >= least:
            norm = np.linalg.norm(patch[both].astype(float)) * np.linalg.norm(window[both].astype(float))
            best = max(best, float((patch * window)[both].astype(float).sum() / norm))
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_best_correlation(seed: int, known: float) -> None:
    rng = np.random.default_rng(seed)
    patch = random_crests(seed, 9, 9).astype(np.float32)
    under = (rng.uniform(-1, 1, (11, 11)) * (rng.random((11, 11)) < known)).astype(np.float32)
    under[1:10, 1:10] += rng.choice([0, 1]) * patch
    assert best_correlation(patch, under, 40) == pytest.approx(twin_correlation(patch, under, 40), abs=1e-5)


def twin_agreement(
    probe: PreparedTemplate, candidate: PreparedTemplate, pairs: list[tuple[int, int]], ridges: Ridges
) -> float:
    own = np.array([complex(*probe.minutiae[:2, row]) for row, _ in pairs])
    other = np.array([complex(*candidate.minutiae[:2, column]) for _, column in pairs])
    turns = np.array([candidate.minutiae[2, column] - probe.minutiae[2, row] for row, column in pairs], float)
    centred = (own - own.mean()).conj() * (other - other.mean())
    turn = (centred + ridges.lever**2 * np.exp(1j * turns)).sum()
    turn /= abs(turn)
    misfit = other - (turn * (own - own.mean()) + other.mean())
    total, count = 0.0, 0
    for row in range(1, len(probe.crests), 3 * ridges.step):
        for column in range(1, len(probe.crests[0]), 3 * ridges.step):
            at = complex(column + 0.5, row + 0.5) * 8 / 3
            if probe.crests[row, column] == 0 or np.abs(own - at).min() > ridges.near:
                continue
            weights = (np.abs(own - at) ** 2 + ridges.soften) ** -2.0
            to = turn * (at - own.mean()) + other.mean() + (weights * misfit).sum() / weights.sum()
            half = ridges.half
            patch = np.pad(probe.crests, half)[row : row + 2 * half + 1, column : column + 2 * half + 1]
            under = twin_turned(candidate.crests, to, turn, 2 * half + 3)
            best = twin_correlation(patch.astype(float), under, ridges.least)
            if best >= 0:
                total, count = total + max(0.0, best - ridges.chance), count + 1
    return total / (1 - ridges.chance) / (count + ridges.few)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agreement_of_pairs_right_and_wrong(seed: int) -> None:
    probe = prepare(extract(picture(seed)))
    mate = prepare(extract(picture(seed, 0.5, 7)))
    stranger = prepare(extract(picture(seed + 20)))
    rng = np.random.default_rng(seed)
    agreement = []
    for candidate in (mate, stranger):
        if candidate is mate:
            rows, columns = right_pairs(probe, mate)
        else:
            rows = rng.permutation(probe.minutiae.shape[1])[:6].astype(np.int32)
            columns = rng.permutation(candidate.minutiae.shape[1])[:6].astype(np.int32)
        value = ridge_agreement(probe, candidate, rows, columns, RIDGES)
        pairs = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
        assert value == pytest.approx(twin_agreement(probe, candidate, pairs, RIDGES), abs=2e-3)
        agreement.append(value)
    assert agreement[0] > 0.25
    assert agreement[1] < agreement[0] / 3


def right_pairs(
    probe: PreparedTemplate, mate: PreparedTemplate
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pair minutiae under the motion that pairs most, of those that lay one minutia on another."""
    own, other = (one.minutiae[0] + 1j * one.minutiae[1] for one in (probe, mate))
    best: list[tuple[int, int]] = []
    for row in range(len(own)):
        for column in range(len(other)):
            turn = np.exp(1j * (mate.minutiae[2, column] - probe.minutiae[2, row]))
            apart = np.abs((turn * (own - own[row]) + other[column])[:, None] - other)
            pairs = [(i, int(apart[i].argmin())) for i in range(len(own)) if apart[i].min() < 5]
            best = max(best, pairs, key=len)
    rows, columns = np.array(best, np.int32).T
    return rows.copy(), columns.copy()


def test_without_crests_nothing_agrees() -> None:
    probe = prepare(extract(picture(1)))
    bare = probe._replace(crests=np.zeros_like(probe.crests))
    rows = np.arange(6, dtype=np.int32)
    assert ridge_agreement(probe, probe, rows, rows, RIDGES) > 0.4
    assert ridge_agreement(probe, bare, rows, rows, RIDGES) == 0
    assert ridge_agreement(bare, probe, rows, rows, RIDGES) == 0


def test_only_doubtful_pairings_are_looked_at() -> None:
    probe, mate = prepare(extract(picture(2))), prepare(extract(picture(2, 0.3, 5)))
    always = COMPARISON._replace(ridges=RIDGES._replace(doubtful=0.0, certain=1e9))
    never = COMPARISON._replace(ridges=RIDGES._replace(doubtful=0.0, certain=0.0))
    dull = COMPARISON._replace(ridges=RIDGES._replace(doubtful=1e9))
    seen, taken, unseen = (compare_prepared(probe, mate, constants) for constants in (always, never, dull))
    assert seen.ridges > 0.2
    assert taken.ridges == RIDGES.granted
    assert unseen.ridges == 0
    assert seen._replace(ridges=0.0) == unseen == taken._replace(ridges=0.0)
    bare = COMPARISON._replace(ridges=RIDGES._replace(doubtful=0.0))
    assert compare_prepared(probe._replace(has_flow=False), mate, bare).ridges == 0


def test_crests_are_where_the_enhanced_image_is_positive() -> None:
    rng = np.random.default_rng(4)
    enhanced, foreground = rng.normal(0, 1, (40, 56)).astype(np.float32), rng.random((5, 7)) < 0.8
    found = crest_points(enhanced, foreground)
    assert found.shape == (15, 21)
    parts = (slice(0, 3), slice(3, 5), slice(5, 8))
    for row, column in np.ndindex(15, 21):
        cell = enhanced[row // 3 * 8 :, column // 3 * 8 :]
        total = cell[parts[row % 3], parts[column % 3]].astype(float).sum()
        assert found[row, column] == (foreground[row // 3, column // 3] and total > 0)
