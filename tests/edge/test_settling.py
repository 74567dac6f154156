"""Settling what was found after sealing: from a terminal, and what the booth makes of the command."""

from pathlib import Path
from typing import Any

import pytest

from edge.booth.commands import CommandDesk
from edge.booth.shift import SIGNED, Shift
from edge.booth.station import StationDesk
from edge.booth.station_answer import NOTED, SETTLED_LATER
from edge.dialogue import PIN, SUPERVISOR, Done, Say, Send, SendSealed
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.messages import Settle
from edge.people import People, make_person
from edge.settings import BoothSettings, Station
from edge.settling import REASON, Settling
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import Booth
from tests.edge.booth.test_shift import PINS, log_in, sealed
from tests.edge.parts import AT, CLOCK
from tests.edge.test_dialogue import reply, state

NAME = "ab" * 8
FOUND = {"enrolment": NAME, "text": "the person is enrolled already"}
SETTINGS = BoothSettings(booth="b-1", data=Path(), keys=Path(), station=Station(key=Path("gallery.pub")))


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    """A booth where an alarm stands."""
    journal, vault = Journal(store), Vault(store, keys.vault)
    journal.append(SETTLED_LATER, {**FOUND, "known_as": "s9"}, AT, CLOCK)
    station = StationDesk(SETTINGS, bytes(32), journal, vault, lambda topic, payload: True)
    shift = Shift("b-1", People(vault), journal)
    return Booth(CommandDesk(SETTINGS, keys, journal, shift, vault=vault, station=station))


def settle(booth: Booth, request_id: str, **more: Any) -> Any:
    return booth.send(
        "settle", {"request_id": request_id, "enrolment": NAME, "reason": "called back", **more}
    )


def test_where_nobody_logs_in_a_reason_is_enough_and_only_where_there_is_something(booth: Booth) -> None:
    nothing = booth.send("settle", {"request_id": "s1", "enrolment": "cd" * 8, "reason": "x"})
    assert nothing.reply.reason == f"of enrolment {'cd' * 8} nothing was found that is to be settled"
    verdict = settle(booth, "s2")
    assert verdict.reply.outcome == "accepted"
    assert verdict.entries[0] == (
        NOTED,
        {"enrolment": NAME, "reason": "called back", "signed_by": None},
    )


def test_where_people_log_in_another_supervisor_signs(booth: Booth, store: Store, keys: BoothKeys) -> None:
    people = People(Vault(store, keys.vault))
    people.add(make_person("an", "operator", PINS["an"]))
    people.add(make_person("binh", "supervisor", PINS["binh"]))
    alone = settle(booth, "s0", person="binh", pin=sealed(booth, PINS["binh"], "s0"))
    assert alone.reply.wants == "login", "a supervisor with nobody else is one pair of eyes"
    log_in(booth, "an", PINS["an"], "l1")
    assert settle(booth, "s1").reply.wants == "person"
    own = settle(booth, "s2", person="an", pin=sealed(booth, PINS["an"], "s2"))
    assert "another pair of eyes" in own.reply.reason
    signed = settle(booth, "s3", person="binh", pin=sealed(booth, PINS["binh"], "s3"))
    assert [kind for kind, _ in signed.entries[:2]] == [SIGNED, NOTED]
    assert signed.entries[1][1]["signed_by"] == "binh"


def test_a_booth_that_asks_no_station_has_nothing_to_settle(store: Store, keys: BoothKeys) -> None:
    journal, vault = Journal(store), Vault(store, keys.vault)
    desk = CommandDesk(SETTINGS, keys, journal, Shift("b-1", People(vault), journal), vault=vault)
    assert "asks no station" in settle(Booth(desk), "s1").reply.reason


def test_from_a_terminal_a_reason_and_where_people_log_in_a_signature() -> None:
    dialogue = Settling(NAME)
    assert dialogue.state(state(found_later=[FOUND])) == [Say(FOUND["text"]), REASON]
    command = Settle(request_id="r", enrolment=NAME, reason="called back")
    assert dialogue.line(" called back ", "r") == [Send("settle", command)]
    assert dialogue.reply(reply("settle", "accepted")) == [Say("because"), Done(0)]
    signed = Settling(NAME)
    assert signed.state(state(found_later=[FOUND], login_key="00" * 32))[-1] == REASON
    assert signed.line("called back", "r") == [SUPERVISOR]
    assert signed.line("binh", "r") == [PIN]
    values = {"enrolment": NAME, "reason": "called back", "person": "binh"}
    assert signed.line("314159", "r") == [SendSealed("settle", values, "314159")]
    assert signed.reply(reply("settle", "refused")) == [Say("refused: because"), Done(1)]


def test_from_a_terminal_what_is_not_there_is_said_with_what_is() -> None:
    effects = Settling("cd" * 8).state(state(found_later=[FOUND]))
    said = f"of enrolment {'cd' * 8} nothing is to be settled; there is {NAME}"
    assert effects == [Say(said), Done(1)]
    dialogue = Settling(NAME)
    dialogue.state(state(found_later=[FOUND]))
    assert dialogue.line("", "r")[-1] == Done(2), "a reason is needed"
