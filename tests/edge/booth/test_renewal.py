"""A renewal: the person's fingers against those of the earlier record, 1:1, before anything goes on."""

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import enrolment as core
from edge.booth.handover import own_records
from edge.booth.renewal import compared
from edge.booth.station_answer import answered
from edge.keys import BoothKeys
from edge.messages import GalleryAnswer, GalleryHit, JournalEntry
from edge.settings import Comparison
from edge.store import Store
from edge.vault import Vault
from matching import card, iso19794, serial
from matching.template import MINUTIA, Template
from tests.edge.booth.test_commands import Booth, desk_of, enrol
from tests.edge.booth.test_enrolment import Visit
from tests.edge.booth.test_handover import enrolled
from tests.edge.parts import steady

MINUTIAE = np.array([(40 + 20 * n, 60 + 15 * n, 0.3 * n, 1, 80) for n in range(12)], MINUTIA)
FACTS = {"score": 3.5, "fmr": 1e-4}


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys))


def template(position: int) -> Template:
    return Template(MINUTIAE, width=300, height=400, position=position)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def tell(visit: Visit, position: int, match: bool) -> list[core.Entry]:
    return visit.record(compared(visit.now, position, match, FACTS))


def test_the_first_common_finger_is_compared_before_the_next_is_asked_for() -> None:
    visit = Visit(positions=(1, 2, 7), earlier=(2, 7))
    assert visit.now.renewal == "to compare"
    visit.show(30)
    assert (visit.now.wanted(), visit.now.to_compare) == (2, None), "the record has no thumb"
    visit.show(30)
    assert (visit.now.wanted(), visit.now.to_compare) == (None, 2)
    ((kind, body),) = tell(visit, 2, True)
    assert (kind, body["position"], body["same"], body["fmr"]) == (core.EARLIER_COMPARED, 2, True, 1e-4)
    assert (visit.now.wanted(), visit.now.renewal, visit.now.alarm) == (7, "same", None)
    visit.show(30)
    assert visit.now.to_compare is None, "one finger says it"
    assert core.sealed(visit.now, "0" * 64, 9)[0][1]["renewal"] == "same"


def test_a_second_finger_may_still_say_that_it_is_the_same_person() -> None:
    visit = Visit(positions=(2, 7), earlier=(2, 7))
    visit.show(30)
    assert len(tell(visit, 2, False)) == 1
    assert (visit.now.wanted(), visit.now.alarm) == (7, None)
    visit.show(30)
    tell(visit, 7, True)
    assert (visit.now.renewal, visit.now.closed) == ("same", True)


def test_another_person_than_the_records_is_an_alarm_that_stops_until_it_is_overridden() -> None:
    visit = Visit(positions=(2, 7, 1), earlier=(7, 2), review=True)
    for position in (2, 7):
        visit.show(30)
        found = tell(visit, position, False)
    ((_, _), (kind, body)) = found
    assert (kind, body["finding"]) == (core.FINDING, core.EARLIER_DIFFERS)
    assert visit.now.renewal == "another"
    assert visit.now.alarm == (
        "the right index, left index is not that of the earlier record: another person may be standing here"
    )
    assert (visit.now.wanted(), visit.now.reviewing, visit.now.closed) == (None, False, False)
    visit.record(core.override(visit.now, "burnt fingers, known to the family", "binh"))
    assert (visit.now.wanted(), visit.now.alarm) == (1, None)
    visit.show(30)
    assert visit.now.reviewing
    assert "binh" in visit.now.findings[-1]["text"]


def test_a_record_none_of_whose_fingers_is_left_says_so() -> None:
    visit = Visit(positions=(1, 2), earlier=(2,))
    visit.show(30)
    entries = visit.record(core.mark_missing(visit.now, 2, "amputated"))
    assert [body.get("finding") for _, body in entries] == [None, core.EARLIER_DIFFERS]
    assert visit.now.alarm == "no finger of the earlier record can be captured: who this is was not compared"
    assert not visit.now.closed
    visit.record(core.override(visit.now, "a new record", None))
    assert visit.now.closed


