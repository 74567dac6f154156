"""How a finger becomes an image: placing, distortion, contact, ink, sensor, and the truth beside it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwtools.synthesis import SIZE, impression
from fwtools.synthesis.contact import WHOLE, Contact, contact_depth
from fwtools.synthesis.distortion import Plasticity, bend
from fwtools.synthesis.impressions import VISIBLE, draw_placing
from fwtools.synthesis.ink import Condition, clean_ink, ink
from fwtools.synthesis.kernels import sample
from fwtools.synthesis.placing import MIDDLE, Placing, bone, move_minutiae, place, to_frame
from fwtools.synthesis.sensor import picture, soften
from matching.template import MINUTIA
from tests.fwtools.synthetic import finger, needs_speed

SMALL = (120, 160)
seeds = st.integers(0, 2**32 - 1)
hastes = st.floats(0.3, 3.3)


def straight(size: tuple[int, int], turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Placing:
    flat = np.zeros((size[1], size[0]), np.float32)
    return place(size, turn, shift, (flat, flat))


@settings(max_examples=25, deadline=None)
@given(seeds, hastes)
def test_the_truth_moves_as_the_skin_does(seed: int, haste: float) -> None:
    """The skin that the frame shows at a moved point is the skin that was there before."""
    rng = np.random.default_rng(seed)
    placing = draw_placing(rng, SMALL, haste)
    column, row = rng.uniform(20, SMALL[0] - 20, 30), rng.uniform(20, SMALL[1] - 20, 30)
    at = column.astype(np.float32), row.astype(np.float32)
    x, y = sample(placing.skin_x, *at), sample(placing.skin_y, *at)
    back_x, back_y = to_frame(x, y, placing)
    np.testing.assert_allclose(back_x, column, atol=0.05)
    np.testing.assert_allclose(back_y, row, atol=0.05)


@settings(max_examples=25, deadline=None)
@given(seeds, hastes)
def test_skin_never_folds(seed: int, haste: float) -> None:
    placing = draw_placing(np.random.default_rng(seed), SIZE, haste)
    right = np.diff(placing.skin_x, axis=1)[1:], np.diff(placing.skin_y, axis=1)[1:]
    down = np.diff(placing.skin_x, axis=0)[:, 1:], np.diff(placing.skin_y, axis=0)[:, 1:]
    assert (right[0] * down[1] - down[0] * right[1]).min() > 0.25


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.7, 0.7), st.floats(-40, 40), st.floats(-40, 40), st.floats(0, 6.28))
def test_a_rigid_motion_turns_and_shifts_minutiae(
    turn: float, right: float, down: float, angle: float
) -> None:
    one = np.zeros(1, MINUTIA)
    one["x"], one["y"], one["angle"], one["type"] = MIDDLE[0] + 30, MIDDLE[1], angle, 1
    moved = move_minutiae(one, straight(SMALL, turn, (right, down)))
    # a point to the right of the middle goes up when the finger is turned counter-clockwise
    assert moved["x"][0] == pytest.approx((SMALL[0] - 1) / 2 + right + 30 * np.cos(turn), abs=1e-3)
    assert moved["y"][0] == pytest.approx((SMALL[1] - 1) / 2 + down - 30 * np.sin(turn), abs=1e-3)
    assert np.cos(moved["angle"][0] - angle - turn) == pytest.approx(1, abs=1e-5)
    assert 0 <= moved["angle"][0] < np.float32(2 * np.pi)
    assert moved["type"][0] == 1


def test_skin_sticks_inside_and_follows_the_bone_outside() -> None:
    plastic = Plasticity((10.0, -5.0), (40.0, 50.0), 1.5, (6.0, -3.0), 0.0)
    x, y = bone((400, 500), 0.0, (0.0, 0.0))
    bend_x, bend_y = bend(plastic, x, y)
    radius = np.hypot((x - 10) / 40, (y + 5) / 50)
    assert not bend_x[radius < 1].any()
    assert not bend_y[radius < 1].any()
    np.testing.assert_allclose(bend_x[radius > 2.5], 6.0, atol=1e-5)
    np.testing.assert_allclose(bend_y[radius > 2.5], -3.0, atol=1e-5)
    between = bend_x[(radius > 1.2) & (radius < 2.3)]
    assert 0 < between.min() < between.max() < 6


@settings(max_examples=20)
@given(st.floats(-0.2, 0.2), st.floats(0, 6.28))
def test_far_outside_skin_turns_as_the_bone_does(twist: float, angle: float) -> None:
    plastic = Plasticity((10.0, -5.0), (40.0, 50.0), 1.5, (0.0, 0.0), twist)
    right, down = np.array([[180 * np.cos(angle)]]), np.array([[180 * np.sin(angle)]])
    bent = bend(plastic, (right + 10).astype(np.float32), (down - 5).astype(np.float32))
    expected = (right + 1j * down) * np.exp(1j * twist)
    assert right + bent[0] == pytest.approx(expected.real, abs=1e-3)
    assert down + bent[1] == pytest.approx(expected.imag, abs=1e-3)


def test_contact_is_a_patch_of_the_given_size() -> None:
    depth = contact_depth(Contact((10.0, 20.0), (60.0, 90.0)), straight((300, 400)))
    middle_row, middle_column = round(199.5 + 20), round(149.5 + 10)
    assert np.count_nonzero(depth[middle_row] > 0) == pytest.approx(120, abs=2)
    assert np.count_nonzero(depth[:, middle_column] > 0) == pytest.approx(180, abs=2)
    assert depth.max() == pytest.approx(60, abs=1.5)


def test_beyond_the_finger_nothing_touches() -> None:
    huge = Contact((0.0, 0.0), (900.0, 900.0))
    placing = straight((640, 640))
    np.testing.assert_array_equal(contact_depth(huge, placing) > 0, contact_depth(WHOLE, placing) > 0)


@needs_speed
def test_harder_and_wetter_is_darker() -> None:
    placing = straight(SIZE)
    depth = contact_depth(Contact((0.0, 0.0), (110.0, 150.0)), placing)
    darkness = [
        float(ink(np.random.default_rng(5), finger(), placing, depth, Condition(force, moisture)).mean())
        for force, moisture in ((-0.8, -0.8), (0.0, 0.0), (0.8, 0.8))
    ]
    assert darkness == sorted(darkness)
    assert darkness[2] > 1.5 * darkness[0]
    outside = ink(np.random.default_rng(5), finger(), placing, depth, Condition(0.0, 0.0))[depth < 0]
    assert not outside.any()


@needs_speed
def test_a_crease_is_light() -> None:
    creased = replace(finger(), creases=np.ones_like(finger().creases))
    placing = straight(SIZE)
    depth = np.full((400, 300), 100.0, np.float32)
    sound = ink(np.random.default_rng(1), finger(), placing, depth, Condition(0.0, 0.0))
    broken = ink(np.random.default_rng(1), creased, placing, depth, Condition(0.0, 0.0))
    assert broken.max() < 0.1
    assert sound.max() > 0.8


def test_the_sensor_keeps_grey_levels_and_adds_noise() -> None:
    rng = np.random.default_rng(2)
    nothing = picture(rng, np.zeros((400, 300), np.float32)).astype(int)
    assert 225 < np.median(nothing) < 245
    assert 1 < np.std(nothing[:100] - nothing[:100].mean(axis=0)) < 6
    everything = picture(rng, np.ones((400, 300), np.float32))
    assert np.median(everything) < 70
    spot = np.zeros((9, 9), np.float32)
    spot[4, 4] = 1
    assert soften(spot).sum() == pytest.approx(1)
    assert np.count_nonzero(soften(spot)) == 9


@needs_speed
def test_a_clean_impression_is_whole_even_and_always_the_same() -> None:
    first, truth = impression(finger(), 1, clean=True)
    second, _ = impression(finger(), 2, clean=True)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (400, 300)
    assert first.dtype == np.uint8
    dark = first < 128
    assert 0.35 < dark.mean() < 0.65
    assert dark[:, :4].any(), "the frame is full from edge to edge"
    assert dark[:, -4:].any()
    assert len(truth.minutiae) > 25


@needs_speed
def test_a_clean_impression_has_ridges_where_the_finger_has() -> None:
    depth = contact_depth(WHOLE, straight(SIZE))
    dark = clean_ink(finger(), straight(SIZE), depth)
    top, left = (512 - 400) // 2, (368 - 300) // 2
    ridges = finger().ridges[top : top + 400, left : left + 300]
    inside = depth > 10
    assert np.corrcoef(dark[inside], ridges[inside])[0, 1] > 0.95


@needs_speed
def test_impressions_differ_and_repeat() -> None:
    one, _ = impression(finger(), 1)
    two, _ = impression(finger(), 2)
    again, _ = impression(finger(), 1)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - two).mean() > 10


@needs_speed
@pytest.mark.parametrize("size", [(300, 400), (640, 480), (96, 72)])
@pytest.mark.parametrize("index", [1, 2, 3])
def test_the_truth_lies_inside_the_frame(size: tuple[int, int], index: int) -> None:
    pixels, truth = impression(finger(2, 6), index, size)
    assert pixels.shape == (size[1], size[0])
    assert (truth.width, truth.height, truth.position) == (*size, 6)
    minutiae = truth.minutiae
    assert minutiae.dtype == MINUTIA
    if len(minutiae):
        assert VISIBLE <= minutiae["x"].min() <= minutiae["x"].max() <= size[0] - 1 - VISIBLE
        assert VISIBLE <= minutiae["y"].min() <= minutiae["y"].max() <= size[1] - 1 - VISIBLE


@needs_speed
def test_the_truth_of_an_impression_lies_on_contact() -> None:
    """Where there is truth there are ridges: grey levels around it spread more than on empty glass."""
    for index in (1, 2, 3, 4):
        pixels, truth = impression(finger(3, 8), index)
        for x, y in zip(truth.minutiae["x"], truth.minutiae["y"], strict=True):
            around = pixels[max(0, int(y) - 8) : int(y) + 9, max(0, int(x) - 8) : int(x) + 9]
            assert around.std() > 15, (index, x, y)
