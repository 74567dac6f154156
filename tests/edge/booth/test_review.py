"""Before sealing: number and name once more, and a portrait that is nobody else's."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.booth import enrolment as core
from edge.booth.acquisition import Acquisition
from edge.booth.commands import Verdict
from edge.booth.portraits import odd_time
from edge.booth.renewal import compared
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.messages import Clock, Phase
from edge.store import Store
from edge.vault import ENROLLED, STATED, Label, Vault, gallery_id
from tests.edge.booth.test_commands import Booth, desk_of, enrol, show
from tests.edge.booth.test_view import READY, view
from tests.edge.parts import AT, CLOCK, NUMBER, chain

OTHER = "001090000002"
HERS = {"sha256": "aa" * 32, "taken_at": AT}
HIS = {"sha256": "bb" * 32, "taken_at": AT}
TWO = dict.fromkeys(map(str, range(3, 11)), "cut")


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys))


def capture(booth: Booth, number: str = NUMBER, name: str | None = None) -> None:
    """Take two fingers and confirm one; a name is kept as the runner keeps it."""
    stated = {"name": name} if name else {}
    payload = {**enrol(f"e{booth.desk.journal.tail()[0]}", missing=TWO, **stated), "identity_number": number}
    verdict = booth.send("enrol", payload)
    assert booth.current is not None, verdict.reply.reason
    if verdict.stated:
        assert booth.desk.vault is not None
        label = Label(f"{booth.current.id}.{STATED}", STATED, booth.current.id, booth.current.subject)
        booth.desk.vault.put(label, verdict.stated)
    for _ in range(3):
        show(booth, 90, (booth.current.wanted() or 0,) if booth.current.confirming else ())
    assert booth.current.reviewing


def review(booth: Booth, number: str = NUMBER, **more: Any) -> Verdict:
    payload = {
        "request_id": f"v{booth.desk.journal.tail()[0]}",
        "identity_number": number,
        "portrait": HERS,
        **more,
    }
    return booth.send("review", payload)


def seal(booth: Booth) -> None:
    assert booth.current is not None
    for kind, body in core.sealed(booth.current, "ab" * 32, 9):
        booth.desk.journal.append(kind, body, booth.at, CLOCK)
    booth.current = None


def found(booth: Booth) -> list[str]:
    assert booth.current is not None
    return [finding["finding"] for finding in booth.current.findings]


def test_the_name_is_confirmed_as_it_is_folded_and_another_is_refused(booth: Booth) -> None:
    capture(booth, name="Nguyễn Hòa An")
    other = review(booth, name="Nguyễn Hòa Anh").reply
    assert (other.outcome, other.wants) == ("refused", "name")
    assert other.reason.startswith("this is not the name that enrolment ")
    assert "\n" not in other.reason
    assert found(booth) == [core.NAME_DIFFERS], "the mix-up stays in the record"
    assert booth.current is not None
    assert not booth.current.closed
    assert review(booth, name="  nguyễn  hoà AN ").reply.outcome == "accepted"
    assert booth.current.closed
    for secret in ("Nguyễn", "nguyễn", "Hòa", NUMBER):
        assert secret not in booth.everything_said()


def test_a_review_without_the_stated_name_is_taken_and_the_record_says_so(booth: Booth) -> None:
    capture(booth, name="Nguyễn Hòa An")
    reply = review(booth).reply
    assert (reply.outcome, reply.reason) == (
        "accepted",
        "the record is being sealed; look: the name that was stated is not confirmed, and the record says so",
    )
    assert found(booth) == [core.NAME_UNCONFIRMED]
    assert booth.current is not None
    assert booth.current.closed, "nobody signs for it"
    assert "Nguyễn" not in booth.everything_said()


def test_a_name_that_was_not_stated_is_not_missed_at_the_review(booth: Booth) -> None:
    capture(booth)
    assert review(booth).reply.reason == "the record is being sealed"
    assert found(booth) == []


def test_it_is_said_once_of_a_name_that_two_reviews_leave_out(store: Store, keys: BoothKeys) -> None:
    booth = Booth(desk_of(store, keys))
    capture(booth, name="Nguyễn Hòa An")
    assert booth.current is not None
    stated = replace(booth.current, name_stated=True, operator="an", supervisor=frozenset({core.NO_PORTRAIT}))
    booth.current = stated
    assert review(booth, portrait=None, no_portrait="no camera").reply.outcome == "accepted"
    assert review(booth).reply.outcome == "accepted"
    assert found(booth).count(core.NAME_UNCONFIRMED) == 1


def test_of_somebody_who_is_known_no_name_is_asked(booth: Booth) -> None:
    capture(booth, name="Nguyễn Hòa An")
    assert booth.current is not None
    assert core.name_wanted(booth.current)
    known = core.finding(booth.current, core.ALREADY_ENROLLED, 0, "s-2", "known")[1]
    booth.current = replace(booth.current, found=booth.current.found.after(known))
    assert not core.name_wanted(booth.current)
    assert review(booth, portrait=None).reply.reason == "the record is being sealed"
    assert found(booth) == [core.ALREADY_ENROLLED]


@pytest.mark.parametrize("name", ["Nguyễn Hòa An", None])
def test_the_state_tells_that_a_name_was_stated_and_never_which(booth: Booth, name: str | None) -> None:
    capture(booth, name=name)
    entries = [(entry.kind, entry.body) for entry in booth.desk.journal.read(0)]
    state = view(core.fold(entries), Acquisition(scanner=True), READY)
    assert state.name_stated is (name is not None), "also after a restart"
    assert b"Nguy" not in state.payload()


def test_a_name_that_nobody_stated_or_can_be_none_is_refused(booth: Booth) -> None:
    capture(booth)
    assert "no name was stated when the enrolment began" in review(booth, name="Lê An").reply.reason
    bad = review(booth, name="Lê 7").reply
    assert (bad.reason, bad.wants) == ("the name has a digit in it: type the name alone", "name")
    assert found(booth) == []


def test_another_number_is_told_before_the_name(booth: Booth) -> None:
    capture(booth, name="Lê An")
    assert "this is not the identity number" in review(booth, OTHER, name="Trần Bình").reply.reason
    assert found(booth) == [core.NUMBER_DIFFERS]


def test_a_portrait_of_somebody_else_is_an_alarm_that_the_own_one_ends(booth: Booth) -> None:
    capture(booth)
    assert review(booth).reply.outcome == "accepted"
    assert booth.current is not None
    hers = booth.current.id
    seal(booth)
    capture(booth, OTHER)
    for _ in range(2):
        reply = review(booth, OTHER).reply
        assert (reply.outcome, reply.wants) == ("refused", "portrait")
        assert reply.reason.startswith(f"this portrait was given at the review of enrolment {hers}, which is")
    assert booth.current is not None
    assert found(booth) == [core.PORTRAIT_USED], "once"
    assert booth.current.alarm == reply.reason.partition(":")[0]
    state = view(booth.current, Acquisition(scanner=True), READY)
    assert state.phase is Phase.REVIEW
    assert state.prompt.startswith("send 'review' with this person's own portrait; if it is the right one")
    assert not booth.current.closed
    assert review(booth, OTHER, portrait=HIS).reply.outcome == "accepted"
    assert booth.current.closed
    assert booth.current.alarm is None


def test_a_supervisor_may_say_that_it_is_the_right_portrait(booth: Booth) -> None:
    capture(booth)
    review(booth)
    seal(booth)
    capture(booth, OTHER)
    review(booth, OTHER)
    reason = {"request_id": "o1", "reason": "twins on one picture"}
    assert booth.send("override", reason).reply.outcome == "accepted"
    assert booth.current is not None
    assert booth.current.alarm is None
    assert not booth.current.closed, "the review comes after it"
    assert booth.current.findings[-1]["of"]["sha256"] == HERS["sha256"]
    assert review(booth, OTHER).reply.outcome == "accepted"
    assert booth.current.closed


@pytest.mark.parametrize("end", ["review", "abandon"])
def test_no_portrait_or_giving_up_ends_it_too(booth: Booth, end: str) -> None:
    capture(booth)
    review(booth)
    seal(booth)
    capture(booth, OTHER)
    review(booth, OTHER)
    if end == "review":
        done = review(booth, OTHER, portrait=None, no_portrait="the camera is broken")
        assert booth.current is not None
        assert booth.current.closed
    else:
        done = booth.send("abandon", {"request_id": "a1", "reason": "went home"})
        assert booth.current is None
    assert done.reply.outcome == "accepted"


@pytest.mark.parametrize("what", ["same", "another", "not compared"])
def test_a_portrait_may_come_again_with_who_was_found_to_be_the_same(booth: Booth, what: str) -> None:
    capture(booth)
    review(booth)
    assert booth.current is not None
    before = booth.current
    seal(booth)
    assert booth.desk.vault is not None
    for position in (1, 2) if what != "not compared" else ():
        label = Label(gallery_id(before.id, position), ENROLLED, before.id, before.subject, position)
        booth.desk.vault.put(label, b"template")
    booth.send("enrol", enrol("again", missing=TWO, again="the card was lost"))
    while booth.current and not booth.current.reviewing:
        if position := booth.current.to_compare:
            note(booth, compared(booth.current, position, what == "same", {"score": 1.0, "fmr": 1e-4}))
        elif booth.current.alarm:
            assert "not that of the earlier record" in booth.current.alarm
            booth.send("override", {"request_id": "o1", "reason": "whose number it was is known"})
        else:
            show(booth, 90, (booth.current.wanted() or 0,) if booth.current.confirming else ())
    reply = review(booth).reply
    assert (reply.outcome, reply.wants) == (("accepted", None) if what == "same" else ("refused", "portrait"))
    assert found(booth)[-1] == (core.NUMBER_USED if what == "same" else core.PORTRAIT_USED)


def note(booth: Booth, entries: list[core.Entry]) -> None:
    for kind, body in entries:
        booth.desk.journal.append(kind, body, booth.at, CLOCK)
    booth.current = core.fold(entries, booth.current)


def test_whose_a_portrait_was_is_known_after_a_restart_when_the_packet_is_purged(
    tmp_path: Path, keys: BoothKeys
) -> None:
    with closing(Store(tmp_path / "booth.db")) as store:
        booth = Booth(desk_of(store, keys))
        capture(booth)
        review(booth)
        assert booth.current is not None
        hers, vault = booth.current.id, Vault(store, keys.vault)
        with store.transaction():
            packet = vault.put_packet(hers, b"sealed")
        seal(booth)
        with store.transaction():
            assert vault.purge_packet(packet)
    with closing(Store(tmp_path / "booth.db")) as store:
        booth = Booth(desk_of(store, keys))
        capture(booth, OTHER)
        assert hers in review(booth, OTHER).reply.reason
        assert found(booth) == [core.PORTRAIT_USED]
        plan = store.db.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM journal WHERE kind = 'enrolment.reviewed'"
            " AND json_extract(body, '$.portrait.sha256') = ?",
            ("",),
        ).fetchone()
        assert "journal_by_portrait" in plan["detail"], "no look through everybody who was here"


@pytest.mark.parametrize(("minutes", "word"), [(-1, "before this enrolment began"), (10, "in the future")])
def test_a_portrait_of_an_odd_moment_is_taken_with_a_word_and_a_finding(
    booth: Booth, minutes: int, word: str
) -> None:
    capture(booth)
    taken_at = (datetime.fromisoformat(AT) + timedelta(minutes=minutes)).isoformat()
    odd = {**HERS, "taken_at": taken_at}
    for looked in ({}, {"looked": False}):
        first = review(booth, portrait=odd, **looked)
        assert (first.reply.outcome, first.reply.wants) == ("refused", "looked")
        assert first.reply.reason.startswith("the portrait is of 2026-01-05T")
        assert word in first.reply.reason
        assert "send the review again with 'looked'" in first.reply.reason
        assert [kind for kind, _ in first.entries] == ["command.answered"]
    assert found(booth) == []
    assert booth.current is not None
    assert not booth.current.closed
    done = review(booth, portrait=odd, looked=True).reply
    assert done.outcome == "accepted"
    assert done.reason.startswith("the record is being sealed; look: the portrait is of 2026-01-05T")
    assert word in done.reason
    assert found(booth) == [core.PORTRAIT_TIME]
    assert booth.current is not None
    assert booth.current.closed


@pytest.mark.parametrize("taken_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_cannot_say_is_refused(booth: Booth, taken_at: str) -> None:
    capture(booth)
    reply = review(booth, portrait={**HERS, "taken_at": taken_at}).reply
    assert reply.outcome == "refused"
    assert "no time of UTC's years 1 to 9999" in reply.reason
    assert review(booth, portrait=HERS).reply.outcome == "accepted"


def test_whoever_was_told_of_an_odd_moment_may_give_another_portrait_or_none(booth: Booth) -> None:
    capture(booth)
    odd = {**HERS, "taken_at": "1990-01-01T00:00:00Z"}
    assert review(booth, portrait=odd).reply.wants == "looked"
    assert review(booth, portrait=HERS).reply.outcome == "accepted"
    assert found(booth) == []


def test_looked_settles_nothing_but_the_moment(booth: Booth) -> None:
    capture(booth)
    assert "'looked'" in review(booth, looked="yes").reply.reason, "true or nothing"
    assert "this is not the identity number" in review(booth, OTHER, looked=True).reply.reason
    assert review(booth, portrait=None, looked=True).reply.wants == "portrait"
    assert review(booth, looked=True).reply.outcome == "accepted"
    assert found(booth) == [core.NUMBER_DIFFERS]


def test_a_moment_is_odd_by_any_clock_and_one_that_was_not_set_is_named() -> None:
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)
    (began,) = chain([{}])
    unset = began.model_copy(update={"clock": Clock(synchronised=False, boot="b0", monotonic_ms=1)})
    early, late = now - timedelta(days=1), now + timedelta(days=1)
    for taken_at in (early, late):
        assert (odd_time(taken_at, began, now, True) or "").startswith("the portrait is of 2026-01-0")
        for start, is_set in ((unset, True), (began, False)):
            said = odd_time(taken_at, start, now, is_set) or ""
            assert said.startswith("by a clock that is not set, the portrait is of 2026-01-0")
    for taken_at in (datetime.fromisoformat(AT), now, now + timedelta(seconds=59)):
        assert odd_time(taken_at, began, now, True) is None


def test_a_desk_whose_journal_is_not_kept_reviews_all_the_same(
    booth: Booth, tmp_path: Path, keys: BoothKeys
) -> None:
    """As where days are judged on templates alone."""
    capture(booth)
    with closing(Store(tmp_path / "empty.db")) as empty:
        assert review(Booth(desk_of(empty, keys), booth.current)).reply.outcome == "accepted"


def test_the_journal_says_of_a_portrait_whose_it_was_last(booth: Booth) -> None:
    journal: Journal = booth.desk.journal
    assert journal.reviewed_with(HERS["sha256"], ()) is None
    capture(booth)
    assert booth.current is not None
    hers = booth.current.id
    review(booth)
    assert journal.reviewed_with(HERS["sha256"], {hers}) is None
    assert journal.reviewed_with(HERS["sha256"], ("another",)) == hers