@pytest.mark.parametrize(
    ("rates", "same"),
    [
        ((1e-3, 1e-3), True),  # each alone is not enough
        ((1e-2, 1e-3), False),
        ((0.9, 0.9), False),
        ((1e-3, None), False),  # of an earlier release's matcher
        ((None, 1e-3), False),
    ],
)
def test_two_fingers_that_are_nearly_the_records_are_together(
    rates: tuple[float | None, float | None], same: bool
) -> None:
    visit = Visit(positions=(2, 7), earlier=(2, 7))
    for position, one in zip((2, 7), rates, strict=True):
        visit.show(30)
        facts = FACTS | ({"rate": one} if one else {})
        entries = visit.record(compared(visit.now, position, False, facts))
    assert entries[0][1]["same"] == same
    assert ("together" in entries[0][1]) == (None not in rates)
    assert visit.now.renewal == ("same" if same else "another")
    assert bool(visit.now.alarm) != same


def test_a_comparison_that_nobody_waits_for_changes_nothing() -> None:
    visit = Visit(positions=(2, 7), earlier=(2,))
    assert compared(visit.now, 2, True, FACTS) == []
    assert compared(None, 2, True, FACTS) == []
    visit.show(30)
    tell(visit, 2, True)
    assert compared(visit.now, 2, False, FACTS) == []


def test_the_own_earlier_record_is_no_alarm_at_a_renewal_and_anothers_is() -> None:
    visit = Visit(positions=(2, 7), earlier=(2,), station=True)
    visit.show(30)
    tell(visit, 2, True)
    hit = GalleryHit(subject="s1", booth="b-2", shown=2, position=2, score=9.0)
    sample = visit.now.accepted[2].sample
    said = GalleryAnswer.model_construct(question=sample, people=1, hits=[hit], refused=None)
    assert len(visit.record(answered(visit.now, said, Comparison()))) == 1, (
        "which of a number's it is nobody can say"
    )
    visit.show(30)
    assert (visit.now.duplicate_of, visit.now.hits) == (None, {})
    visit = Visit(positions=(2, 7), earlier=(2,))
    for finger in (2, 7):  # the booth leaves out the record that is renewed alone
        visit.show(30, already=("s1",))
        if finger == 2:
            tell(visit, 2, True)
    assert visit.now.duplicate_of == "s1", "somebody else had come under this number"
    visit = Visit(positions=(2, 7), earlier=(2, 7))
    visit.show(30, already=("s2",))
    tell(visit, 2, False)
    visit.show(30, already=("s2",))
    assert visit.now.duplicate_of == "s2"
    assert "enrolled already as subject s2" in (visit.now.alarm or "")
    visit.record(core.override(visit.now, "not s2", "binh"))
    assert visit.now.to_compare == 7
    tell(visit, 7, False)
    assert "not that of the earlier record" in (visit.now.alarm or "")


ACTIONS = ("show", "poor", "same", "another", "missing", "override", "answer", "review", "kill")


@steady(300)
@given(
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(1, 4)), max_size=25),
    st.sets(st.integers(1, 4), min_size=1),
    st.booleans(),
)
def test_whatever_happens_there_is_a_way_to_the_end_and_no_accepted_finger_is_lost(
    actions: list[tuple[str, int]], earlier: set[int], station: bool
) -> None:
    visit = Visit(positions=(1, 2, 3, 4), earlier=tuple(sorted(earlier)), station=station, review=True)
    taken: set[int] = set()
    for action, position in [*actions, *[(a, p) for _ in range(12) for p in range(1, 5) for a in FINISH]]:
        now = visit.now
        if now.closed:
            break
        ways = now.wanted() or now.to_compare or now.alarm or now.reviewing
        assert ways, "no dead end"
        assert not (now.wanted() and (now.to_compare or now.alarm)), "nothing goes on before it is settled"
        match action:
            case "show" | "poor" if now.wanted():
                visit.show(30 if action == "show" else 5)
            case "same" | "another" if now.to_compare:
                tell(visit, now.to_compare, action == "same")
            case "missing" if position in now.positions and position not in now.accepted:
                if len(now.positions) > 1:
                    visit.record(core.mark_missing(now, position, "cut"))
            case "override" if now.alarm:
                visit.record(core.override(now, "it is known", "binh"))
            case "answer" if now.unsettled:
                sample = now.accepted[now.unsettled[0]].sample
                said = GalleryAnswer.model_construct(question=sample, people=1, hits=[], refused=None)
                visit.record(answered(now, said, Comparison()))
            case "review" if now.reviewing and not now.alarm:
                visit.record(core.review(now, "s1", None, None))
            case "kill":
                assert core.fold(visit.entries) == now
        assert taken <= set(visit.now.accepted)
        taken = set(visit.now.accepted)
    assert visit.now.closed
    assert core.fold(visit.entries) == visit.now
    overridden = any(f["finding"] == core.OVERRIDDEN for f in visit.now.findings)
    assert visit.now.renewal == "same" or overridden, "nobody is renewed unnoticed"


