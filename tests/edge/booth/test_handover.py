"""A card goes to its holder: what it is compared with, what is kept of it, who may sign without a finger."""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth.attendant import HOLDER, MISSES, RECORD, Presented, Presenting, ended, present, prompt
from edge.booth.handover import HANDED_OVER, NOT_MATCHED, NOT_VERIFIED, VERIFIED, fingers_of_card
from edge.booth.plan import plan_named
from edge.errors import BadCommand
from edge.keys import BoothKeys
from edge.messages import POSITION_NAMES, HandOver
from edge.people import People, make_person
from edge.store import Store
from edge.vault import ENROLLED, Label, Vault, gallery_id
from matching import card, iso19794, serial
from matching.template import MINUTIA, Template
from tests.edge.booth.test_commands import SETTINGS, Booth, desk_of
from tests.edge.booth.test_shift import PINS, log_in, sealed
from tests.edge.parts import AT, CLOCK, NUMBER, steady

MINUTIAE = np.array([(40 + 20 * n, 60 + 15 * n, 0.3 * n, 1, 80) for n in range(12)], MINUTIA)
TEMPLATE = Template(MINUTIAE, width=300, height=400)


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys))


@pytest.fixture
def vault(store: Store, keys: BoothKeys) -> Vault:
    return Vault(store, keys.vault)


def enrolled(booth: Booth, vault: Vault, *positions: int, enrolment: str = "e1", **more: Any) -> str:
    """Somebody was enrolled here with these fingers; `more`: what the sealing entry says."""
    subject = booth.desk.keys.subject_of(NUMBER)
    for position in positions:
        label = Label(gallery_id(enrolment, position), ENROLLED, enrolment, subject, position)
        vault.put(label, f"template {enrolment} {position}".encode())
    body = {
        "enrolment": enrolment,
        "subject": subject,
        "outcome": "enrolled",
        "packet": f"packet {enrolment}",
        **more,
    }
    booth.desk.journal.append("enrolment.sealed", body, AT, CLOCK)
    return subject


def ask(booth: Booth, request_id: str = "h1", **more: Any) -> Any:
    return booth.send("hand-over", {"request_id": request_id, "identity_number": NUMBER, **more})


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("there", "asked", "shown"),
    [((1, 2, 7), None, 2), ((1, 6, 7), None, 7), ((3, 4), None, 3), ((1, 2, 7), 1, 1)],
)
def test_an_index_finger_of_the_record_is_asked_for_or_the_one_that_is_named(
    booth: Booth, vault: Vault, there: tuple[int, ...], asked: int | None, shown: int
) -> None:
    subject = enrolled(booth, vault, *there)
    verdict = ask(booth, **({"position": asked} if asked else {}))
    assert verdict.reply.outcome == "accepted"
    presenting = verdict.presenting
    assert (presenting.position, presenting.holder) == (shown, (f"template e1 {shown}".encode(), "vantay"))
    assert presenting.fmr == SETTINGS.comparison.hand_over_fmr == 1e-4
    ((kind, body),) = presenting.success
    assert kind == HANDED_OVER
    assert body == {
        "subject": subject,
        "operator": None,
        "fmr": 1e-4,
        "packet": "packet e1",
        "source": "record",
        "position": shown,
    }
    assert presenting.failure == ((NOT_MATCHED, body),)
    assert NUMBER not in booth.everything_said()


def test_the_newest_record_of_a_number_counts(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2, enrolment="e1")
    enrolled(booth, vault, 2, enrolment="e2", renewal="same", renews=["e1"])
    presenting = ask(booth).presenting
    assert presenting.holder == (b"template e2 2", "vantay")
    assert presenting.success[0][1]["packet"] == "packet e2"


def test_two_peoples_fingers_under_one_number_are_never_one_record(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2, 7, enrolment="e1")
    enrolled(booth, vault, 7, enrolment="e2", renewal="same", renews=["e1"])
    presenting = ask(booth).presenting
    assert (presenting.position, presenting.holder) == (7, (b"template e2 7", "vantay"))
    assert presenting.success[0][1]["packet"] == "packet e2"
    other = ask(booth, "h2", position=2).reply
    assert (other.outcome, other.reason) == ("refused", "the record has no right index: it has left index")


