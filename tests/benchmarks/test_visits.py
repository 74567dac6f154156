"""A day's visits: who comes, what is shown, and what counts as noticed."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.people import IMPRESSIONS, POSITIONS, Finger
from benchmarks.visits import (
    HANDS,
    HONEST,
    KINDS,
    KNOWN,
    KNOWN_SWAPPED,
    MISTAKES,
    ON_TEMPLATES,
    OPERATOR,
    OWN_RECORDS,
    RENEWAL,
    RETURNS,
    ROLLED,
    ROLLED_STRANGER,
    STRANGER,
    TWICE,
    WRONG,
    Count,
    Seen,
    Visit,
    a_day,
    as_grown,
    dealt,
    registered,
    with_records,
)

DAY = a_day(as_grown(60), 4, 1, np.random.default_rng(5))


def of(kind: str) -> list[Visit]:
    return [visit for visit in DAY if visit.kind == kind]


def test_everybody_comes_once_and_some_again_later() -> None:
    assert {kind: len(of(kind)) for kind in KINDS} == dict.fromkeys(KINDS, 4)
    assert len(DAY) == 60 + 8
    assert len({visit.identity_number for visit in DAY}) == len(DAY)
    for again in (*of(KNOWN), *of(KNOWN_SWAPPED)):
        whose = {finger.person for finger in again.fingers.values()}
        (first,) = (
            v for v in DAY if v.kind not in RETURNS and {f.person for f in v.fingers.values()} == whose
        )
        assert first.kind == HONEST
        assert DAY.index(first) < DAY.index(again)
        shift = 5 if again.kind == KNOWN_SWAPPED else 0
        assert all(again.fingers[p] == first.fingers[(p - 1 + shift) % 10 + 1] for p in POSITIONS)


def test_mistakes_are_what_they_are_called() -> None:
    for visit in of(TWICE):
        ((position, finger),) = visit.wrong.items()
        assert finger.position < position
    assert all(visit.wrong == {p + 5: visit.fingers[p] for p in range(1, 6)} for visit in of(HANDS))
    for visit in of(WRONG):
        ((position, finger),) = visit.wrong.items()
        assert finger == visit.fingers[position + 1]
        assert position not in (5, 10)
    for visit in of(OPERATOR):
        ((position, finger),) = visit.wrong.items()
        assert finger in registered(1)
        assert visit.shows(position, False, False, 0) == (finger, IMPRESSIONS), "not one that is registered"
        assert visit.shows(position, False, True, 1)[0] == visit.fingers[position]
    for visit in of(STRANGER):
        assert {f.person for f in visit.stranger.values()}.isdisjoint(
            f.person for f in visit.fingers.values()
        )


@pytest.mark.parametrize("kind", [HONEST, *MISTAKES])
def test_no_image_is_shown_twice_but_to_try_again(kind: str) -> None:
    for visit in of(kind):
        captured = {visit.shows(p, False, True, a - 1) for p in POSITIONS for a in (1, 2, 3)}
        assert {finger for finger, _ in captured} == set(visit.fingers.values())
        again = {visit.shows(p, True, True, a - 1) for p in POSITIONS for a in range(1, 7)}
        again |= {visit.shows(p, False, False, a - 1) for p in visit.wrong for a in (1, 2, 3)}
        assert captured.isdisjoint(again)


def test_a_second_visit_takes_other_images() -> None:
    for again in of(KNOWN):
        first = next(v for v in DAY if v.fingers == again.fingers)
        images = [
            {v.shows(p, False, False, a - 1) for p in POSITIONS for a in (1, 2, 3)} for v in (first, again)
        ]
        assert images[0].isdisjoint(images[1])


def test_a_stranger_shows_until_there_is_an_alarm_and_then_the_right_person() -> None:
    visit = of(STRANGER)[0]
    shown = [visit.shows(2, True, told, 0)[0] for told in (False, True)]
    assert shown == [visit.stranger[2], visit.fingers[2]]


def test_no_two_fingers_are_dealt_together_twice() -> None:
    pairs = [
        frozenset((one, other))
        for turn in range(1, 6)
        for hand in dealt(101, turn)
        for one in hand.values()
        for other in hand.values()
        if one.position < other.position
    ]
    assert len(pairs) == len(set(pairs)) == 5 * 101 * 45
    for turn in range(1, 6):
        assert len({finger for hand in dealt(101, turn) for finger in hand.values()}) == 1010


def test_some_bring_their_own_record_and_some_another_persons() -> None:
    renewed = with_records(DAY, 3, np.random.default_rng(6))
    assert [(v.identity_number, v.fingers) for v in renewed] == [(v.identity_number, v.fingers) for v in DAY]
    brought = [visit for visit in renewed if visit.earlier]
    assert Counter(visit.kind for visit in brought) == {RENEWAL: 3, HONEST: 3 * OWN_RECORDS}
    for visit in brought:
        assert sorted(visit.earlier) == [2, 7]
        own = [visit.earlier[p] == visit.fingers[p] for p in visit.earlier]
        assert own == [visit.kind == HONEST] * 2
        captured = {visit.shows(p, False, False, a - 1) for p in POSITIONS for a in (1, 2, 3)}
        assert captured.isdisjoint(key for _, key in visit.recorded()), "no image is compared with itself"


def test_what_counts() -> None:
    honest, twice, known = Visit(HONEST, "1", {}), Visit(TWICE, "2", {}), Visit(KNOWN, "3", {})
    stranger, wrong = Visit(STRANGER, "4", {}), Visit(WRONG, "5", {1: Finger(1, 1)})
    operator, count = Visit(OPERATOR, "6", {2: Finger(1, 2)}), Count()
    for visit, seen, right in (
        (honest, Seen("enrolled"), True),
        (honest, Seen("enrolled", ["same-finger"]), False),
        (honest, Seen("already-enrolled", ["already-enrolled"]), False),
        (twice, Seen("enrolled", ["same-finger"]), True),
        (twice, Seen("enrolled"), False),
        (known, Seen("enrolled", ["same-finger"]), False),
        (known, Seen("already-enrolled", ["already-enrolled"]), True),
        (stranger, Seen("enrolled", ["not-confirmed"]), True),
        (stranger, Seen("enrolled", ["same-finger"]), False),
        (operator, Seen("enrolled", ["attendant-finger"]), True),
        (operator, Seen("enrolled", ["same-finger"]), False),
        (wrong, Seen("abandoned", ["same-finger"]), False),
        (Visit(RENEWAL, "7", {}), Seen("enrolled", ["earlier-differs"]), True),
        (Visit(RENEWAL, "7", {}), Seen("enrolled", ["same-finger"]), False),
        (Visit(ROLLED, "8", {}), Seen("enrolled", ["sequence-error"]), True),
        (Visit(ROLLED, "8", {}), Seen("enrolled", ["undetermined"]), False),
        (Visit(ROLLED_STRANGER, "9", {}), Seen("enrolled", ["undetermined"]), True),
        (Visit(ROLLED_STRANGER, "9", {}), Seen("enrolled"), False),
    ):
        assert seen.right(visit) is right
        count.add(visit, seen)
    assert Seen("enrolled").miscounted(twice)
    assert Seen("enrolled", ["same-finger"]).miscounted(honest)
    assert not Seen("abandoned", ["same-finger"]).miscounted(wrong), (
        "noticed, and nobody served: no limit has that"
    )
    both = count + count
    assert (both.visits[HONEST], both.false_alarms) == (6, 4)
    assert [
        (both.visits[k], both.caught[k]) for k in (TWICE, KNOWN, STRANGER, WRONG, OPERATOR, *ON_TEMPLATES)
    ] == [
        (4, 2),
        (4, 2),
        (4, 2),
        (2, 2),
        (4, 2),
        (4, 2),
        (4, 2),
        (4, 2),
    ]
    assert len(list(both.lines())) == 1 + 5 + len(ON_TEMPLATES)


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(ValueError, match="5 subjects are too few"):
        a_day(as_grown(5), 1, 0, np.random.default_rng(0))