FINISH = ("show", "another", "override", "review")


def ask(booth: Booth, **earlier: Any) -> Any:
    return booth.send("enrol", enrol(earlier=earlier))


def test_a_record_of_several_fingers_says_whose_they_are(booth: Booth) -> None:
    verdict = ask(booth, record=encoded(iso19794.write(template(2), template(7))))
    assert verdict.reply.outcome == "accepted"
    assert booth.current
    assert booth.current.earlier == (2, 7)
    assert {p: serial.from_bytes(data).minutiae.shape for p, data in verdict.earlier.items()} == {
        2: (12,),
        7: (12,),
    }


def test_a_cards_template_needs_its_position(booth: Booth) -> None:
    data = encoded(card.write(template(0), card.COMPACT))
    refused = ask(booth, record=data, format="iso-compact").reply
    assert (refused.outcome, refused.wants) == ("refused", "earlier")
    verdict = booth.send(
        "enrol", enrol("r2", earlier={"record": data, "format": "iso-compact", "position": 7})
    )
    assert verdict.reply.outcome == "accepted"
    assert booth.current
    assert booth.current.earlier == (7,)


def test_the_record_made_here_is_compared_where_none_is_brought(booth: Booth, keys: BoothKeys) -> None:
    assert booth.send("enrol", enrol("r1", earlier={})).reply.wants == "earlier", "there is none"
    enrolled(booth, Vault(booth.desk.journal.store, keys.vault), 2, 7)
    verdict = booth.send("enrol", enrol("r2", earlier={}, again="the card has ended"))
    assert verdict.reply.outcome == "accepted"
    assert sorted(verdict.earlier) == [2, 7]


def test_the_newest_record_of_a_number_alone_is_renewed(booth: Booth, keys: BoothKeys) -> None:
    vault = Vault(booth.desk.journal.store, keys.vault)
    enrolled(booth, vault, 2, 7, enrolment="e1")
    enrolled(booth, vault, 7, enrolment="e2")
    verdict = booth.send("enrol", enrol("r1", earlier={}, again="the card has ended"))
    assert verdict.earlier == {7: b"template e2 7"}, "another person's right index is not this record's"
    assert booth.current
    assert booth.current.renews == ("e2",)
    assert core.fold(verdict.entries) == booth.current


def test_a_record_without_a_finger_is_not_renewed_by_an_older_one(booth: Booth, keys: BoothKeys) -> None:
    vault = Vault(booth.desk.journal.store, keys.vault)
    enrolled(booth, vault, 2, enrolment="e1")
    enrolled(booth, vault, enrolment="e2")
    refused = booth.send("enrol", enrol("r1", earlier={}, again="the card has ended")).reply
    assert (refused.outcome, refused.wants) == ("refused", "earlier")
    assert refused.reason.startswith(
        "who was enrolled here last with this number has no finger in the record"
    )


def sealing(renewal: str | None, *renews: str) -> JournalEntry:
    body: dict[str, Any] = {"enrolment": "e2"} | (
        {"renewal": renewal, "renews": list(renews)} if renewal else {}
    )
    return JournalEntry.model_construct(kind="enrolment.sealed", body=body)