@pytest.mark.parametrize("name", ["hand-over", "verify"])
@pytest.mark.parametrize("newest", [{}, {"renewal": "another", "renews": ["e1"]}])
def test_no_card_goes_by_the_newest_of_records_that_are_not_known_to_be_one_persons(
    booth: Booth, vault: Vault, name: str, newest: dict[str, Any]
) -> None:
    """Whoever came under another's number, by a supervisor's word or unnoticed, does not get the card."""
    enrolled(booth, vault, 2, enrolment="e1")
    enrolled(booth, vault, 2, enrolment="e2", **newest)
    word = {"identity_number": NUMBER, **({"without_finger": "burnt"} if name == "hand-over" else {})}
    for request_id in ("h1", "h2"):
        reply = booth.send(name, {"request_id": request_id, **word}).reply
        assert (reply.outcome, reply.wants) == ("refused", "card")
        assert "not known to be one person's" in reply.reason
        word.pop("without_finger", None)
    enrolled(booth, vault, 2, enrolment="e3", renewal="same", renews=["e2"])
    assert ask(booth, "h3").reply.wants == "card", "a renewal of the newest says nothing of the oldest"
    data = card.write(TEMPLATE, card.COMPACT)
    verdict = booth.send(name, {"request_id": "h4", "identity_number": NUMBER, "card": encoded(data),
                                "card_format": "iso-compact", "position": 2})  # fmt: skip
    assert verdict.reply.outcome == "accepted"
    assert verdict.presenting
    assert verdict.presenting.holder == (data, "iso-compact"), "the card says whom it was made for"
    assert verdict.presenting.record is None
    assert "packet" not in verdict.presenting.success[0][1], "of none of the records is it known"
    assert "not known to be one person's: only the card is compared" in verdict.reply.reason


def test_nothing_to_compare_with_is_said(booth: Booth, vault: Vault) -> None:
    stranger = ask(booth).reply
    assert (stranger.outcome, stranger.wants) == ("refused", "card")
    assert "nobody was enrolled here with this number" in stranger.reason
    enrolled(booth, vault, 2)
    lacking = ask(booth, "h2", position=9).reply
    assert (lacking.reason, lacking.wants) == ("the record has no left ring: it has right index", "position")


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("iso-compact", card.write(TEMPLATE, card.COMPACT)),
        ("iso-normal", card.write(TEMPLATE, card.NORMAL)),
        ("iso-compact", card.wrapped(card.write(TEMPLATE, card.COMPACT))),
        ("iso-normal", card.wrapped(card.write(TEMPLATE, card.NORMAL))),
        ("iso", iso19794.write(TEMPLATE)),
    ],
)
def test_a_cards_template_serves_for_whom_nobody_enrolled_here(booth: Booth, form: str, data: bytes) -> None:
    verdict = ask(booth, card=encoded(data), card_format=form, position=7)
    assert verdict.presenting.holder == (data, form)
    assert verdict.presenting.success[0][1]["source"] == "card"
    assert verdict.presenting.record is None
    assert "packet" not in verdict.presenting.success[0][1]
    alone = "no record is here under this number: only the card"
    assert f"{alone} is compared" in verdict.reply.reason, "before the card goes"
    assert f"{alone} was compared" in ended(verdict.presenting, True).text
    assert encoded(data) not in booth.everything_said(), "a template is told nobody"
    unnamed = ask(booth, "h2", card=encoded(data), card_format=form).reply
    assert (unnamed.outcome, unnamed.wants) == ("refused", "position")


