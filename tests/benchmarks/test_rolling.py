"""Rolls against plain impressions: who comes, and one couple judged with real rolls."""

from collections import Counter

from benchmarks.rolling import FIRST, Rolling, visits_of
from benchmarks.visits import HONEST, ROLLED, ROLLED_STRANGER, Count
from tests.fwtools.synthetic import needs_speed


def test_everybody_rolls_honestly_out_of_order_and_has_another_roll_instead() -> None:
    visits = list(visits_of(9))
    assert Counter(visit.kind for visit in visits) == {HONEST: 18, ROLLED: 36, ROLLED_STRANGER: 18}
    assert {p for visit in visits for p in visit.fingers} == set(range(1, 11))
    for visit in visits:
        own = set(visit.fingers.values())
        for position, finger in visit.wrong.items():
            assert finger != visit.fingers[position]
            assert (finger in own) == (visit.kind == ROLLED)
            assert visit.kind == ROLLED or (finger.position == position and finger.person >= FIRST)


@needs_speed
def test_of_one_couple_every_mix_up_is_caught_and_nothing_else() -> None:
    rolling, count = Rolling(1, 1, 1), Count()
    for visit in visits_of(1):
        seen = rolling.visit(visit)
        assert seen.right(visit), seen
        assert all(" plain " in line for line in seen.shown), "with its scores"
        count.add(visit, seen)
    assert (count.visits.total(), count.caught.total(), count.false_alarms) == (8, 6, 0)
