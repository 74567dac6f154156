"""The station's word: pure decisions, and a line to the gallery that loses, repeats and is cut for long."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment
from edge.booth.renewal import compared
from edge.booth.station import ASIDE_PATIENCE, FIRST_PATIENCE, LONGEST_PATIENCE, StationDesk
from edge.booth.station_answer import NOTED, SET_ASIDE, SETTLED_LATER, answered, found_later, settled_later
from edge.errors import BadCommand
from edge.gallery.question import Question, read
from edge.journal import Journal
from edge.messages import GalleryAnswer, GalleryHit, Settle
from edge.settings import BoothSettings, Station
from edge.store import Store
from edge.vault import ENROLLED, TEMPLATE, Label, Vault, gallery_id
from tests.edge.booth.test_enrolment import Visit
from tests.edge.parts import AT, CLOCK, steady, undone

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
SETTINGS = BoothSettings(
    booth="b-1", data=Path(), keys=Path(), station=Station(key=Path("gallery.pub"), wait_seconds=2)
)
LIMITS = SETTINGS.comparison


def hit(shown: int, subject: str = "earlier", booth: str = "b-2") -> GalleryHit:
    return GalleryHit(shown=shown, subject=subject, booth=booth, position=shown, score=9.5)


def answer(question: str, *hits: GalleryHit, **more: Any) -> GalleryAnswer:
    return GalleryAnswer.model_construct(question=question, people=4, hits=list(hits), refused=None, **more)


def settle(visit: Visit, position: int, *hits: GalleryHit) -> list[core.Entry]:
    return visit.record(answered(visit.now, answer(visit.now.accepted[position].sample, *hits), LIMITS))


def test_each_accepted_finger_is_unsettled_until_the_station_answered() -> None:
    visit = Visit(positions=(2, 7), station=True)
    assert visit.now.unsettled == ()
    visit.show(20)
    assert visit.now.unsettled == (), "a sample that is asked again for is not asked about"
    visit.show(30)
    visit.show(30)
    assert visit.now.unsettled == (2, 7)
    ((kind, body),) = settle(visit, 2)
    assert (kind, body["position"], body["people"], body["fmr"], body["hits"]) == (
        core.STATION_ANSWERED,
        2,
        4,
        LIMITS.station_fmr,
        [],
    )
    assert visit.now.unsettled == (7,)
    assert visit.now.closed, "nothing waits for the station"
    ((_, sealed),) = core.sealed(visit.now, "0" * 64, 9)
    assert sealed["station"] == core.UNSETTLED
    settle(visit, 7)
    ((_, sealed),) = core.sealed(visit.now, "0" * 64, 9)
    assert sealed["station"] == core.SETTLED


def test_where_no_station_is_asked_nothing_is_said_of_it() -> None:
    visit = Visit(positions=(2,))
    visit.show(30)
    assert visit.now.unsettled == ()
    assert "station" not in visit.entries[0][1]
    assert "station" not in core.sealed(visit.now, "0" * 64, 9)[0][1]


def test_enough_fingers_of_one_person_elsewhere_are_an_alarm_that_says_where() -> None:
    visit = Visit(positions=(2, 7, 1), station=True)
    visit.show(30)
    assert len(settle(visit, 2, hit(2))) == 1, "one finger tells nothing"
    visit.show(30)
    _, (kind, body) = settle(visit, 7, hit(7), hit(7, "somebody else"))
    assert (kind, body["finding"], body["of"]) == (core.FINDING, core.ALREADY_ENROLLED, "earlier")
    assert (
        body["text"]
        == "this person is enrolled already at booth b-2 as subject earlier: the same right index, left index"
    )
    assert visit.now.duplicate_of == "earlier"
    assert visit.now.alarm == body["text"]
    visit.record(core.review(visit.now, "s1", None, None))
    assert visit.now.closed
    assert "station" not in core.sealed(visit.now, "0" * 64, 9)[0][1], "nobody was enrolled"


def test_a_finger_found_here_and_another_found_there_are_of_one_person() -> None:
    visit = Visit(positions=(2, 7), station=True)
    visit.show(30, already=("earlier",))
    visit.show(30)
    _, (_, body) = settle(visit, 7, hit(7))
    assert body["finding"] == core.ALREADY_ENROLLED


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    visit = Visit(positions=(2, 7), station=True)
    visit.show(30)
    sample = visit.now.accepted[2].sample
    settle(visit, 2)
    for current, question in ((None, sample), (visit.now, sample), (visit.now, "another")):
        assert answered(current, answer(question, hit(2)), LIMITS) == []


def test_what_is_found_after_sealing_is_an_alarm() -> None:
    sealed = {"enrolment": "e1", "subject": "s1"}
    kind, body = settled_later(sealed, 2, answer("e1", hit(2)), LIMITS)
    assert (kind, body["known_as"]) == (SETTLED_LATER, None)
    assert found_later(body) is None
    _, body = settled_later(sealed, 2, answer("e1", hit(2), hit(7)), LIMITS)
    assert body["known_as"] == "earlier"
    alarm = found_later(body)
    assert alarm
    assert "at booth b-2 as subject earlier" in alarm.text
    assert "after the record was sealed" in alarm.text


def test_where_there_is_one_finger_it_tells_only_at_a_rate_that_counts_all_who_were_looked_through() -> None:
    """1e-6 for each of two fingers would take a fifth of such people for somebody of 20,000."""
    for people, score, known in ((4, 15.0, True), (20_000, 15.0, False), (20_000, 20.0, True)):
        one = hit(2).model_copy(update={"score": score})  # 1e-6 at 14.9
        said = answer("e1", one).model_copy(update={"people": people})
        _, body = settled_later({"enrolment": "e1", "subject": "s1"}, 1, said, LIMITS)
        assert (body["known_as"] is not None) == known
        visit = Visit(positions=(2,), station=True)
        visit.show(30)
        said = said.model_copy(update={"question": visit.now.accepted[2].sample})
        visit.record(answered(visit.now, said, LIMITS))
        assert (visit.now.duplicate_of is not None) == known
        assert core.fold(visit.entries) == visit.now


def test_who_is_somebody_else_by_a_supervisors_word_is_not_found_again() -> None:
    visit = Visit(positions=(2, 7), station=True)
    for position in (2, 7):
        visit.show(30)
        settle(visit, position, hit(position))
    visit.record(core.override(visit.now, "her sister", "binh"))
    assert visit.now.unsettled == ()
    ((_, sealed),) = core.sealed(visit.now, "0" * 64, 9)
    both = answer("e1", hit(2), hit(7))
    assert settled_later(sealed, 2, both, LIMITS)[1]["known_as"] is None
    assert settled_later({**sealed, "told_apart": ["another"]}, 2, both, LIMITS)[1]["known_as"] == "earlier"


def test_a_renewal_says_at_which_booths_the_station_found_the_numbers_record_to_be_the_persons() -> None:
    visit = Visit(positions=(1, 2, 7), earlier=(1,), station=True)
    own = visit.now.subject
    visit.show(30)
    visit.record(compared(visit.now, 1, True, {"fmr": 1e-4}))
    settle(visit, 1, hit(1, own), hit(1, own, "b-3"))
    visit.show(30)
    settle(visit, 2, hit(2, own), hit(2, "somebody"))
    visit.show(30)
    assert visit.now.alarm is None
    ((_, sealed),) = core.sealed(visit.now, "0" * 64, 9)
    assert sealed["same_at"] == ["b-2"], "one finger of three tells nothing"
    stranger = Visit(positions=(2, 7), station=True)
    for position in (2, 7):
        stranger.show(30)
        settle(stranger, position, hit(position, stranger.now.subject))
    assert stranger.now.alarm, "who renews nothing is told to be enrolled already"
    assert stranger.now.same_at == ()


def test_at_a_renewal_the_own_earlier_record_is_expected() -> None:
    renewed = {"enrolment": "e1", "subject": "s1", "renewal": "same"}
    both = [hit(2, "s1"), hit(7, "s1")]
    assert settled_later(renewed, 2, answer("e1", *both), LIMITS)[1]["known_as"] is None
    assert settled_later(renewed | {"subject": "s2"}, 2, answer("e1", *both), LIMITS)[1]["known_as"] == "s1"


class Line:
    """What the desk published, while it is up."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[Question] = []

    def publish(self, topic: str, payload: bytes) -> bool:
        assert topic == "vantay-gallery/v1/booth/b-1/ask"
        if self.up:
            self.sent.append(read("b-1", payload, KEY))
        return self.up

    def take(self) -> list[str]:
        ids = [question.id for question in self.sent]
        self.sent.clear()
        return ids


