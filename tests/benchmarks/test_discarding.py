"""Error-versus-discard curves against impressions thrown away one by one."""

import numpy as np
import pytest

from benchmarks.discarding import FORMS, SHARES, Compared, compared, curve, difference, left, without
from matching.evaluation import pairs_of


def made_up(seed: int, ties: bool = False) -> tuple[Compared, np.ndarray]:
    rng = np.random.default_rng(seed)
    fingers = np.repeat(np.arange(20), 5)
    quality = rng.permutation(100).astype(float)
    pairs = pairs_of(fingers.astype(str))
    genuine = np.minimum(quality[pairs.genuine[:, 0]], quality[pairs.genuine[:, 1]])
    noise = rng.normal(0, 30, len(genuine))
    one = compared(fingers, pairs, genuine + noise, rng.normal(-20, 10, len(pairs.impostor)))
    return one, np.floor(quality / 10) if ties else quality


def test_the_threshold_is_reached_by_one_in_a_thousand():
    fingers = np.repeat(np.arange(20), 5)
    pairs = pairs_of(fingers.astype(str))
    impostor = np.arange(len(pairs.impostor), dtype=float)
    most = int(len(impostor) / 1000)
    genuine = np.full(len(pairs.genuine), len(impostor) - most - 0.5)
    assert not compared(fingers, pairs, genuine, impostor).missed.any()
    assert compared(fingers, pairs, genuine - 1, impostor).missed.all()


def test_curves_without_ties_are_those_of_throwing_away():
    one, quality = made_up(1)
    for share, rate in zip(SHARES, curve(one, quality, "images"), strict=True):
        gone = set(np.argsort(quality)[: round(share * len(quality))].tolist())
        rest = [m for (a, b), m in zip(one.genuine.tolist(), one.missed, strict=True) if not {a, b} & gone]
        assert rate == pytest.approx(np.mean(rest))


def test_pairs_go_by_the_lower_quality():
    one, quality = made_up(2)
    lower = quality[one.genuine].min(axis=1) + 1e-6 * np.arange(len(one.genuine))
    for share, rate in zip(SHARES, curve(one, quality, "pairs"), strict=True):
        rest = one.missed[np.argsort(lower)[round(share * len(lower)) :]]
        assert rate == pytest.approx(rest.mean(), abs=0.01)


def test_equals_go_together_whatever_their_order():
    one, quality = made_up(3, ties=True)
    order = np.random.default_rng(0).permutation(len(quality))
    back = np.argsort(order)
    shuffled = Compared(one.finger[order], back[one.genuine], one.missed)
    for form in FORMS:
        np.testing.assert_allclose(curve(one, quality, form), curve(shuffled, quality[order], form))


def test_what_is_left_is_what_should_be():
    rng = np.random.default_rng(4)
    quality, weight = rng.integers(0, 8, 50).astype(float), rng.integers(0, 3, 50).astype(float)
    for share in SHARES:
        kept = left(quality, weight, share)
        assert kept @ weight == pytest.approx((1 - share) * weight.sum())
        assert all(kept[quality > level].min() >= kept[quality == level].max() for level in range(7))


def test_unknown_impressions_take_part_in_nothing():
    one, quality = made_up(5)
    known = np.arange(100) % 10 != 0
    fewer = without(one, known)
    assert known[fewer.genuine].all()
    absurd = np.where(known, quality, -1e9)
    for form in FORMS:
        weights = known.astype(float)
        np.testing.assert_allclose(curve(fewer, quality, form, weights), curve(fewer, absurd, form, weights))


def test_a_quality_that_foretells_beats_one_that_does_not():
    one, quality = made_up(6)
    blind = np.random.default_rng(1).permutation(100).astype(float)
    for form in FORMS:
        rates = curve(one, quality, form)
        assert rates[-1] < 0.9 * rates[0]
        low, high = difference(one, quality, blind, form, 50, 0.9)
        assert low[0] == high[0] == 0
        assert high[SHARES.index(0.2)] < 0
