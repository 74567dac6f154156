"""The exposure goes towards a picture that is neither dark nor clipped, in steps, within its bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.exposure import (
    AIM,
    BLACK,
    CLIPPED,
    DARK,
    LEAST,
    LONGER,
    MOST,
    SHORTER,
    Seen,
    brightness,
    next_exposure,
    obeyed,
    within,
)

FACTORY = 1116


@given(now=st.integers(0, 65_535), bright=st.floats(0, 255), clipped=st.floats(0, 1))
def test_a_step_is_bounded_and_goes_the_right_way(now: int, bright: float, clipped: float) -> None:
    start = within(now, FACTORY)
    then = next_exposure(start, FACTORY, Seen(bright, clipped))
    assert round(LEAST * FACTORY) <= then <= round(MOST * FACTORY)
    assert start * SHORTER - 1 <= then <= start * LONGER + 1
    if clipped > CLIPPED:
        assert then <= start
    elif bright < DARK:
        assert then >= start
    else:
        assert then == start, "nothing is wrong"


@pytest.mark.parametrize("light", [0.21, 0.3, 0.45])
def test_a_dim_light_is_made_up_for_as_far_as_the_bounds_let_it(light: float) -> None:
    exposure, steps, full = FACTORY, 0, 218.0  # grey levels of a ridge over black, at the factory's exposure

    def seen() -> Seen:
        return Seen(BLACK + full * light * exposure / FACTORY, 0.0)

    while (wanted := next_exposure(exposure, FACTORY, seen())) != exposure:
        before, ratio = seen(), wanted / exposure
        exposure, steps = wanted, steps + 1
        assert obeyed(before, seen(), ratio)
        assert not obeyed(before, before, ratio)
        assert steps <= 3
    assert seen().bright >= min(DARK, BLACK + full * light * MOST)
    assert seen().bright <= AIM


def test_brightness_is_of_the_ridges_wherever_they_lie_and_of_what_is_clipped() -> None:
    picture = np.full((688, 956), 18, np.uint8)
    assert brightness(picture) == Seen(18.0, 0.0)
    picture[300:400, 400:500] = 150
    assert brightness(picture).bright == 150
    picture[:344] = 255
    assert brightness(picture).clipped == pytest.approx(0.5, abs=0.01)
    assert obeyed(Seen(255, 0.4), Seen(255, 0.2), SHORTER)
    assert not obeyed(Seen(255, 0.4), Seen(255, 0.4), SHORTER)