class Bench:
    """A desk with a real journal and vault, and sealed records."""

    def __init__(self, store: Store) -> None:
        self.journal, self.vault, self.line = Journal(store), Vault(store, bytes(32)), Line()
        self.start()

    def start(self) -> None:
        """A daemon's start, the first or after a kill."""
        self.desk = StationDesk(SETTINGS, PUBLIC, self.journal, self.vault, self.line.publish)

    def record(self, kind: str, body: dict[str, Any]) -> None:
        with self.journal.store.transaction():
            self.journal.append(kind, body, AT, CLOCK)
            self.desk.recorded(kind, body)

    def seal(self, enrolment: str, station: str = "unsettled", outcome: str = "enrolled") -> None:
        for position in (2, 7) if outcome == "enrolled" else ():
            label = Label(gallery_id(enrolment, position), ENROLLED, enrolment, "aa", position)
            self.vault.put(label, f"template {enrolment} {position}".encode())
        body = {"enrolment": enrolment, "subject": "aa", "outcome": outcome, "samples": {"2": "a", "7": "b"}}
        self.record(core.SEALED, body | ({"station": station} if outcome == "enrolled" else {}))

    def answer(self, question: str, *hits: GalleryHit) -> int:
        entries = self.desk.take(answer(question, *hits), None)
        for kind, body in entries:
            self.record(kind, body)
        return len(entries)

    def settled(self) -> list[Any]:
        return [entry.body["enrolment"] for entry in self.journal.of_kind(SETTLED_LATER)]


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


