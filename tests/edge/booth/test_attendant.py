"""Fingers of those who work at the booth: registered by three that agree, asked for at a log-in."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth.attendant import (
    GIVEN_UP,
    MISSES,
    PRESENTATIONS,
    REGISTERED,
    Presented,
    Presenting,
    attendant_fmr,
    ended,
    present,
    prompt,
)
from edge.booth.entries import LOGGED_IN
from edge.booth.shift import FAILED, SIGNED
from edge.keys import BoothKeys
from edge.people import People, make_person
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import Booth, desk_of, enrol
from tests.edge.booth.test_shift import PINS, log_in, sealed
from tests.edge.parts import steady

REGISTER = Presenting("register", "an", 2, ((REGISTERED, {"person": "an"}),), quality_wanted=40)
LOG_IN = Presenting("log-in", "an", 2, ((LOGGED_IN, {"person": "an"}),), ((FAILED, {"person": "an"}),))
GOOD = Presented(80, None, frozenset(), True, {"score": 20.0})

samples = st.builds(
    Presented,
    quality=st.integers(0, 100),
    hint=st.none() | st.just("press lightly"),
    persons=st.frozensets(st.sampled_from(["an", "binh"])),
    as_before=st.booleans(),
    facts=st.just({}),
)


@steady(300)
@given(st.sampled_from([REGISTER, LOG_IN]), st.lists(samples, min_size=5, max_size=5))
def test_it_ends_after_five_samples_whatever_they_are_and_never_by_a_wrong_one(
    begun: Presenting, shown: list[Presented]
) -> None:
    now: Presenting | None = begun
    kept = missed = 0
    for sample in shown:
        if begun.purpose == "log-in":
            right = "an" in sample.persons
        else:
            right = "binh" not in sample.persons and sample.quality >= 40 and (sample.as_before or kept == 0)
        outcome = present(begun if now is None else now, sample)
        kept, missed = kept + right, missed + (not right)
        assert outcome.keep is (right and begun.purpose == "register")
        if right and kept == begun.of:
            assert (outcome.done, outcome.presenting) == (True, None)
            assert [kind for kind, _ in outcome.entries] == [kind for kind, _ in begun.success]
            return
        if missed == MISSES:
            assert (outcome.done, outcome.presenting, outcome.entries) == (False, None, begun.failure)
            return
        now = outcome.presenting
        assert now is not None
        assert (now.taken, now.missed, outcome.entries) == (kept, missed, ())
        assert (now.hint is None) == right
    raise AssertionError("it did not end")


@pytest.mark.parametrize(
    ("begun", "sample", "said"),
    [
        (REGISTER, GOOD, "an, place the right index on the scanner (2 of 3)"),
        (
            REGISTER,
            replace(GOOD, quality=39, hint="press lightly"),
            "press lightly: an, place the right index",
        ),
        (
            REGISTER,
            replace(GOOD, persons=frozenset({"binh"})),
            "this finger is registered as one of binh: an,",
        ),
        (
            replace(REGISTER, taken=1),
            replace(GOOD, as_before=False),
            "this is not the finger shown before: an,",
        ),
        (
            LOG_IN,
            GOOD,
            "this is no registered finger of an: an, place a registered finger on the scanner, as",
        ),
    ],
)
def test_what_is_asked_next_says_what_was_wrong(begun: Presenting, sample: Presented, said: str) -> None:
    following = present(begun, sample).presenting
    assert following is not None
    assert prompt(following).startswith(said)


def test_how_it_ended_is_one_sentence() -> None:
    assert ended(REGISTER, True).text == "the right index of an is registered"
    assert ended(REGISTER, False).text == "the right index of an is not registered"
    assert ended(LOG_IN, True).text == "an is logged in"
    assert ended(LOG_IN, False).text == "an is not logged in: no registered finger was shown"


def test_the_score_and_the_device_are_kept_with_what_is_recorded() -> None:
    outcome = present(LOG_IN, replace(GOOD, persons=frozenset({"an"})))
    assert outcome.entries == ((LOGGED_IN, {"person": "an", "score": 20.0}),)


@pytest.mark.parametrize("impressions", [10, 20])
def test_as_few_subjects_pass_for_an_attendant_however_many_attendants_there_are(impressions: int) -> None:
    """Stated: the chance that no impression passes, as if comparisons were independent."""
    for templates in (6, 24, 120):
        none = (1 - attendant_fmr(2.5e-4, impressions, templates)) ** (impressions * templates)
        assert 1 - none <= 2.6e-4
    assert attendant_fmr(2.5e-4, 2, 1) == 1e-5, "no check is looser than that"
    assert attendant_fmr(2.5e-4, 0, 0) == 1e-5


@pytest.fixture
def people(store: Store, keys: BoothKeys) -> People:
    people = People(Vault(store, keys.vault))
    people.add(make_person("an", "operator", PINS["an"]))
    people.add(make_person("binh", "supervisor", PINS["binh"]))
    return people


@pytest.fixture
def booth(store: Store, keys: BoothKeys, people: People) -> Booth:
    return Booth(desk_of(store, keys))


def register(booth: Booth, request_id: str, supervisor: str = "binh", **more: Any) -> Any:
    pin = sealed(booth, PINS[supervisor], request_id)
    words = {"request_id": request_id, "person": "an", "position": 2, "supervisor": supervisor, "pin": pin}
    return booth.send("register-finger", {**words, **more})


def test_a_finger_is_registered_by_a_supervisors_word_alone(booth: Booth) -> None:
    verdict = register(booth, "r1")
    assert verdict.reply.reason == "an, place the right index on the scanner (1 of 3)"
    assert verdict.presenting.success == ((REGISTERED, {"person": "an", "position": 2, "signed_by": "binh"}),)
    assert "an is no supervisor" in register(booth, "r2", supervisor="an").reply.reason
    assert "nobody is called minh" in register(booth, "r3", person="minh").reply.reason
    wrong = register(booth, "r4", pin=sealed(booth, "000111", "r4"))
    assert (wrong.reply.outcome, wrong.presenting) == ("refused", None)
    assert next(kind for kind, _ in wrong.entries) == FAILED


def test_whose_finger_is_registered_is_in_only_when_it_was_shown(booth: Booth, people: People) -> None:
    people.register("an", 2, [b"template"] * PRESENTATIONS)
    verdict = log_in(booth, "an", PINS["an"], "l1")
    assert verdict.reply.outcome == "accepted"
    assert verdict.presenting is not None
    assert verdict.presenting.success == ((LOGGED_IN, {"person": "an", "role": "operator"}),)
    assert booth.desk.shift.operator is None
    people.forget_fingers("an")
    assert log_in(booth, "an", PINS["an"], "l2").presenting is None
    assert booth.desk.shift.operator == "an"


def test_a_log_in_without_the_finger_is_signed_by_another_supervisor(booth: Booth, people: People) -> None:
    people.register("an", 2, [b"template"])
    people.register("binh", 2, [b"template"])

    def without(person: str, request_id: str, **more: str) -> Any:
        pin = sealed(booth, PINS[person], request_id)
        words = {"request_id": request_id, "person": person, "pin": pin, "without_finger": "bandaged"}
        return booth.send("login", {**words, **more})

    alone = without("an", "w1")
    assert (alone.reply.outcome, alone.reply.wants) == ("refused", "supervisor")
    own = without("binh", "w2", supervisor="binh", supervisor_pin=sealed(booth, PINS["binh"], "w2"))
    assert "cannot sign for an own log-in" in own.reply.reason
    assert booth.desk.shift.operator is None
    signed = without("an", "w3", supervisor="binh", supervisor_pin=sealed(booth, PINS["binh"], "w3"))
    assert (
        LOGGED_IN,
        {
            "person": "an",
            "role": "operator",
            "without_finger": "bandaged",
            "signed_by": "binh",
        },
    ) in signed.entries
    assert booth.desk.shift.operator == "an"


def test_the_scanner_belongs_to_one_matter_at_a_time(booth: Booth, people: People) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    presenting = register(booth, "r1").presenting
    waiting = booth.desk.judge(
        "enrol",
        b'{"request_id":"e1","identity_number":"001090000001"}',
        None,
        booth.at,
        presenting=presenting,
    )
    assert waiting.reply.reason == "a finger of an is awaited: show it, or send 'abandon' first"
    out = booth.desk.judge("logout", b'{"request_id":"o1"}', None, booth.at, presenting=presenting)
    assert out.reply.reason == waiting.reply.reason, "who hands a card over does not go meanwhile"
    given_up = booth.desk.judge(
        "abandon", b'{"request_id":"a1","reason":"later"}', None, booth.at, presenting=presenting
    )
    assert (given_up.reply.outcome, given_up.presented, given_up.presenting) == ("accepted", True, None)
    booth.send("enrol", enrol("e2"))
    assert "has the scanner" in register(booth, "r2").reply.reason
    people.register("binh", 2, [b"template"])
    assert "has the scanner" in log_in(booth, "binh", PINS["binh"], "l2").reply.reason


def test_what_is_awaited_is_given_up_with_its_reason_and_an_enrolment_never_by_that(
    booth: Booth, people: People
) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    presenting = register(booth, "r1").presenting

    def abandon(request_id: str, awaited: str, current: Any = None) -> Any:
        words = {"request_id": request_id, "reason": "later", "awaited": awaited}
        return booth.desk.judge(
            "abandon", json.dumps(words).encode(), current, booth.at, presenting=presenting
        )

    given_up = abandon("a1", "r1")
    (kind, body), over, _ = given_up.entries
    assert (kind, body["purpose"], body["person"], body["reason"]) == (GIVEN_UP, "register", "an", "later")
    assert given_up.attended.text == "later: the right index of an is not registered"
    assert over == (
        "command.ended",
        {"request_id": "r1", "outcome": "failed", "reason": given_up.attended.text},
    )
    assert "that finger is not awaited any more" in abandon("a2", "r0").reply.reason
    booth.send("enrol", enrol("e1"))
    presenting = None
    late = abandon("a3", "r1", booth.current)
    assert (late.reply.outcome, late.presented) == ("refused", False)
    assert [kind for kind, _ in late.entries] == ["command.answered"]


def test_what_takes_the_place_of_an_awaited_finger_gives_it_up(booth: Booth, people: People) -> None:
    log_in(booth, "an", PINS["an"], "l1")
    presenting = register(booth, "r1").presenting
    pin = sealed(booth, PINS["binh"], "l2")
    payload = json.dumps({"request_id": "l2", "person": "binh", "pin": pin}).encode()
    verdict = booth.desk.judge("login", payload, None, booth.at, presenting=presenting)
    kind, body = verdict.entries[0]
    assert (kind, body["reason"]) == (GIVEN_UP, "'login' was sent")
    assert verdict.attended is not None


def test_a_log_in_cannot_be_signed_as_an_override(booth: Booth) -> None:
    """A signature for a registration is no entry of an override."""
    assert SIGNED not in [kind for kind, _ in register(booth, "r1").entries]


def test_registering_again_takes_the_place_and_removing_the_person_takes_all(people: People) -> None:
    people.register("an", 2, [b"a", b"b", b"c"])
    people.register("an", 7, [b"d"])
    people.register("an", 2, [b"e"])
    people.register("binh", 1, [b"f"])
    assert sorted(people.fingers()) == [("an", 2, b"e"), ("an", 7, b"d"), ("binh", 1, b"f")]
    assert people.positions_of("an") == [2, 7]
    people.remove("an")
    assert people.fingers() == [("binh", 1, b"f")]
