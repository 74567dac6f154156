"""One doubtful sample, and two: what they say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth.second_look import ASK, AT_ONCE, TOGETHER, Looked, look

rates = st.dictionaries(st.integers(1, 10), st.floats(AT_ONCE, ASK, exclude_min=True), max_size=4)
sure = st.sets(st.integers(1, 10), max_size=2)


def test_what_is_doubtful_at_first_is_decided_by_the_mean_of_both() -> None:
    assert look((), {}, {}) == Looked()
    assert look((), {2: 1e-4}, {}) == Looked(doubtful={2: 1e-4})
    assert look((), {}, {2: 2e-5}).same == (), "nothing like it the second time"
    looked = look((), {2: 1.2e-5}, {2: 3e-5})
    assert (looked.same, looked.doubtful) == ((2,), {})
    assert looked.together[2] == pytest.approx(1.897e-5, rel=1e-3)
    assert look((), {2: 1.4e-5}, {2: 3e-5}).same == ()


@given(sure, rates, rates)
def test_nothing_is_looked_at_a_third_time_and_nothing_doubtful_is_called_the_same(
    at_once: set[int], perhaps: dict[int, float], before: dict[int, float]
) -> None:
    perhaps = {p: rate for p, rate in perhaps.items() if p not in at_once}
    looked = look(at_once, perhaps, before)
    assert at_once <= set(looked.same) <= at_once | set(before)
    assert not (looked.doubtful and (before or looked.same))
    assert looked.doubtful or before or looked.same or not perhaps
    for position, together in looked.together.items():
        assert (position in looked.same) == (together <= TOGETHER)


@given(rates, rates)
def test_a_better_second_sample_never_makes_it_less_the_same(
    perhaps: dict[int, float], before: dict[int, float]
) -> None:
    worse = look((), perhaps, before).same
    assert set(worse) <= set(look((), {p: max(r / 2, AT_ONCE) for p, r in perhaps.items()}, before).same)
    assert set(before) & set(perhaps) <= set(look(tuple(perhaps), {}, before).same)