@steady(150)
@given(st.binary(max_size=400), st.sampled_from(["iso-compact", "iso-normal", "iso", "ansi"]))
def test_whatever_a_card_holds_is_taken_or_refused_in_one_sentence(data: bytes, form: Any) -> None:
    refusal = ""
    try:
        assert fingers_of_card(encoded(data), form, 2)[2] == (data, form)
    except BadCommand as error:
        refusal = str(error)
    assert not refusal or refusal.startswith(f"the card's template cannot be read as {form}: ")


def test_three_fingers_of_somebody_else_keep_the_card_here(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2)
    now = ask(booth).presenting
    assert prompt(now) == "place the right index on the scanner, to receive the card"
    stranger = Presented(80, None, frozenset(), False, {"quality": 80, "score": None})
    for _ in range(MISSES - 1):
        now = present(now, stranger).presenting
        assert prompt(now).startswith("this is not the right index of the card's holder: place")
    outcome = present(now, stranger)
    assert (outcome.presenting, outcome.done, outcome.entries[0][0]) == (None, False, NOT_MATCHED)
    holder = Presented(80, None, frozenset({HOLDER}), False, {"quality": 80, "score": 31.0})
    ((kind, body),) = present(now, holder).entries
    assert (kind, body["score"], body["fmr"]) == (HANDED_OVER, 31.0, 1e-4)


def holders(quality: int, hint: str | None = None, score: float = 31.0) -> Presented:
    return Presented(quality, hint, frozenset({HOLDER}), False, {"quality": quality, "score": score})


@pytest.mark.parametrize("position", range(1, 11))
@pytest.mark.parametrize("name", ["hand-over", "verify"])
def test_a_sample_below_the_plans_threshold_for_the_finger_is_asked_for_again_with_its_hint(
    booth: Booth, vault: Vault, name: str, position: int
) -> None:
    wanted = plan_named("verify").quality.plain.of(position)
    enrolled(booth, vault, position)
    now = booth.send(name, {"request_id": "p1", "identity_number": NUMBER}).presenting
    assert now
    assert now.quality_wanted == wanted > 1
    assert present(now, holders(wanted)).done
    again = present(now, holders(wanted - 1, "press harder")).presenting
    assert again
    assert prompt(again).startswith(f"press harder: place the {POSITION_NAMES[position]} on the scanner")
    silent = present(now, holders(wanted - 1)).presenting
    assert silent
    assert prompt(silent).startswith(f"the sample of the {POSITION_NAMES[position]} is too poor: place")


def test_of_samples_that_are_all_poor_one_that_matches_counts_within_the_attempts(
    booth: Booth, vault: Vault
) -> None:
    """BSI has the best of three kept; nobody with worn fingers goes without the card for quality alone."""
    enrolled(booth, vault, 2)
    begun = ask(booth).presenting
    poor, good = (
        Presented(1, "dry", frozenset(), False, {"score": None}),
        Presented(80, None, frozenset(), False, {"score": None}),
    )
    for shown, kind, score in (
        ([holders(1), poor, poor], HANDED_OVER, 31.0),
        ([holders(1), holders(1, score=12.0), holders(1, score=14.0)], HANDED_OVER, 14.0),
        ([poor, poor, holders(1, score=12.0)], HANDED_OVER, 12.0),
        ([holders(1), poor, good], NOT_MATCHED, None),
        ([holders(1), good, poor], NOT_MATCHED, None),
        ([poor, poor, poor], NOT_MATCHED, None),
    ):
        now, outcome = begun, None
        for number, sample in enumerate(shown):
            outcome = present(now, sample)
            assert (outcome.presenting is None) == (number == MISSES - 1), "three attempts, no more"
            now = outcome.presenting
        assert outcome
        ((told, body),) = outcome.entries
        assert (told, body.get("score"), outcome.done) == (kind, score, kind == HANDED_OVER)


CARD = card.write(TEMPLATE, card.COMPACT)


def shows(*whose: str, quality: int = 80) -> Presented:
    """What the matcher says of one sample: whose template it matches."""
    return Presented(quality, None, frozenset(whose), False, {"quality": quality, "score": 9.0})


