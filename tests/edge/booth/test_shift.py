"""Logging in, being locked out, and two pairs of eyes: by commands, as the wire brings them."""

from typing import Any

import pytest

from edge import people
from edge.booth import enrolment as core
from edge.booth.entries import LOGGED_IN, LOGGED_OUT
from edge.booth.shift import FAILED, MOST_FAILURES, REMOVED, SIGNED, UNLOCKED
from edge.keys import BoothKeys
from edge.people import People, make_person
from edge.sealed_word import seal_word
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import Booth, desk_of, enrol, show
from tests.edge.booth.test_enrolment import sample
from tests.edge.parts import AT, CLOCK, NUMBER

PINS = {"an": "271828", "binh": "314159"}


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    known = People(Vault(store, keys.vault))
    known.add(make_person("an", "operator", PINS["an"]))
    known.add(make_person("binh", "supervisor", PINS["binh"]))
    return Booth(desk_of(store, keys))


def sealed(booth: Booth, pin: str, request_id: str) -> str:
    assert booth.desk.shift.key
    return seal_word(pin, booth.desk.shift.key, f"b-1/{request_id}")


def log_in(booth: Booth, name: str, pin: str, request_id: str) -> Any:
    word = {"request_id": request_id, "person": name, "pin": sealed(booth, pin, request_id)}
    return booth.send("login", word)


def test_nobody_enrols_before_somebody_is_logged_in_and_the_record_says_who_it_was(booth: Booth) -> None:
    refused = booth.send("enrol", enrol("r1"))
    assert (refused.reply.reason, refused.reply.wants) == ("nobody is logged in: log in first", "login")
    verdict = log_in(booth, "an", PINS["an"], "l1")
    assert verdict.reply.reason == "an is logged in"
    assert [kind for kind, _ in verdict.entries][:1] == [LOGGED_IN]
    assert booth.desk.shift.operator == "an"
    booth.send("enrol", enrol("r2"))
    assert booth.current is not None
    assert booth.current.operator == "an"
    stay = booth.send("logout", {"request_id": "o1"})
    assert "is not finished" in stay.reply.reason
    booth.send("abandon", {"request_id": "a1", "reason": "x"})
    assert booth.send("logout", {"request_id": "o2"}).reply.outcome == "accepted"
    assert booth.desk.shift.operator is None
    assert booth.send("logout", {"request_id": "o3"}).reply.reason == "nobody is logged in"


def test_whoever_logs_in_takes_over(booth: Booth) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    verdict = log_in(booth, "binh", PINS["binh"], "l2")
    assert verdict.entries[:2] == [
        (LOGGED_OUT, {"person": "an"}),
        (LOGGED_IN, {"person": "binh", "role": "supervisor"}),
    ]


def test_a_wrong_pin_is_journaled_and_too_many_lock_until_a_technician_unlocks(booth: Booth) -> None:
    for number in range(1, MOST_FAILURES + 1):
        refused = log_in(booth, "an", "999111", f"l{number}")
        assert refused.reply.reason == "there is no such person with this PIN"
        assert refused.entries[0] == (FAILED, {"person": "an", "in_a_row": number})
    locked = log_in(booth, "an", PINS["an"], "l9")
    assert locked.reply.reason == f"an is locked after {MOST_FAILURES} wrong PINs: call a technician"
    assert log_in(booth, "binh", PINS["binh"], "l10").reply.outcome == "accepted", "others are not"
    booth.desk.journal.append(UNLOCKED, {"person": "an"}, AT, CLOCK)
    assert log_in(booth, "an", PINS["an"], "l11").reply.outcome == "accepted"
    assert log_in(booth, "an", "999111", "l12").entries[0][1]["in_a_row"] == 1


def test_somebody_who_is_not_there_is_refused_in_the_same_words(booth: Booth) -> None:
    assert log_in(booth, "chi", "999111", "l1").reply.reason == "there is no such person with this PIN"


