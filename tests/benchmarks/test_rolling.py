"""Rolls against plain impressions: who comes, and one couple judged with real rolls."""

from collections import Counter

from benchmarks.booth_day import in_words
from benchmarks.rolling import FIRST, Rolling, visits_of
from benchmarks.visits import HONEST, ROLLED, ROLLED_STRANGER, Count
from tests.edge.parts import chain
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


def test_a_sample_of_the_day_is_told_with_its_scores() -> None:
    scores = [{"subject": None, "position": 3, "score": 9.5}, {"subject": "s1", "position": 2, "score": 7.0}]
    attendants = [{"person": "an", "score": 12.1}]
    body = {
        "position": 2,
        "decision": "wrong-finger",
        "quality": 50,
        "scores": scores,
        "attendants": attendants,
    }
    entries = chain([body, {"position": 2, "decision": "refused"}])
    assert [in_words(entry) for entry in entries] == [
        "2: wrong-finger q50 hits 3=9.5 s1=7.0 an=12.1",
        "2: refused q-",
    ]