def through(now: Presenting, *samples: Presented) -> tuple[str, dict[str, Any], str]:
    """Show these; return what was recorded, and what was said."""
    for sample in samples[:-1]:
        again = present(now, sample).presenting
        assert again
        now = again
    outcome = present(now, samples[-1])
    assert outcome.presenting is None
    ((kind, body),) = outcome.entries
    return kind, body, ended(now, outcome.done, outcome.met).text


def by_card(booth: Booth, name: str = "hand-over", position: int = 2, data: bytes = CARD) -> Presenting:
    """Begin with the card's template."""
    word = {"identity_number": NUMBER, "card": encoded(data), "position": position}
    verdict = booth.send(name, {"request_id": f"c{position}", **word})
    assert verdict.presenting, verdict.reply.reason
    return verdict.presenting


def test_no_card_goes_out_under_a_number_whose_record_is_another_persons(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2, 7)
    begun = by_card(booth)
    assert begun.templates == [(HOLDER, CARD, "iso-compact"), (RECORD, b"template e1 2", "vantay")]
    assert prompt(begun) == "place the right index on the scanner, to receive the card"
    wrong_number = present(begun, shows(HOLDER)).presenting
    assert wrong_number
    half = "that of the card, but not that of the record made here under this number"
    assert prompt(wrong_number).startswith(f"this finger is {half} (check the number): place")
    kind, body, text = through(begun, *[shows(HOLDER)] * MISSES)
    assert (kind, body["source"], body["matched"]) == (NOT_MATCHED, "both", ["card"])
    assert text == f"the right index is {half}: check the number; the card stays here"

    kind, body, text = through(begun, *[shows(RECORD)] * MISSES)
    assert (kind, body["matched"]) == (NOT_MATCHED, ["record"])
    half = "that of the record made here under this number, but not that of the card"
    assert text == f"the right index is {half}: check whose card it is; the card stays here"
    kind, body, text = through(begun, *[shows()] * MISSES)
    assert (kind, body["matched"]) == (NOT_MATCHED, [])
    assert text == "the right index is not the holder's: the card stays here"
    kind, body, text = through(begun, shows(HOLDER, RECORD))
    assert (kind, body["source"], body["packet"]) == (HANDED_OVER, "both", "packet e1")
    assert text == "the right index is the holder's: the card may be handed over"


def test_a_card_and_the_record_are_matched_by_one_sample_and_attempts_are_as_before(
    booth: Booth, vault: Vault
) -> None:
    """Two people, each with one of both, do not get it; nobody is refused for one poor sample."""
    enrolled(booth, vault, 2)
    begun = by_card(booth)
    assert begun.attempts == MISSES
    kind, body, text = through(begun, shows(HOLDER), shows(RECORD), shows(HOLDER))
    assert (kind, body["matched"]) == (NOT_MATCHED, ["card", "record"])
    assert text == "the right index is not the holder's: the card stays here"
    both, poor = shows(HOLDER, RECORD), shows(HOLDER, RECORD, quality=1)
    for samples in (
        [shows(HOLDER), shows(), both],
        [shows(HOLDER, quality=1), shows(RECORD), both],
        [poor, shows(HOLDER, quality=1), shows(quality=1)],
        [shows(HOLDER), shows(HOLDER), poor],
    ):
        kind, body, _ = through(begun, *samples)
        assert kind == HANDED_OVER
        assert "matched" not in body
    assert through(begun, poor, shows(HOLDER), shows(HOLDER, quality=1))[0] == NOT_MATCHED, "void"


@steady(200)
@given(
    st.lists(
        st.builds(shows, *[st.sampled_from([HOLDER, RECORD, "an"])] * 2, quality=st.sampled_from([1, 80])),
        min_size=MISSES,
        max_size=MISSES,
    )
)
def test_no_card_goes_without_one_sample_that_matches_both(samples: list[Presented]) -> None:
    body = {"subject": "s", "source": "both"}
    now: Presenting | None = Presenting(
        "hand-over", HOLDER, 2, ((HANDED_OVER, body),), ((NOT_MATCHED, body),),
        quality_wanted=20, holder=(CARD, "iso-compact"), record=b"template",
    )  # fmt: skip
    seen: list[Presented] = []
    while now:
        seen.append(samples[len(seen)])
        outcome = present(now, seen[-1])
        now = outcome.presenting
    assert outcome.done <= any({HOLDER, RECORD} <= one.persons for one in seen)
    assert [kind for kind, _ in outcome.entries] == [HANDED_OVER if outcome.done else NOT_MATCHED]


