"""What makes a finger: its class, its orientation, its period, its ridges and where they end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fwtools.synthesis import Pattern, synthesise_finger
from fwtools.synthesis.finger import HEIGHT, WIDTH, finger_grid
from fwtools.synthesis.growth import ORIENTATIONS, PERIODS, filter_bank, grow
from fwtools.synthesis.minutiae import FORK, find_minutiae
from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.orientation import orientation_field
from fwtools.synthesis.patterns import Layout, draw_layout, draw_pattern, proportions
from fwtools.synthesis.period import LONGEST, SHORTEST, period_map
from fwtools.synthesis.skin import creases, dots, worn
from matching.template import TYPE_BIFURCATION, TYPE_ENDING
from tests.fwtools.synthetic import finger, needs_speed

NATURAL = {  # per cent; Wilson, Candela and Watson 1994
    Pattern.ARCH: 3.7,
    Pattern.TENTED_ARCH: 2.9,
    Pattern.LEFT_LOOP: 33.8,
    Pattern.RIGHT_LOOP: 31.7,
    Pattern.WHORL: 27.9,
}
seeds = st.integers(0, 2**32 - 1)
singular = st.sampled_from([pattern for pattern in Pattern if pattern is not Pattern.ARCH])


def test_classes_over_ten_fingers_are_in_natural_proportions() -> None:
    for position in range(1, 11):
        assert sum(proportions(position).values()) == pytest.approx(1)
    for pattern, share in NATURAL.items():
        mean = np.mean([100 * proportions(position)[pattern] for position in range(1, 11)])
        assert mean == pytest.approx(share, abs=0.1), pattern


@pytest.mark.parametrize("position", range(1, 11))
def test_ulnar_loops_open_to_the_little_finger(position: int) -> None:
    shares = proportions(position)
    ulnar = Pattern.RIGHT_LOOP if position <= 5 else Pattern.LEFT_LOOP
    radial = Pattern.LEFT_LOOP if position <= 5 else Pattern.RIGHT_LOOP
    assert shares[ulnar] > shares[radial]


def test_classes_are_drawn_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw_pattern(rng, 2) for _ in range(4000)]
    for pattern, share in proportions(2).items():
        assert drawn.count(pattern) / 4000 == pytest.approx(share, abs=0.03)


def half_turns(orientation: NDArray[np.float32], right: float, up: float, radius: float) -> float:
    """How many half turns the orientation makes on a counter-clockwise circle (Poincaré index times two)."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    column = np.rint(right + (WIDTH - 1) / 2 + radius * np.cos(angle)).astype(int)
    row = np.rint((HEIGHT - 1) / 2 - up - radius * np.sin(angle)).astype(int)
    on_circle = orientation[row, column].astype(np.float64)
    step = np.diff(on_circle, append=on_circle[:1])
    return float((np.mod(step + np.pi / 2, np.pi) - np.pi / 2).sum() / np.pi)


@settings(max_examples=25, deadline=None)
@given(seeds, singular)
def test_orientation_turns_half_around_each_core_and_back_around_each_delta(
    seed: int, pattern: Pattern
) -> None:
    rng = np.random.default_rng(seed)
    layout = draw_layout(rng, pattern)
    orientation = orientation_field(rng, layout, *finger_grid())
    assert 0 <= orientation.min() <= orientation.max() <= np.float32(np.pi)
    for core in layout.cores:
        assert half_turns(orientation, core.x, core.y, 4) == pytest.approx(1)
    for right, up in layout.deltas:
        if abs(right) < WIDTH / 2 - 6 and abs(up) < HEIGHT / 2 - 6:
            assert half_turns(orientation, right, up, 5) == pytest.approx(-1)
    assert len(layout.cores) == len(layout.deltas) == (2 if pattern is Pattern.WHORL else 1)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_an_arch_has_no_singular_point_and_rises_in_the_middle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layout = draw_layout(rng, Pattern.ARCH)
    assert not layout.cores
    assert not layout.deltas
    orientation = orientation_field(rng, layout, *finger_grid())
    assert half_turns(orientation, 0, 0, 150) == pytest.approx(0)
    row = HEIGHT // 2 + 25
    assert 0 < orientation[row, WIDTH // 2 - 70] < np.pi / 2 < orientation[row, WIDTH // 2 + 70] < np.pi


@pytest.mark.parametrize(("pattern", "side"), [(Pattern.LEFT_LOOP, 1), (Pattern.RIGHT_LOOP, -1)])
def test_the_delta_lies_where_the_loop_does_not_open(pattern: Pattern, side: int) -> None:
    for seed in range(50):
        layout = draw_layout(np.random.default_rng(seed), pattern)
        assert side * (layout.deltas[0][0] - layout.cores[0].x) > 30
        assert layout.deltas[0][1] < layout.cores[0].y


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 10), st.sampled_from(Pattern))
def test_periods_are_an_adults_and_longer_below_the_delta(seed: int, position: int, pattern: Pattern) -> None:
    rng = np.random.default_rng(seed)
    x, y = finger_grid()
    period = period_map(rng, position, 9.3, draw_layout(rng, pattern), x, y)
    assert period.min() >= SHORTEST
    assert period.max() <= LONGEST
    assert period[y < -190].mean() > period[(y > 0) & (y < 190)].mean()


