"""Two pairs of eyes: whoever worked on something does not sign for it, whoever is logged in by then."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.booth import enrolment as core
from edge.booth.commands import CommandDesk
from edge.booth.handover import NOT_MATCHED
from edge.booth.plan import plan_named
from edge.booth.shift import SIGNED, Shift
from edge.booth.station import StationDesk
from edge.booth.station_answer import SETTLED_LATER
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.people import People, make_person
from edge.settings import Plan, Station
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import SETTINGS, Booth, desk_of, enrol
from tests.edge.booth.test_enrolment import sample
from tests.edge.booth.test_handover import enrolled
from tests.edge.booth.test_shift import log_in, sealed
from tests.edge.parts import AT, CLOCK, NUMBER

PINS = {"an": "271828", "binh": "314159", "chi": "161803"}  # an operator, and two supervisors
ALARMS = {
    core.NO_FINGER: None,
    core.ALREADY_ENROLLED: "s0",
    core.LIST_DIFFERS: ["name"],
    core.EARLIER_DIFFERS: None,
    core.ATTENDANT_FINGER: "dung",
    core.SEQUENCE_ERROR: [2],
}
SENTENCE = "binh is or was the operator of this: {} needs another pair of eyes"


@pytest.fixture
def booth(store: Store, keys: BoothKeys, monkeypatch: pytest.MonkeyPatch) -> Booth:
    monkeypatch.setattr("edge.people.MEMORY_KIB", 32)  # PINs of a test need no second of work each
    vault = Vault(store, keys.vault)
    people = People(vault)
    for name, pin in PINS.items():
        people.add(make_person(name, "operator" if name == "an" else "supervisor", pin))
    settings = SETTINGS.model_copy(
        update={"plan": Plan(name="four-four-two"), "station": Station(key=SETTINGS.keys)}
    )
    journal = Journal(store)
    shift = Shift("b-1", people, journal)
    station = StationDesk(settings, bytes(32), journal, vault, lambda topic, payload: True)
    return Booth(CommandDesk(settings, keys, journal, shift, vault=vault, station=station))


def note(booth: Booth, entries: list[core.Entry]) -> None:
    """Record what the daemon would."""
    for kind, body in entries:
        booth.desk.journal.append(kind, body, AT, CLOCK)
    booth.current = core.fold(entries, booth.current)


def comes(booth: Booth, name: str) -> None:
    number = len(booth.heard)
    assert log_in(booth, name, PINS[name], f"l{number}").reply.outcome == "accepted"


def works(booth: Booth, how: str) -> None:
    """Begin an enrolment that binh works on, as an operator; in the end an is logged in."""
    comes(booth, "binh" if how == "began it" else "an")
    assert booth.send("enrol", enrol("r1")).reply.outcome == "accepted"
    if how == "took it over":
        comes(booth, "binh")
        assert booth.send("mark-missing", {"request_id": "m1", "position": 5, "reason": "cut"}).entries
    comes(booth, "an")


def overrides(alarm: str) -> Callable[[Booth], tuple[str, dict[str, Any]]]:
    def prepare(booth: Booth) -> tuple[str, dict[str, Any]]:
        assert booth.current is not None
        note(booth, [core.finding(booth.current, alarm, 13, ALARMS[alarm], "an alarm")])
        assert booth.current.alarm == "an alarm"
        return "override", {"reason": "looked at"}

    return prepare


def takes_singly(booth: Booth) -> tuple[str, dict[str, Any]]:
    return "single-fingers", {"slap": 13, "reason": "webbed"}


def settles(booth: Booth) -> tuple[str, dict[str, Any]]:
    """The enrolment ended, and another one as well, before it was found whose record it is."""
    assert booth.current is not None
    name = booth.current.id
    note(booth, core.abandon(booth.current, "x"))
    found = {"enrolment": name, "text": "enrolled before", "known_as": "s9"}
    booth.desk.journal.append(SETTLED_LATER, found, AT, CLOCK)
    assert booth.desk.station is not None
    booth.desk.station.recorded(SETTLED_LATER, found)
    booth.send("enrol", enrol("r2"))
    note(booth, core.abandon(booth.current, "x"))
    return "settle", {"enrolment": name, "reason": "called back"}


ACTS: dict[str, tuple[str, Callable[[Booth], tuple[str, dict[str, Any]]]]] = {
    **{alarm: ("an override", overrides(alarm)) for alarm in ALARMS},
    core.SINGLE_FINGERS: ("taking single fingers", takes_singly),
    "settle": ("settling", settles),
}


def sign(booth: Booth, name: str, word: dict[str, Any], who: str) -> Any:
    request = f"x-{who}"
    return booth.send(
        name, {**word, "request_id": request, "person": who, "pin": sealed(booth, PINS[who], request)}
    )


@pytest.mark.parametrize("how", ["began it", "took it over"])
@pytest.mark.parametrize("act", ACTS)
def test_who_worked_on_an_enrolment_signs_nothing_of_it(booth: Booth, act: str, how: str) -> None:
    """A supervisor who worked as its operator, and is logged out by then."""
    works(booth, how)
    what, prepare = ACTS[act]
    name, word = prepare(booth)
    refused = sign(booth, name, word, "binh")
    assert (refused.reply.outcome, refused.reply.wants) == ("refused", "person")
    assert refused.reply.reason == SENTENCE.format(what)
    assert SIGNED not in [kind for kind, _ in refused.entries]
    taken = sign(booth, name, word, "chi")
    assert (taken.reply.outcome, taken.entries[0]) == ("accepted", (SIGNED, {"person": "chi"}))


def test_who_was_only_logged_in_for_a_while_may_sign(booth: Booth) -> None:
    comes(booth, "an")
    booth.send("enrol", enrol("r1"))
    comes(booth, "binh")
    word = {"slap": 13, "reason": "webbed"}
    assert "needs another pair of eyes" in sign(booth, "single-fingers", word, "binh").reply.reason
    comes(booth, "an")
    signed = {**word, "request_id": "x-2", "person": "binh", "pin": sealed(booth, PINS["binh"], "x-2")}
    assert booth.send("single-fingers", signed).reply.outcome == "accepted"
    assert booth.current is not None
    assert booth.current.workers == {"an"}


def shows(booth: Booth, *, same: bool = False) -> None:
    """Have the finger that is wanted judged as a good one, or as the one that is to be confirmed."""
    assert booth.current is not None
    wanted = booth.current.wanted() or 0
    event = sample(booth.current, 90, (wanted,) if same else (), name=f"s{len(booth.heard)}-{wanted}")
    note(booth, core.judge(booth.current, event))


@pytest.fixture
def flats(booth: Booth) -> Booth:
    """A booth with a single-finger scanner, and people."""
    settings = booth.desk.settings.model_copy(update={"plan": Plan(name="two-index")})
    return Booth(replace(booth.desk, settings=settings))


def captured(booth: Booth, **missing: Any) -> None:
    """Have somebody captured and confirmed, with the right index alone where the left one is missing."""
    comes(booth, "an")
    assert booth.send("enrol", enrol("r1", **missing)).reply.outcome == "accepted"
    while booth.current and booth.current.wanted() is not None:
        shows(booth, same=booth.current.confirming)


def cut_power(booth: Booth) -> None:
    before = booth.current
    booth.current = core.fold((entry.kind, entry.body) for entry in booth.desk.journal.read())
    assert booth.current == before


LACKS: dict[str, Any] = {"missing": {"7": "amputated in 1998"}, "missing_why": {"7": "permanent"}}
REVIEWED = {"identity_number": NUMBER, "portrait": {"sha256": "ab" * 32, "taken_at": "2026-01-05T08:00:00Z"}}


def test_for_missing_fingers_a_supervisor_signs_once_before_sealing(flats: Booth) -> None:
    captured(flats, **LACKS)
    assert flats.current is not None
    alarm = "left index (permanent) cannot be captured: a supervisor looks at the hands"
    assert (flats.current.alarm, flats.current.reviewing, flats.current.closed) == (alarm, True, False)
    cut_power(flats)
    refused = flats.send("review", {"request_id": "v1", **REVIEWED}).reply
    assert refused.reason.startswith(f"{alarm}: override it with a reason before the review")
    alone = flats.send("override", {"request_id": "o1", "reason": "seen"}).reply
    assert (alone.outcome, alone.wants) == ("refused", "person")
    assert "needs another pair of eyes" in sign(flats, "override", {"reason": "seen"}, "an").reply.reason
    signed = sign(flats, "override", {"reason": "seen"}, "binh")
    assert signed.entries[0] == (SIGNED, {"person": "binh"})
    of = {"finding": core.MISSING_FINGERS, "signed_by": "binh", "positions": [7]}
    assert (signed.entries[1][1]["of"], flats.current.alarm) == (of, None)
    cut_power(flats)
    assert flats.send("review", {"request_id": "v2", **REVIEWED}).reply.outcome == "accepted"
    assert flats.current.closed
    ((_, body),) = core.sealed(flats.current, "0" * 64, 1)
    assert (body["missing"], body["missing_why"]) == ({"7": "amputated in 1998"}, {"7": "permanent"})


def test_who_marked_a_finger_missing_does_not_sign_that_it_is(flats: Booth) -> None:
    comes(flats, "an")
    flats.send("enrol", enrol("r1"))
    comes(flats, "binh")
    word = {"request_id": "m1", "position": 7, "reason": "stiff", "why": "cannot-flatten"}
    assert flats.send("mark-missing", word).entries[0][1]["why"] == "cannot-flatten"
    comes(flats, "an")
    while flats.current and flats.current.wanted() is not None:
        shows(flats, same=flats.current.confirming)
    assert flats.current is not None
    assert (flats.current.alarm or "").startswith("left index (cannot-flatten) cannot be captured")
    refused = sign(flats, "override", {"reason": "seen"}, "binh")
    assert refused.reply.reason == SENTENCE.format("an override")
    assert sign(flats, "override", {"reason": "seen"}, "chi").reply.outcome == "accepted"
    assert flats.current.alarm is None


def test_that_there_is_no_portrait_a_supervisor_signs_or_one_is_brought(flats: Booth) -> None:
    captured(flats)
    without = {"identity_number": NUMBER, "no_portrait": "the camera is broken"}
    said = flats.send("review", {"request_id": "v1", **without}).reply
    assert (said.outcome, "a supervisor is to sign that there is no portrait" in said.reason) == (
        "accepted",
        True,
    )
    assert flats.current is not None
    alarm = "the record has no portrait because: the camera is broken"
    assert (flats.current.alarm, flats.current.closed, flats.current.reviewing) == (alarm, False, True)
    cut_power(flats)
    again = flats.send("review", {"request_id": "v2", **without}).reply
    assert again.reason.startswith(f"{alarm}: override it")
    standing = flats.current
    assert flats.send("review", {"request_id": "v3", **REVIEWED}).reply.reason == "the record is being sealed"
    assert (flats.current.alarm, flats.current.closed) == (None, True)
    flats.current = standing
    assert "needs another pair of eyes" in sign(flats, "override", {"reason": "seen"}, "an").reply.reason
    assert sign(flats, "override", {"reason": "seen"}, "binh").reply.outcome == "accepted"
    assert (flats.current.alarm, flats.current.closed) == (None, True)


def test_whoever_waits_for_a_signature_can_be_given_up_by_the_operator_alone(flats: Booth) -> None:
    captured(flats, **LACKS)
    assert flats.current is not None
    assert flats.current.alarm
    assert flats.send("abandon", {"request_id": "a1", "reason": "comes again"}).reply.outcome == "accepted"
    assert flats.current is None


def test_where_nobody_is_registered_nobody_signs_for_missing_fingers_or_a_portrait(
    store: Store, keys: BoothKeys
) -> None:
    settings = SETTINGS.model_copy(update={"plan": Plan(name="two-index")})
    booth = Booth(desk_of(store, keys, settings))
    booth.send("enrol", enrol("r1", **LACKS))
    while booth.current and booth.current.wanted() is not None:
        shows(booth, same=booth.current.confirming)
    assert booth.current is not None
    assert booth.current.alarm is None
    said = booth.send("review", {"request_id": "v1", "identity_number": NUMBER, "no_portrait": "x"}).reply
    assert said.reason == "the record is being sealed"
    assert booth.current.closed


def test_the_plan_says_what_a_supervisor_signs(flats: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a plan that has next to nothing signed the operator is alone, but for an own finger."""
    plan = plan_named("two-index").model_copy(update={"supervisor": (core.ATTENDANT_FINGER,)})
    monkeypatch.setattr("edge.booth.commands.plan_named", lambda name: plan)
    captured(flats, **LACKS)
    assert flats.current is not None
    assert (flats.current.alarm, flats.current.supervisor) == (None, {core.ATTENDANT_FINGER})
    note(flats, [core.finding(flats.current, core.LIST_DIFFERS, 0, ["name"], "another name")])
    verdict = flats.send("override", {"request_id": "o1", "reason": "misspelt"})
    assert verdict.reply.outcome == "accepted"
    assert verdict.entries[0][1]["of"] == {"finding": core.LIST_DIFFERS, "signed_by": None}
    note(flats, [core.finding(flats.current, core.ATTENDANT_FINGER, 2, "an", "an's finger")])
    assert flats.send("override", {"request_id": "o2", "reason": "mine"}).reply.wants == "person"
    sign(flats, "override", {"reason": "seen"}, "chi")
    cut_power(flats)
    without = {"request_id": "v1", "identity_number": NUMBER, "no_portrait": "x"}
    assert flats.send("review", without).reply.reason == "the record is being sealed"
    assert flats.current.closed