def test_a_record_without_the_cards_finger_is_not_said_to_have_been_compared(
    booth: Booth, vault: Vault
) -> None:
    enrolled(booth, vault, 7)
    begun = by_card(booth)
    assert (begun.position, begun.record) == (2, None)
    alone = "the record made here under this number has no right index: only the card"
    assert prompt(begun) == f"place the right index on the scanner, to receive the card ({alone} is compared)"
    kind, body, text = through(begun, shows(HOLDER))
    assert (kind, body["source"], "packet" in body) == (HANDED_OVER, "card", False)
    assert text == f"the right index is the holder's: the card may be handed over; {alone} was compared"


def test_of_a_card_with_several_fingers_one_that_the_record_has_is_asked_for(
    booth: Booth, vault: Vault
) -> None:
    enrolled(booth, vault, 7, 9)
    fingers = [replace(TEMPLATE, position=position) for position in (2, 9, 7)]
    data = iso19794.write(*fingers)
    word = {"identity_number": NUMBER, "card": encoded(data), "card_format": "iso"}
    for request_id, named, asked in (("h1", 2, 7), ("h2", 9, 9)):
        presenting = booth.send("hand-over", {"request_id": request_id, **word, "position": named}).presenting
        assert presenting
        assert (presenting.position, presenting.record) == (asked, f"template e1 {asked}".encode())
        assert presenting.holder
        shown = serial.from_bytes(presenting.holder[0])
        assert (shown.position, presenting.holder[1]) == (asked, "vantay")
        assert presenting.success[0][1]["packet"] == "packet e1"


def test_a_record_whose_fingers_are_gone_is_not_compared(booth: Booth, vault: Vault) -> None:
    """A spare box knows the number, and has no template."""
    enrolled(booth, vault)
    begun = by_card(booth)
    assert (begun.record, begun.success[0][1]["source"]) == (None, "card")
    assert "no finger of the record under this number is here: only the card is compared" in prompt(begun)


def test_verifying_with_a_card_looks_at_the_record_as_well(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2)
    begun = by_card(booth, "verify")
    kind, body, text = through(begun, *[shows(HOLDER)] * MISSES)
    assert (kind, body["matched"]) == (NOT_VERIFIED, ["card"])
    half = "that of the card, but not that of the record made here under this number"
    assert text == f"the right index is {half}: check the number"
    assert through(begun, *[shows()] * MISSES)[2] == "the right index is not that of the card and the record"
    kind, body, text = through(begun, shows(HOLDER, RECORD))
    assert (kind, body["source"]) == (VERIFIED, "both")
    assert text == "the right index is that of the card and the record"
    alone = by_card(booth, "verify", position=7)
    text = through(alone, shows(HOLDER))[2]
    lacks = "the record made here under this number has no left index: only the card was compared"
    assert text == f"the left index is that of the card; {lacks}"


def test_without_a_finger_a_card_goes_as_before_whatever_template_is_sent(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 7)
    verdict = ask(booth, card=encoded(CARD), position=2, without_finger="burnt")
    assert verdict.reply.reason == "the card may be handed over without a finger: burnt"
    handed = next(body for kind, body in verdict.entries if kind == HANDED_OVER)
    assert (handed["source"], handed["position"], handed["packet"]) == ("card", None, "packet e1")