@pytest.mark.parametrize("odd", [False, True])
def test_filters_answer_their_own_wave_with_one_and_grey_with_nothing(odd: bool) -> None:
    bank = filter_bank(7.0, 12.0, (0.36, 0.36), odd)
    assert bank.shape[0] == ORIENTATIONS * PERIODS
    np.testing.assert_allclose(bank.sum((1, 2)), 0, atol=1e-5)
    x, y = np.meshgrid(np.arange(16) - 7, 7 - np.arange(16))
    for angle, which in ((0, 0), (13, 5), (40, 13)):
        theta, period = angle * np.pi / ORIENTATIONS, np.geomspace(7, 12, PERIODS)[which]
        across = 2 * np.pi * (y * np.cos(theta) - x * np.sin(theta)) / period
        wave = np.sin(across) if odd else np.cos(across)
        assert (bank[angle * PERIODS + which] * wave).sum() == pytest.approx(1, abs=1e-4)


@needs_speed
@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0, 3.14), st.floats(7.5, 11.5))
def test_noise_grows_into_ridges_of_the_asked_orientation_and_period(
    seed: int, angle: float, asked: float
) -> None:
    shape = (160, 160)
    orientation, period = np.full(shape, angle, np.float32), np.full(shape, asked, np.float32)
    even, odd = grow(np.random.default_rng(seed), orientation, period, np.ones(shape, np.bool_), 7.0, 12.0)
    wave = (even + 1j * odd)[20:-20, 20:-20]
    # phase to the right and up, per pixel: 2 pi / period along the left-hand normal
    right = np.angle((wave[:, 1:] * wave[:, :-1].conj()).sum())
    up = np.angle((wave[:-1] * wave[1:].conj()).sum())
    expected = 2 * np.pi / asked
    assert right == pytest.approx(-np.sin(angle) * expected, abs=0.06)
    assert up == pytest.approx(np.cos(angle) * expected, abs=0.06)
    assert 0.3 < np.abs(wave).mean() < 1.2


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, np.pi, exclude_max=True),
    st.sampled_from([-1, 1]),
    st.booleans(),
    st.tuples(st.floats(26, 38), st.floats(26, 38)),
)
def test_one_added_line_is_one_minutia(
    angle: float, turn: int, ending: bool, at: tuple[float, float]
) -> None:
    y, x = np.mgrid[:64, :64].astype(np.float64)
    right, up = x - at[0], at[1] - y
    along, across = right * np.cos(angle) + up * np.sin(angle), up * np.cos(angle) - right * np.sin(angle)
    # the added line lies along `turn` times the orientation; its phase is 0 (a crest) or pi there
    start = (0 if turn > 0 else np.pi) + (0 if ending else np.pi)
    phase = 2 * np.pi * across / 9 + turn * np.arctan2(across, along) + start
    fields = [part.astype(np.float32) for part in (np.cos(phase), np.sin(phase))]
    constant = [np.full(x.shape, value, np.float32) for value in (angle, 9.0)]
    found = find_minutiae(*fields, *constant, np.ones(x.shape, np.bool_))
    assert len(found) == 1
    direction = angle if turn > 0 else angle + np.pi
    assert np.cos(found["angle"][0] - direction) == pytest.approx(1, abs=1e-5)
    assert found["type"][0] == (TYPE_ENDING if ending else TYPE_BIFURCATION)
    assert found["x"][0] == pytest.approx(at[0] - FORK * np.cos(direction), abs=0.8)
    assert found["y"][0] == pytest.approx(at[1] + FORK * np.sin(direction), abs=0.8)