NAMES = [f"{n:016x}" for n in range(1, 9)]


def test_a_template_that_does_not_open_keeps_no_other_one_from_the_station(bench: Bench) -> None:
    bench.seal(NAMES[0])
    bench.seal(NAMES[1])
    damaged = [gallery_id(NAMES[0], 2), gallery_id(NAMES[0], 7), gallery_id(NAMES[1], 7)]
    for blob in damaged:
        bench.journal.store.db.execute("UPDATE vault SET data = zeroblob(9) WHERE id = ?", (blob,))
    bench.desk.heard(True)
    ((kind, body),) = bench.desk.work(None, 0.0)
    assert (kind, body["enrolment"]) == (SET_ASIDE, NAMES[0]), "the hub is told"
    bench.record(kind, body)
    assert bench.desk.work(None, 0.0) == []
    (question,) = bench.line.sent
    assert (question.id, [finger.position for finger in question.head.fingers]) == (NAMES[1], [2])
    bench.start()
    bench.desk.heard(True)
    assert bench.desk.work(None, 9999.0) == [], "once"


def test_sealed_records_are_given_to_the_station_one_after_the_other_until_it_has_them(bench: Bench) -> None:
    for name in NAMES[:2]:
        bench.seal(name)
    bench.seal("f" * 16, outcome="already-enrolled")
    bench.desk.work(None, 0.0)
    assert bench.line.take() == [], "the gallery has not said that it is there"
    assert (bench.desk.standing, bench.desk.unsettled) == ("away", 2)
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    (asked,) = bench.line.sent
    assert (asked.head.kind, asked.id, asked.head.enrolment) == ("add", NAMES[0], NAMES[0])
    assert asked.templates == (f"template {NAMES[0]} 2".encode(), f"template {NAMES[0]} 7".encode())
    assert bench.line.take() == NAMES[:1]
    assert bench.desk.standing == "ready"
    for moment, again in ((FIRST_PATIENCE / 2, []), (FIRST_PATIENCE, NAMES[:1]), (2 * FIRST_PATIENCE, [])):
        bench.desk.work(None, moment)
        assert bench.line.take() == again, "ever more patiently"
    assert bench.desk.standing == "away", "it was asked twice and does not answer"
    bench.desk.work(None, 1000.0)
    bench.line.take()
    assert bench.answer(NAMES[1]) == 0, "not asked yet"
    assert bench.answer(NAMES[0]) == 1
    assert bench.answer(NAMES[0]) == 0, "an answer that came twice is taken once"
    assert (bench.desk.standing, bench.desk.unsettled) == ("ready", 1)
    bench.desk.work(None, 1000.0)
    assert bench.line.take() == NAMES[1:2]
    bench.answer(NAMES[1])
    bench.desk.work(None, 1000.0 + LONGEST_PATIENCE)
    assert bench.line.take() == []
    assert bench.settled() == NAMES[:2]
    assert bench.desk.unsettled == 0


def test_a_gallery_that_tells_its_number_is_not_asked_twice_and_one_that_came_back_is(bench: Bench) -> None:
    bench.seal(NAMES[0])
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    assert bench.line.take() == NAMES[:1]
    bench.desk.heard(True)
    bench.desk.work(None, FIRST_PATIENCE / 2)
    assert bench.line.take() == [], "another booth's record was kept meanwhile"
    bench.desk.heard(True, anew=True)
    bench.desk.work(None, FIRST_PATIENCE / 2)
    assert bench.line.take() == NAMES[:1], "this booth was away"
    bench.desk.heard(False)
    bench.desk.heard(True)
    bench.desk.work(None, FIRST_PATIENCE / 2)
    assert bench.line.take() == NAMES[:1], "the gallery was away"