def test_a_template_that_does_not_open_is_as_one_that_is_not_there(
    booth: Booth, vault: Vault, store: Store
) -> None:
    enrolled(booth, vault, 2, 7)
    store.db.execute("UPDATE vault SET data = zeroblob(9) WHERE id = ?", (gallery_id("e1", 2),))
    assert ask(booth).presenting.position == 7
    data = card.write(TEMPLATE, card.COMPACT)
    alone = ask(booth, "h2", card=encoded(data), card_format="iso-compact", position=2)
    assert "no right index" in alone.reply.reason


def test_verifying_hands_nothing_over(booth: Booth, vault: Vault) -> None:
    subject = enrolled(booth, vault, 1, 7, 10)
    verdict = booth.send("verify", {"request_id": "v1", "identity_number": NUMBER})
    presenting = verdict.presenting
    assert presenting
    assert (presenting.purpose, presenting.position, presenting.attempts) == ("verify", 7, 3)
    assert presenting.fmr == SETTINGS.comparison.verify_fmr == 1e-4
    assert prompt(presenting) == "place the left index on the scanner, to compare it"
    wrong = Presented(50, None, frozenset(), False, {"score": None})
    for _ in range(2):
        outcome = present(presenting, wrong)
        assert outcome.presenting
        presenting = outcome.presenting
    (failed,) = present(presenting, wrong).entries
    assert failed[0] == NOT_VERIFIED
    done = present(presenting, Presented(50, None, frozenset({HOLDER}), False, {"score": 9.0}))
    ((kind, body),) = done.entries
    assert (kind, body["subject"], body["source"], body["score"]) == (VERIFIED, subject, "record", 9.0)
    assert ended(presenting, True).text == "the left index is that of the record"
    assert ended(presenting, False).text == "the left index is not that of the record"


def test_verifying_has_no_way_around_the_finger(booth: Booth, vault: Vault) -> None:
    enrolled(booth, vault, 2)
    said = {"request_id": "v1", "identity_number": NUMBER, "without_finger": "none"}
    assert booth.send("verify", said).reply.outcome == "refused"


def test_without_a_finger_a_supervisor_signs_and_the_reason_is_kept(booth: Booth, vault: Vault) -> None:
    people = People(vault)
    people.add(make_person("an", "operator", PINS["an"]))
    people.add(make_person("binh", "supervisor", PINS["binh"]))
    enrolled(booth, vault, 2)
    assert ask(booth, "h0").reply.wants == "login"
    log_in(booth, "an", PINS["an"], "l1")
    assert ask(booth, "h1", without_finger="burnt").reply.wants == "person"
    pin = sealed(booth, PINS["binh"], "h2")
    verdict = ask(booth, "h2", without_finger="burnt", person="binh", pin=pin)
    assert verdict.reply.reason == "the card may be handed over without a finger: burnt"
    body = next(body for kind, body in verdict.entries if kind == HANDED_OVER)
    assert (body["without_finger"], body["signed_by"], body["operator"], body["position"]) == (
        "burnt",
        "binh",
        "an",
        None,
    )


def test_who_was_enrolled_without_a_finger_gets_the_card_at_a_supervisors_word(
    booth: Booth, keys: BoothKeys
) -> None:
    body = {"subject": keys.subject_of(NUMBER), "outcome": "enrolled", "packet": "p", "samples": {}}
    booth.desk.journal.append(
        "enrolment.sealed", {**body, "enrolment": "e1", "exception": "no-finger"}, AT, CLOCK
    )
    refused = ask(booth, "h1").reply
    assert (refused.outcome, refused.wants) == ("refused", "without_finger")
    verdict = ask(booth, "h2", without_finger="enrolled without a finger")
    assert verdict.reply.outcome == "accepted"
    handed = next(body for kind, body in verdict.entries if kind == HANDED_OVER)
    assert (handed["source"], handed["position"], handed["packet"]) == ("none", None, "p")


def test_the_command_is_as_long_as_a_card_can_be() -> None:
    words = {"request_id": "h", "identity_number": NUMBER}
    HandOver.model_validate({**words, "card": encoded(bytes(5 * 255))})
    with pytest.raises(ValueError, match="card"):
        HandOver.model_validate({**words, "card": encoded(bytes(7000))})
