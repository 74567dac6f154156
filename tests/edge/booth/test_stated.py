"""What is stated with `enrol`: refused by rule, warned of, compared with the worklist; and told nobody."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import enrolment as core
from edge.booth.commands import ANSWERED, CommandDesk
from edge.booth.shift import Shift
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.people import People
from edge.settings import BoothSettings, Subject
from edge.store import Store
from edge.subject import Birth
from edge.vault import Vault
from edge.worklist import Listed, Worklist
from tests.edge.booth.test_commands import SETTINGS, Booth, enrol
from tests.edge.parts import NUMBER, steady, undone

AN = Listed(NUMBER, "Nguyễn Hoà An", Birth(1990, 5, 17), "male", "school")
STATED = {"name": "Nguyễn Hòa An", "birth": "1990-05-17", "sex": "male"}
UNLISTED = "nobody on the booth's worklist has this number: check the number"


def booth_of(store: Store, keys: BoothKeys, *listed: Listed, settings: BoothSettings = SETTINGS) -> Booth:
    vault, journal = Vault(store, keys.vault), Journal(store)
    worklist = Worklist(vault, keys)
    for person in listed:
        worklist.put(person)
    return Booth(CommandDesk(settings, keys, journal, Shift("b-1", People(vault), journal), worklist))


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return booth_of(store, keys)


@pytest.fixture
def listing(store: Store, keys: BoothKeys) -> Booth:
    return booth_of(store, keys, AN)


def refused(booth: Booth, **stated: Any) -> tuple[str, str | None]:
    verdict = booth.send("enrol", enrol(f"r{len(booth.heard)}", **stated))
    assert verdict.reply.outcome == "refused"
    assert [kind for kind, _ in verdict.entries] == [ANSWERED]
    assert (verdict.identity, verdict.stated, booth.current) == (None, None, None)
    return verdict.reply.reason, verdict.reply.wants


def test_what_is_stated_goes_to_the_vault_as_typed_and_into_no_entry(booth: Booth) -> None:
    verdict = booth.send("enrol", enrol(**STATED))
    assert verdict.reply.outcome == "accepted"
    assert json.loads(verdict.stated or b"") == STATED
    assert booth.current is not None
    assert booth.current.warnings == ()
    assert booth.current.alarm is None


def test_where_only_the_number_is_stated_nothing_is_kept_besides(booth: Booth) -> None:
    verdict = booth.send("enrol", enrol())
    assert (verdict.reply.outcome, verdict.stated) == ("accepted", None)


@pytest.mark.parametrize(
    ("stated", "sentence", "wants"),
    [
        ({"sex": "female"}, "the sex is not the one that the number says", "sex"),
        ({"birth": "1991"}, "the birth year is not the one that the number says", "birth"),
        ({"birth": "1990-02-30"}, "the birth is no day of the calendar", "birth"),
        ({"name": "Lê An 2"}, "the name has a digit in it", "name"),
        ({"name": "   "}, "the name is empty", "name"),
        ({"identity_number": "001212000001", "birth": "2012-01-06"}, "the person is not yet 14", "birth"),
        ({"identity_number": "001213000001"}, "the person is not yet 14", "birth"),
        ({"identity_number": "001490000001"}, "the birth is in the future", "birth"),
        ({"identity_number": "012345678", "birth": "2020"}, "the person is not yet 14", "birth"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_begins(
    booth: Booth, stated: dict[str, str], sentence: str, wants: str
) -> None:
    reason, wanted = refused(booth, **stated)
    assert reason.startswith(sentence)
    assert wanted == wants
    assert booth.send("enrol", enrol("right")).reply.outcome == "accepted", "and set right it is taken"


def test_fourteen_today_is_old_enough_by_the_calendar_of_the_booth(store: Store, keys: BoothKeys) -> None:
    """At 18:00 UTC it is the next day in Hanoi; a day is also a birthday there."""
    booth = booth_of(store, keys)
    stated = {"identity_number": "001212000001", "birth": "2012-01-06"}
    booth.at = "2026-01-05T16:59:00.000Z"
    assert refused(booth, **stated)[0].startswith("the person is not yet 14")
    booth.at = "2026-01-05T17:00:00.000Z"
    assert booth.send("enrol", enrol("now", **stated)).reply.outcome == "accepted"


def test_from_six_where_the_settings_say_so(store: Store, keys: BoothKeys) -> None:
    booth = booth_of(store, keys, settings=SETTINGS.model_copy(update={"subject": Subject(least_age=6)}))
    assert refused(booth, identity_number="001220000001", birth="2020-01-06")[0].startswith(
        "the person is not yet 6"
    )
    accepted = booth.send("enrol", enrol("six", identity_number="001220000001", birth="2020-01-05"))
    assert accepted.reply.outcome == "accepted"


def test_by_a_clock_that_is_not_set_nobody_is_refused_for_the_age(booth: Booth) -> None:
    payload = json.dumps(enrol(identity_number="001213000001")).encode()
    verdict = booth.desk.judge("enrol", payload, None, "1970-01-01T00:00:00.000Z", clock_is_set=False)
    assert verdict.reply.outcome == "accepted"
    begun = core.fold(verdict.entries)
    assert begun is not None
    assert begun.warnings[0].startswith("by a clock that is not set, the birth is in the future")


@pytest.mark.parametrize(
    ("stated", "warning"),
    [
        ({"identity_number": "123090000001"}, "the number begins with no province's code"),
        ({"identity_number": "012345678", "birth": "1990"}, "this is an old number of 9 digits"),
        ({"identity_number": "001212000001"}, "whether the person is 14 today cannot be told"),
        ({"name": "An"}, "the name is one word"),
        ({"name": "Nguyễn Vаn An"}, "the name has a letter that Vietnamese is not written with"),
    ],
)
def test_what_is_only_odd_is_a_warning_that_the_state_shows(
    booth: Booth, stated: dict[str, str], warning: str
) -> None:
    assert booth.send("enrol", enrol(**stated)).reply.outcome == "accepted"
    assert booth.current is not None
    assert [text[: len(warning)] for text in booth.current.warnings] == [warning]
    assert booth.current.alarm is None


def test_a_booth_without_a_worklist_asks_for_the_number_alone(store: Store, keys: BoothKeys) -> None:
    assert booth_of(store, keys).desk.asks == ()
    assert booth_of(store, keys, AN).desk.asks == ("name", "birth", "sex")


def test_who_is_on_the_worklist_is_compared(listing: Booth) -> None:
    for key in STATED:
        stated = {k: v for k, v in STATED.items() if k != key}
        reason, wants = refused(listing, **stated)
        assert "this number is on the booth's worklist: state name, birth and sex, too" in reason
        assert wants == key
    assert listing.send("enrol", enrol("all", **STATED)).reply.outcome == "accepted"
    assert listing.current is not None
    assert (listing.current.warnings, listing.current.findings) == ((), ())


def test_who_is_not_on_the_worklist_is_warned_of_and_enrolled(listing: Booth) -> None:
    assert listing.send("enrol", enrol(identity_number="001090000009")).reply.outcome == "accepted"
    assert listing.current is not None
    assert listing.current.warnings == (UNLISTED,)


@pytest.mark.parametrize(
    ("changes", "differing", "words"),
    [
        ({"name": "Nguyễn Hoá An"}, ["name"], "another name"),
        ({"birth": "1990-05-18"}, ["birth"], "another birth"),
        ({"birth": "1990"}, [], ""),
        ({"name": "Lê An", "birth": "1990-05-18"}, ["name", "birth"], "another name, another birth"),
    ],
)
def test_what_the_worklist_says_otherwise_is_a_finding_that_an_override_settles(
    listing: Booth, changes: dict[str, str], differing: list[str], words: str
) -> None:
    verdict = listing.send("enrol", enrol(**{**STATED, **changes}))
    assert verdict.reply.outcome == "accepted", "the person stays, and the alarm is raised"
    assert listing.current is not None
    assert [f["of"] for f in listing.current.findings] == ([differing] if differing else [])
    if differing:
        assert listing.current.alarm == f"the worklist says otherwise of this number: {words}"
        assert listing.send("override", {"request_id": "o", "reason": "misspelt"}).reply.outcome == "accepted"
        assert listing.current.alarm is None
        assert listing.current.findings[-1]["finding"] == core.OVERRIDDEN
    assert listing.current.alarm is None


def test_another_sex_on_the_worklist_is_found_for_an_old_number(store: Store, keys: BoothKeys) -> None:
    old = Listed("012345678", "Lê An", Birth(1990), "female", "hamlet")
    booth = booth_of(store, keys, old)
    booth.send("enrol", enrol(identity_number="012345678", name="Lê An", birth="1990", sex="male"))
    assert booth.current is not None
    assert booth.current.findings[0]["of"] == ["sex"]


def test_a_mismatch_can_be_given_up_instead(listing: Booth) -> None:
    listing.send("enrol", enrol(**{**STATED, "name": "Lê An"}))
    assert (
        listing.send("abandon", {"request_id": "a", "reason": "a wrong number"}).reply.outcome == "accepted"
    )
    assert listing.current is None


def test_whoever_is_deceased_by_the_worklist_is_an_alarm(store: Store, keys: BoothKeys) -> None:
    booth = booth_of(store, keys, AN.in_state("deceased"))
    booth.send("enrol", enrol(**STATED))
    assert booth.current is not None
    assert booth.current.alarm == "the worklist says otherwise of this number: the person is deceased"


@pytest.mark.parametrize("state", ["due", "absent", "abroad", "moved", "deferred"])
def test_whoever_comes_all_the_same_is_enrolled_with_a_word(
    store: Store, keys: BoothKeys, state: str
) -> None:
    booth = booth_of(store, keys, AN.in_state(state, "in hospital"))
    booth.send("enrol", enrol(**STATED))
    assert booth.current is not None
    expected = () if state in ("due", "absent") else (f"the worklist has this person as {state}",)
    assert (booth.current.warnings, booth.current.alarm) == (expected, None)


@steady(150)
@given(
    st.sampled_from([NUMBER, "001190000002", "012345678", "99", "001213000001"]),
    st.none() | st.sampled_from(["Nguyễn Hoá An", "Secretly", "Nguyễn 7", "  "]) | st.text(max_size=9),
    st.none() | st.sampled_from(["1990-05-17", "1990", "2012-12-30", "1990-02-30"]),
    st.none() | st.sampled_from(["male", "female"]),
    st.sampled_from(["due", "deceased", "moved"]),
)
def test_whatever_is_stated_is_told_nobody(
    shared_store: Store,
    keys: BoothKeys,
    number: str,
    name: str | None,
    birth: str | None,
    sex: str | None,
    state: str,
) -> None:
    """Neither what is typed nor what is listed is in the journal or in a reply."""
    with undone(shared_store):
        booth = booth_of(shared_store, keys, AN.in_state(state))
        stated = {"identity_number": number, "name": name, "birth": birth, "sex": sex}
        booth.send("enrol", enrol(**{key: value for key, value in stated.items() if value is not None}))
        said = booth.everything_said()
        for secret in (
            number if len(number) > 2 else None,
            AN.name,
            AN.number,
            birth if birth != "1990" else None,
        ):
            assert secret is None or secret not in said
        for word in ("Nguyễn", "Secretly", "female", "school"):
            assert word not in said
        assert not re.search(r"\b1990\b", said), "hashes may have any digits"