def test_an_alarm_of_which_no_plan_says_anything_is_signed(flats: Booth) -> None:
    captured(flats)
    assert flats.current is not None
    flats.current = replace(flats.current, supervisor=frozenset())
    assert flats.current.needs_supervisor("of a later release")
    assert not flats.current.needs_supervisor(core.LIST_DIFFERS)


def test_an_enrolment_of_a_release_whose_plans_said_nothing_goes_on_as_it_began(flats: Booth) -> None:
    captured(flats, **LACKS)
    told = [(entry.kind, dict(entry.body)) for entry in flats.desk.journal.read()]
    for kind, body in told:
        if kind == core.STARTED:
            del body["supervisor"], body["missing_why"]
    before = core.fold(told)
    assert before is not None
    assert (before.alarm, before.missing) == (None, {7: "amputated in 1998"})


def test_after_a_power_cut_it_is_known_who_worked_on_it(booth: Booth) -> None:
    works(booth, "took it over")
    before = booth.current
    booth.current = core.fold((entry.kind, entry.body) for entry in booth.desk.journal.read())
    assert booth.current == before
    assert booth.current is not None
    assert booth.current.workers == {"an", "binh"}


def test_at_whose_hand_over_no_finger_matched_does_not_sign_that_none_is_needed(
    booth: Booth, store: Store, keys: BoothKeys
) -> None:
    subject = enrolled(booth, Vault(store, keys.vault), 2)
    comes(booth, "an")
    booth.desk.journal.append(NOT_MATCHED, {"subject": subject, "operator": "binh"}, AT, CLOCK)
    word = {"identity_number": NUMBER, "without_finger": "burnt"}
    refused = sign(booth, "hand-over", word, "binh").reply
    assert refused.reason == SENTENCE.format("a hand-over without a finger")
    assert sign(booth, "hand-over", word, "chi").reply.outcome == "accepted"
    comes(booth, "an")
    again = {**word, "request_id": "x-2", "person": "binh", "pin": sealed(booth, PINS["binh"], "x-2")}
    assert booth.send("hand-over", again).reply.outcome == "accepted", "that was another card"