def test_a_refusal_is_told_and_the_record_stays_unsettled(bench: Bench) -> None:
    bench.seal(NAMES[0])
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    refused = GalleryAnswer(question=NAMES[0], people=0, hits=[], refused="another key")
    assert bench.desk.take(refused, None) == []
    assert bench.desk.standing == "the station's gallery refuses: another key"
    assert bench.desk.unsettled == 1
    bench.desk.work(None, LONGEST_PATIENCE)
    assert bench.line.take() == NAMES[:1] * 2


def taken(bench: Bench, *positions: int) -> Enrolment:
    visit = Visit(positions=(1, 2), station=True)
    for position in positions:
        sample = f"{position:x}".rjust(16, "a")
        visit.show(30, name=sample)
        bench.vault.put(Label(f"{sample}.{TEMPLATE}", TEMPLATE, "e1", "s1", position), b"template")
    return replace(visit.now, id="e" * 16, subject="aa")


def refuses(bench: Bench, question: str, this_alone: bool, reason: str = "it cannot be compared") -> None:
    refused = GalleryAnswer(question=question, people=0, hits=[], refused=reason, this_alone=this_alone)
    for kind, body in bench.desk.take(refused, None):
        bench.record(kind, body)


def test_a_record_refused_for_itself_is_set_aside_and_those_behind_it_have_their_turn(bench: Bench) -> None:
    for name in NAMES[:2]:
        bench.seal(name)
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    refuses(bench, NAMES[0], this_alone=True)
    bench.desk.work(None, 1.0)
    assert bench.line.take() == NAMES[:2]
    assert (bench.desk.standing, bench.desk.unsettled) == ("ready", 2)
    (told,) = bench.journal.of_kind(SET_ASIDE)
    assert told.body == {"enrolment": NAMES[0], "subject": "aa", "reason": "it cannot be compared"}
    bench.answer(NAMES[1])
    for moment, again in ((ASIDE_PATIENCE - 1, []), (ASIDE_PATIENCE + FIRST_PATIENCE, NAMES[:1])):
        bench.desk.work(None, moment)
        assert bench.line.take() == again, "now and then"
    assert bench.desk.standing == "ready"
    refuses(bench, NAMES[0], this_alone=True)
    bench.start()
    bench.desk.heard(True)
    for moment in (0.0, LONGEST_PATIENCE):
        bench.desk.work(None, moment)
    assert bench.line.take() == NAMES[:1], "once at a start"
    refuses(bench, NAMES[0], this_alone=True)
    assert len(list(bench.journal.of_kind(SET_ASIDE))) == 1, "journalled once"
    bench.answer(NAMES[0])
    assert bench.settled() == [NAMES[1], NAMES[0]]
    bench.start()
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    assert (bench.line.take(), bench.desk.unsettled) == ([], 0)


def test_a_refusal_that_others_would_meet_passes_nothing_over(bench: Bench) -> None:
    for name in NAMES[:2]:
        bench.seal(name)
    bench.desk.heard(True)
    for moment in (0.0, 100.0, 200.0):
        bench.desk.work(None, moment)
        refuses(bench, NAMES[0], this_alone=False, reason="another key")
    assert bench.line.take() == NAMES[:1] * 3
    assert bench.desk.standing == "the station's gallery refuses: another key"
    assert list(bench.journal.of_kind(SET_ASIDE)) == []


def test_a_refused_record_does_not_keep_a_person_from_being_waited_for(bench: Bench) -> None:
    bench.seal(NAMES[0])
    bench.desk.heard(True)
    current = taken(bench, 1, 2)
    bench.desk.work(current, 0.0)
    refuses(bench, NAMES[0], this_alone=False, reason="the disk is full")
    assert bench.desk.holds(current, 1.0)
    refuses(bench, current.accepted[1].sample, this_alone=True)
    assert bench.desk.holds(current, 1.0), "of the other finger an answer is due"
    refuses(bench, current.accepted[2].sample, this_alone=True)
    assert not bench.desk.holds(current, 1.0)
    bench.answer(NAMES[0])
    bench.desk.work(None, 1.0)
    assert bench.desk.standing == "ready", "what was refused of who is gone is gone, too"