def test_even_ridges_have_no_minutiae() -> None:
    y, x = np.mgrid[:64, :64].astype(np.float32)
    orientation = np.full(x.shape, 2.0, np.float32)
    phase = 2 * np.pi * (-y * np.cos(2.0) - x * np.sin(2.0)) / 9
    even, odd = np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)
    assert len(find_minutiae(even, odd, orientation, np.full_like(x, 9), np.ones(x.shape, np.bool_))) == 0


@settings(max_examples=10, deadline=None)
@given(seeds, st.floats(2.0, 60.0))
def test_noise_is_centred_and_of_deviation_one(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    field = np.stack([smooth_noise(rng, (90, 120), step) for _ in range(40)])
    assert field.shape == (40, 90, 120)
    assert field.std() == pytest.approx(1, abs=0.25)
    assert np.abs(np.diff(field, axis=2)).max() < 9 / step


def test_dots_keep_the_strongest_and_stay_within_the_picture() -> None:
    x, y = np.array([20.0, 20.0, 1.0, 55.0]), np.array([15.0, 15.0, 20.0, 39.5])
    picture = dots((40, 60), x, y, np.full(4, 1.0), np.array([0.4, 0.9, 1.0, 1.0]))
    assert picture[15, 20] == pytest.approx(0.9)
    assert np.count_nonzero(picture) == 11 * 11, "dots that would cross the edge are left out"


def test_skin_features_are_shares() -> None:
    rng = np.random.default_rng(3)
    for field in (creases(rng, (200, 160), 6.0), worn(rng, (200, 160), 0.9)):
        assert field.min() == 0
        assert 0.3 < field.max() <= 1
    assert worn(rng, (200, 160), 0.9).mean() > worn(rng, (200, 160), 0.1).mean()
    assert not creases(rng, (200, 160), 0.0).any()


@needs_speed
def test_a_finger_is_whole() -> None:
    it = finger()
    for field in (it.ridges, it.pores, it.creases, it.texture, it.wear):
        assert field.shape == (HEIGHT, WIDTH)
        assert field.dtype == np.float32
        assert np.isfinite(field).all()
    middle = it.ridges[60:-60, 60:-60]
    assert -1 <= middle.min() < -0.8
    assert 0.8 < middle.max() <= 1
    assert abs(middle.mean()) < 0.05
    assert 35 <= len(it.minutiae) <= 110
    assert set(it.minutiae["type"]) == {TYPE_ENDING, TYPE_BIFURCATION}


@needs_speed
def test_the_same_numbers_make_the_same_finger() -> None:
    again = synthesise_finger(1, 1, 2)
    assert again.ridges.tobytes() == finger().ridges.tobytes()
    assert again.minutiae.tobytes() == finger().minutiae.tobytes()
    assert again.person == finger().person


@needs_speed
@pytest.mark.parametrize("other", [(1, 3, 1), (1, 7, 1), (2, 2, 1), (1, 2, 2)])
def test_fingers_differ(other: tuple[int, int, int]) -> None:
    """Even laid over each other as well as can be, the ridges of two fingers do not agree."""
    one, two = finger().ridges, finger(*other).ridges
    spectrum = np.fft.rfft2(one) * np.fft.rfft2(two[::-1, ::-1])
    best = np.fft.irfft2(spectrum, one.shape).max()
    assert best < 0.5 * (one**2).sum()


def test_no_finger_has_position_eleven() -> None:
    with pytest.raises(ValueError, match="11 is not 1"):
        synthesise_finger(1, 1, 11)


def test_layouts_of_arches_are_empty() -> None:
    assert draw_layout(np.random.default_rng(0), Pattern.ARCH) == Layout(Pattern.ARCH, (), ())
