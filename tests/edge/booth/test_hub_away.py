"""For how long there was work without the hub, and that a link that comes and goes fills no journal."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.booth.hub_away import APART, BACK, LASTS, HubAway
from tests.edge.parts import steady

looks = st.lists(
    st.tuples(st.sampled_from([0.25, 1.0, 30.0, 70.0, 700.0]), st.booleans(), st.booleans(), st.booleans()),
    max_size=60,
)


def test_an_outage_is_told_once_when_the_hub_answers_again() -> None:
    hub = HubAway()
    assert hub.look(0, "t0", True, False, True) == []
    for second in range(1, 91):
        assert hub.look(second, f"t{second}", True, False, True) == []
    assert hub.look(91, "t91", False, True, True) == [
        (BACK, {"since": "t0", "ago": 91, "seconds": 91, "times": 1})
    ]
    assert hub.look(92, "t92", False, True, True) == []


def test_a_night_without_hub_and_work_is_none_and_of_a_morning_the_work_counts() -> None:
    hub = HubAway()
    assert hub.look(0, "night", True, False, False) == []
    assert hub.look(30_000, "still", True, False, False) == []
    assert hub.look(30_010, "back", False, True, False) == []
    hub.look(40_000, "night", True, False, False)
    hub.look(70_000, "opened", True, False, True)
    hub.look(71_000, "at work", True, False, True)
    hub.look(71_010, "nobody", True, False, False)
    hub.look(79_000, "nobody", True, False, False)
    ((_, body),) = hub.look(80_000, "back", False, True, False)
    assert body == {"since": "opened", "ago": 10_000, "seconds": 1000, "times": 1}


def test_a_hub_that_takes_a_backlog_answers() -> None:
    """Each acknowledgement ends what was, though more entries wait."""
    hub = HubAway()
    hub.look(0, "t", True, False, True)
    ((_, body),) = hub.look(100, "t", True, True, True)
    assert body["seconds"] == 100
    for second in range(101, 2000):
        assert hub.look(second, "t", True, second % 30 == 0, True) == []


@steady(300)
@given(looks)
def test_whatever_happens_entries_are_few_and_say_no_more_than_was(
    steps: list[tuple[float, bool, bool, bool]],
) -> None:
    hub, now, before, lost, runs = HubAway(), 0.0, False, 0.0, [0.0]
    told: list[tuple[float, dict[str, int]]] = []
    for passed, away, answered, working in [*steps, (APART, False, True, False), (APART, False, True, False)]:
        now += passed
        if before and working:  # away at the last look, with work since
            runs[-1] += passed
        entries = hub.look(now, str(now), away, answered, working)
        told += [(now, body) for kind, body in entries if kind == BACK]
        if answered or not away:
            lost += runs[-1] if runs[-1] >= LASTS else 0.0
            runs.append(0.0)
            before = False
        elif working:
            before = True
    assert abs(sum(body["seconds"] for _, body in told) - lost) <= len(told)
    assert sum(body["times"] for _, body in told) == sum(run >= LASTS for run in runs)
    for at, body in told:
        assert LASTS <= body["seconds"] <= body["ago"]
        assert abs(at - body["ago"] - float(str(body["since"]))) <= 1
    moments = [at for at, _ in told]
    assert all(later - one >= APART for one, later in pairwise(moments))