def test_an_alarm_stays_across_restarts_until_it_is_settled(bench: Bench) -> None:
    bench.seal(NAMES[0])
    bench.answer(NAMES[0], hit(2), hit(7))
    bench.start()
    (alarm,) = bench.desk.alarms
    with pytest.raises(BadCommand, match="nothing was found that is to be settled"):
        bench.desk.check(Settle(request_id="r", enrolment=NAMES[1], reason="x"))
    assert bench.desk.check(Settle(request_id="r", enrolment=alarm.enrolment, reason="x")) == alarm
    bench.record(NOTED, {"enrolment": NAMES[0], "reason": "x", "signed_by": None})
    assert bench.desk.alarms == []
    bench.start()
    assert bench.desk.alarms == []


def test_a_record_whose_templates_another_box_had_is_passed_over(bench: Bench) -> None:
    bench.record(core.SEALED, {"enrolment": "e0", "subject": "aa", "outcome": "enrolled", "samples": {}})
    bench.seal(NAMES[0])
    bench.desk.heard(True)
    bench.desk.work(None, 0.0)
    assert bench.line.take() == NAMES[:1]


def test_before_sealing_it_waits_a_little_where_an_answer_is_due(bench: Bench) -> None:
    visit = Visit(positions=(1,), station=True)
    visit.show(30)
    assert not bench.desk.holds(visit.now, 0.0), "nobody there who could answer"
    bench.desk.heard(True)
    assert bench.desk.holds(visit.now, 10.0)
    assert bench.desk.holds(visit.now, 11.9)
    assert not bench.desk.holds(visit.now, 12.0)
    settle(visit, 1)
    assert not bench.desk.holds(visit.now, 10.0)


@pytest.mark.parametrize("waited", [1.0, 2.0])
def test_the_next_person_is_waited_for_anew(bench: Bench, waited: float) -> None:
    visit = Visit(positions=(1,), station=True)
    visit.show(30)
    bench.desk.heard(True)
    assert bench.desk.holds(visit.now, 10.0)
    bench.desk.holds(visit.now, 10.0 + waited)  # sealed unsettled, or abandoned meanwhile
    later = replace(visit.now, id="another")
    assert bench.desk.holds(later, 100.0)
    assert bench.desk.holds(later, 101.9)
    assert not bench.desk.holds(later, 102.0)


@pytest.mark.parametrize("ends", [False, True])
def test_a_question_that_was_answered_or_whose_enrolment_ended_is_not_away(bench: Bench, ends: bool) -> None:
    bench.desk.heard(True)
    current = taken(bench, 1)
    for moment in (0.0, FIRST_PATIENCE, 3 * FIRST_PATIENCE):
        bench.desk.work(current, moment)
    assert bench.desk.standing == "away"
    (answered_for,) = [a.sample for a in current.accepted.values()]
    after = None if ends else replace(current, answered=frozenset({answered_for}))
    bench.desk.work(after, 3 * FIRST_PATIENCE)
    assert bench.desk.standing == "ready"


@steady(60)
@given(st.data())
def test_whatever_is_lost_repeated_or_killed_each_record_is_settled_once(
    shared_store: Store, data: st.DataObject
) -> None:
    with undone(shared_store):
        bench, now, kept = Bench(shared_store), 0.0, []
        for step in range(60):
            calm = step > 30  # nothing goes wrong any more
            steps = ["seal", "ask", "kill", "cut", "mend", "late", "refuse"]
            match "ask" if calm else data.draw(st.sampled_from(steps)):
                case "seal" if len(list(bench.journal.of_kind(core.SEALED))) < len(NAMES):
                    bench.seal(NAMES[len(list(bench.journal.of_kind(core.SEALED)))])
                case "kill":
                    bench.start()
                    bench.desk.heard(True)
                case "cut":
                    bench.line.up = False
                case "mend":
                    bench.line.up = True
                case "refuse" if kept:
                    refuses(bench, data.draw(st.sampled_from(kept)), data.draw(st.booleans()))
                case "late" if kept:
                    bench.answer(data.draw(st.sampled_from(kept)))
                case "ask":
                    bench.line.up |= calm
                    bench.desk.heard(True)
                    bench.desk.work(None, now)
                    kept += (asked := bench.line.take())
                    if calm or data.draw(st.booleans()):
                        for name in asked:
                            bench.answer(name)
            now += 5.0
        sealed = [entry.body["enrolment"] for entry in bench.journal.of_kind(core.SEALED)]
        aside = [entry.body["enrolment"] for entry in bench.journal.of_kind(SET_ASIDE)]
        assert len(set(aside)) == len(aside)
        assert sorted(bench.settled()) == sealed
        assert [name for name in bench.settled() if name not in aside] == [
            n for n in sealed if n not in aside
        ]
        assert bench.desk.unsettled == 0