@pytest.mark.parametrize("name", ["an", "nobody"])
def test_a_wrong_pin_is_hashed_once_whether_or_not_there_is_such_a_person(
    booth: Booth, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hashed: list[dict[str, Any]] = []
    own = people.Argon2id
    monkeypatch.setattr(people, "Argon2id", lambda **how: hashed.append(how) or own(**how))
    assert log_in(booth, name, "999111", "l1").reply.reason == "there is no such person with this PIN"
    (how,) = hashed
    assert len(how.pop("salt")) == 16
    assert how == {"length": 32, "iterations": 3, "lanes": 4, "memory_cost": 65536}


def test_what_was_overheard_opens_nothing(booth: Booth, store: Store, keys: BoothKeys) -> None:
    word = {"request_id": "l1", "person": "an", "pin": sealed(booth, PINS["an"], "l1")}
    assert booth.send("login", word).reply.outcome == "accepted"
    booth.send("logout", {"request_id": "o1"})
    assert booth.send("login", word).reply.repeated, "answered, and done once"
    assert booth.desk.shift.operator is None
    again = booth.send("login", {**word, "request_id": "l2"})
    assert "the PIN does not open: seal it anew" in again.reply.reason
    restarted = Booth(desk_of(store, keys))
    assert "seal it anew" in restarted.send("login", {**word, "request_id": "l3"}).reply.reason
    said = booth.everything_said() + restarted.everything_said()
    assert not any(pin in said for pin in PINS.values())


def test_an_override_is_signed_by_a_supervisor_who_is_not_the_operator(booth: Booth) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    booth.send("enrol", enrol("r1", missing=dict.fromkeys(map(str, range(3, 11)), "cut")))
    show(booth, 90)
    show(booth, 90)
    early = {"request_id": "v0", "reason": "x", "person": "binh", "pin": sealed(booth, "999111", "v0")}
    assert "there is no alarm" in booth.send("override", early).reply.reason
    for _ in range(3):
        show(booth, 90)
    for number, (name, pin, sentence) in enumerate(
        (
            (None, None, "is signed by a supervisor: send it with 'person' and 'pin'"),
            ("an", PINS["an"], "an is or was the operator of this: an override needs another"),
            ("binh", "999111", "there is no such person with this PIN"),
        )
    ):
        word: dict[str, Any] = {"request_id": f"v{number + 1}", "reason": "a burn"}
        if name and pin:
            word |= {"person": name, "pin": sealed(booth, pin, f"v{number + 1}")}
        refused = booth.send("override", word)
        assert refused.reply.outcome == "refused"
        assert sentence in refused.reply.reason
    assert booth.current is not None
    assert booth.current.alarm
    signed = {
        "request_id": "v9",
        "reason": "a burn",
        "person": "binh",
        "pin": sealed(booth, PINS["binh"], "v9"),
    }
    verdict = booth.send("override", signed)
    assert [kind for kind, _ in verdict.entries][:2] == [SIGNED, core.FINDING]
    finding = booth.current.findings[-1]
    assert finding["of"] == {"finding": core.NOT_CONFIRMED, "signed_by": "binh"}
    assert "overridden by binh because: a burn" in finding["text"]


def known(booth: Booth) -> None:
    """Somebody whose two fingers are an earlier subject's."""
    for name in "ab":
        assert booth.current is not None
        entries = core.judge(booth.current, sample(booth.current, 90, already=("s0",), name=name))
        booth.current = core.fold(entries, booth.current)


def test_who_is_taken_for_another_goes_on_by_two_pairs_of_eyes(booth: Booth) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    booth.send("enrol", enrol("r1"))
    known(booth)
    assert booth.current is not None
    assert "is enrolled already as subject s0" in (booth.current.alarm or "")
    assert (
        booth.send("mark-missing", {"request_id": "m1", "position": 5, "reason": "cut"}).reply.outcome
        == "refused"
    )
    alone = {"request_id": "v1", "reason": "a sister", "person": "an", "pin": sealed(booth, PINS["an"], "v1")}
    assert "needs another pair of eyes" in booth.send("override", alone).reply.reason
    signed = {
        "request_id": "v2",
        "reason": "a sister",
        "person": "binh",
        "pin": sealed(booth, PINS["binh"], "v2"),
    }
    verdict = booth.send("override", signed)
    assert [kind for kind, _ in verdict.entries][:2] == [SIGNED, core.FINDING]
    of = {"finding": core.ALREADY_ENROLLED, "signed_by": "binh", "subject": "s0"}
    assert verdict.entries[1][1]["of"] == of
    assert (booth.current.alarm, booth.current.wanted()) == (None, 3)


def test_the_operator_alone_says_that_somebody_is_enrolled_already(booth: Booth) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    for name, word in (("review", {"identity_number": NUMBER}), ("abandon", {"reason": "went away"})):
        booth.send("enrol", enrol(f"r-{name}"))
        known(booth)
        reply = booth.send(name, {"request_id": f"x-{name}", **word}).reply
        assert (reply.outcome, "the record is being sealed" in reply.reason) == ("accepted", True)
        assert booth.current is not None
        assert booth.current.closed
        booth.current = core.fold(core.sealed(booth.current, "0" * 64, 1), booth.current)


def test_where_nobody_is_known_nobody_logs_in(store: Store, keys: BoothKeys) -> None:
    booth = Booth(desk_of(store, keys))
    assert booth.desk.shift.key is None
    assert booth.send("enrol", enrol("r1")).reply.outcome == "accepted"
    assert booth.current is not None
    assert booth.current.operator is None


def test_somebody_elses_removal_logs_nobody_out(booth: Booth) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    booth.desk.journal.append(REMOVED, {"person": "chi"}, AT, CLOCK)
    assert booth.desk.shift.operator == "an"
    booth.desk.journal.append(REMOVED, {"person": "an"}, AT, CLOCK)
    assert booth.desk.shift.operator is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("mark-missing", {"position": 2, "reason": "cut"}),
        ("override", {"reason": "x"}),
        ("single-fingers", {"slap": 13, "reason": "x"}),
        ("review", {"identity_number": NUMBER}),
    ],
)
def test_what_an_operator_says_of_an_enrolment_is_said_by_somebody_who_is_logged_in(
    booth: Booth, name: str, word: dict[str, Any]
) -> None:
    """Who began it was removed; whoever comes next goes on, and giving it up needs nobody."""
    log_in(booth, "an", PINS["an"], "l1")
    booth.send("enrol", enrol("r1"))
    booth.desk.journal.append(REMOVED, {"person": "an"}, AT, CLOCK)
    refused = booth.send(name, {"request_id": "m1", **word}).reply
    assert (refused.outcome, refused.wants) == ("refused", "login")
    log_in(booth, "binh", PINS["binh"], "l2")
    assert booth.send(name, {"request_id": "m2", **word}).reply.wants != "login"
    booth.desk.journal.append(REMOVED, {"person": "binh"}, AT, CLOCK)
    assert booth.send("abandon", {"request_id": "a1", "reason": "x"}).reply.outcome == "accepted"