def test_nobody_changes_an_own_registered_finger_by_the_pin_alone(
    booth: Booth, store: Store, keys: BoothKeys
) -> None:
    def register(request: str, who: str) -> Any:
        word = {"person": "binh", "position": 7, "supervisor": who, "pin": sealed(booth, PINS[who], request)}
        return booth.send("register-finger", {"request_id": request, **word})

    assert register("f1", "binh").presenting is not None, "the first one"
    People(Vault(store, keys.vault)).register("binh", 2, [b"template"])
    refused = register("f2", "binh")
    assert (refused.presenting, refused.reply.wants) == (None, "supervisor")
    assert "binh has a registered finger: another supervisor signs" in refused.reply.reason
    assert register("f3", "chi").presenting is not None


def test_a_signature_is_for_the_alarm_that_was_read(booth: Booth) -> None:
    comes(booth, "an")
    assert booth.send("enrol", enrol("r1")).reply.outcome == "accepted"
    assert booth.current
    note(booth, [core.finding(booth.current, core.LIST_DIFFERS, 0, ["name"], "another name")])
    note(booth, [core.finding(booth.current, core.ALREADY_ENROLLED, 0, "s0", "enrolled already")])

    def signs(request_id: str, alarm: str) -> Any:
        pin = sealed(booth, PINS["binh"], request_id)
        said = {"request_id": request_id, "reason": "misspelt", "alarm": alarm, "person": "binh", "pin": pin}
        return booth.send("override", said).reply

    late = signs("o1", "another name")
    assert late.outcome == "refused"
    assert late.reason == "the alarm is another one by now: enrolled already; nothing was signed"
    assert booth.current.alarm == "enrolled already"
    assert signs("o2", "enrolled already").outcome == "accepted"
    assert booth.current.alarm == "another name"