@pytest.mark.parametrize(
    ("here", "own"),
    [
        (None, ()),
        (sealing(None), ("e2",)),
        (sealing("same", "e1"), ("e2", "e1")),
        (sealing("another", "e1"), ("e2",)),
    ],
)
def test_own_are_the_newest_record_and_whose_renewal_it_was(
    here: JournalEntry | None, own: tuple[str, ...]
) -> None:
    assert own_records(here) == own


def again(booth: Booth, keys: BoothKeys, *there: int, **more: Any) -> Any:
    """Somebody comes, with a reason, under a number that was enrolled here with these fingers."""
    enrolled(booth, Vault(booth.desk.journal.store, keys.vault), *there)
    return booth.send("enrol", enrol("r2", again="the card was lost", **more))


def test_a_used_number_with_a_reason_is_compared_as_a_renewal_is(booth: Booth, keys: BoothKeys) -> None:
    verdict = again(booth, keys, 2, 7)
    assert verdict.reply.outcome == "accepted"
    assert verdict.earlier == {2: b"template e1 2", 7: b"template e1 7"}
    assert booth.current
    assert (booth.current.earlier, booth.current.renews) == ((2, 7), ("e1",))
    assert booth.current.renewal == "to compare"
    assert [finding["finding"] for finding in booth.current.findings] == [core.NUMBER_USED]
    assert core.fold(verdict.entries) == booth.current


@pytest.mark.parametrize(("there", "missing"), [((), {}), ((2,), {"2": "amputated"})])
def test_a_used_number_of_which_no_finger_is_captured_stays_a_reason(
    booth: Booth, keys: BoothKeys, there: tuple[int, ...], missing: dict[str, str]
) -> None:
    verdict = again(booth, keys, *there, missing=missing)
    assert verdict.reply.outcome == "accepted"
    assert booth.current
    assert (booth.current.renewal, booth.current.renews, verdict.earlier) == (None, (), {})
    assert [finding["finding"] for finding in booth.current.findings] == [core.NUMBER_USED]


def test_a_record_that_is_brought_does_not_stand_for_the_one_made_here(booth: Booth, keys: BoothKeys) -> None:
    """Anybody has a card of their own; it does not say whose the number is."""
    brought = {"record": encoded(iso19794.write(template(2)))}
    verdict = again(booth, keys, 2, earlier=brought)
    assert verdict.earlier == {2: b"template e1 2"}
    assert booth.current
    assert booth.current.renews == ("e1",)
    assert any("the record that was made here" in warning for warning in booth.current.warnings)
    booth.current = None
    verdict = booth.send("enrol", enrol("r3", again="x", earlier=brought, missing={"7": "cut"}))
    assert verdict.earlier == {2: b"template e1 2"}
    booth.current = None
    other = {"record": encoded(iso19794.write(template(3)))}
    verdict = booth.send("enrol", enrol("r4", again="x", earlier=other, missing={"2": "amputated"}))
    assert list(verdict.earlier) == [3], "what is here cannot be compared"
    assert booth.current
    assert booth.current.renews == (), "whose the record here is was not compared"


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        ({"record": encoded(b"nothing of the kind")}, "cannot be read as iso"),
        ({"record": "no base64!"}, "earlier"),
        ({"record": encoded(iso19794.write(template(2))), "position": 11}, "earlier"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_in_words(booth: Booth, earlier: Any, words: str) -> None:
    verdict = ask(booth, **earlier)
    assert verdict.reply.outcome == "refused"
    assert words in verdict.reply.reason
    assert booth.current is None


def test_a_record_of_fingers_that_are_missing_is_refused(booth: Booth) -> None:
    said = enrol(earlier={"record": encoded(iso19794.write(template(2)))}, missing={"2": "amputated"})
    verdict = booth.send("enrol", said)
    assert verdict.reply.outcome == "refused"
    assert "none of these is captured" in verdict.reply.reason
