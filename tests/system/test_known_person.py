"""Somebody enrolled already, over real brokers: the operator says so too, or a supervisor otherwise."""

from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import pytest

from edge.booth import enrolment as core
from edge.demo.check import Checker
from edge.demo.person import Hand
from edge.demo.stage import BOOTH
from edge.journal import Journal
from edge.messages import (
    Enrol,
    HandOver,
    JournalEntry,
    MarkMissing,
    Override,
    Phase,
    Portrait,
    Reply,
    Review,
)
from edge.store import Store
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

PINS = {"an": "271828", "binh": "314159", "chi": "161803"}


def entries(stage: MosquittoStage, kind: str) -> list[JournalEntry]:
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    found = list(Journal(store).of_kind(kind))
    store.close()
    return found


def show(
    console: Console,
    hand: Hand,
    positions: tuple[int, ...],
    impression: int,
    confirming: bool = False,
    person: int = 1,
) -> None:
    """Show what is asked for, each finger until it is asked for no more."""
    for position in positions:
        asked = partial(awaits, console, position, confirming)
        console.until(asked, f"the wish for {position}")
        while asked():
            hand.put(f"{person:04}_{position:02}_{impression}.png")
            console.until(partial(is_over, console), "the finger to be taken")
            hand.lift()
            console.until(lambda: not console.shows(Phase.LIFT), "the next wish")


def awaits(console: Console, position: int, confirming: bool) -> bool:
    state = console.state
    return (
        console.shows(Phase.PLACE)
        and state is not None
        and (state.position, state.confirming)
        == (
            position,
            confirming,
        )
    )


def is_over(console: Console) -> bool:
    """Whether the finger that lies there may be lifted."""
    return any(console.shows(phase) for phase in (Phase.LIFT, Phase.REVIEW, Phase.SEAL, Phase.IDLE))


def review(console: Console, number: str, request: str = "", portrait: str = "") -> Reply:
    """Give the number and a portrait, by the number's where none is named."""
    picture = sha256((portrait or number).encode()).hexdigest()
    word = Review(
        request_id=request or f"v-{number}",
        identity_number=number,
        portrait=Portrait(sha256=picture, taken_at=datetime.now(UTC)),
    )
    return console.ask(word, "review")


def ended(stage: MosquittoStage, console: Console, number: int) -> dict[str, object]:
    console.until(lambda: len(entries(stage, core.SEALED)) == number, "the sealed record")
    return dict(entries(stage, core.SEALED)[-1].body)


def test_who_is_enrolled_already_is_sealed_as_that_by_review_and_enrolled_by_a_supervisors_word(
    stage: MosquittoStage, console: Console
) -> None:
    stage.with_plan("two-index")
    stage.add_person("an", "operator", PINS["an"])
    stage.add_person("binh", "supervisor", PINS["binh"])
    stage.add_person("chi", "supervisor", PINS["chi"])
    hand, numbers = Hand(stage.control), [f"00109000000{n}" for n in (1, 2, 3)]
    console.log_in("binh", PINS["binh"], "l0")
    assert console.ask(Enrol(request_id="r-0", identity_number=numbers[0])).outcome == "accepted"
    console.log_in("an", PINS["an"], "l1")
    show(console, hand, (2, 7), 1)
    show(console, hand, (console.asked_again(),), 2, confirming=True)
    console.until(lambda: console.shows(Phase.REVIEW), "the review")
    assert review(console, numbers[0]).outcome == "accepted"
    first = ended(stage, console, 1)
    assert first["outcome"] == "enrolled"

    assert console.ask(Enrol(request_id="r-1", identity_number=numbers[1])).outcome == "accepted"
    show(console, hand, (2, 7), 2)
    console.until(lambda: bool(console.state and console.state.known_as == first["subject"]), "the alarm")
    mark = MarkMissing(request_id="m-1", position=7, reason="bandaged")
    assert "say so with 'review'" in console.ask(mark, "mark-missing").reason
    assert review(console, numbers[1]).outcome == "accepted"
    known = ended(stage, console, 2)
    assert (known["outcome"], known["duplicate_of"]) == ("already-enrolled", first["subject"])
    console.until(lambda: bool(console.state and not console.state.known_as), "the end of the alarm")

    console.log_in("binh", PINS["binh"], "l2")
    assert console.ask(Enrol(request_id="r-2", identity_number=numbers[2])).outcome == "accepted"
    console.log_in("an", PINS["an"], "l3")
    show(console, hand, (2, 7), 2)
    console.until(lambda: bool(console.state and console.state.known_as), "the alarm")

    def override(request: str, person: str) -> tuple[str, str]:
        word = {"reason": "a sister", "person": person, "pin": console.sealed(PINS[person], request)}
        reply = console.ask(Override.model_validate({"request_id": request, **word}), "override")
        return reply.outcome, reply.reason

    own = "binh is or was the operator of this: an override needs another pair of eyes"
    assert override("o-1", "binh") == ("refused", own), "who began it, and is logged out"
    assert override("o-2", "chi")[0] == "accepted"
    again = console.asked_again()
    assert console.state.known_as is None
    show(console, hand, (again,), 1, confirming=True)
    console.until(lambda: console.shows(Phase.REVIEW), "the review")
    assert review(console, numbers[2]).outcome == "accepted"
    other = ended(stage, console, 3)
    assert (other["outcome"], other["told_apart"]) == ("enrolled", [first["subject"]])
    hand.close()
    checker = Checker(stage.folder, stage.scans, BOOTH)
    console.until(checker.settled, "the hub's last acknowledgement")
    packet = checker.packets()[str(other["enrolment"])]
    assert [one.text for one in checker.nothing_lost() if not one.good] == []
    checker.close()
    found = {finding["finding"]: finding for finding in packet.manifest["findings"]}
    assert found[core.OVERRIDDEN]["of"]["signed_by"] == "chi"


def test_another_person_under_a_used_number_is_noticed_while_present_and_gets_no_card(
    stage: MosquittoStage, console: Console
) -> None:
    stage.with_plan("two-index")
    stage.add_person("an", "operator", PINS["an"])
    stage.add_person("binh", "supervisor", PINS["binh"])
    hand, number = Hand(stage.control), "001090000001"
    console.log_in("an", PINS["an"], "l1")
    assert console.ask(Enrol(request_id="r-0", identity_number=number)).outcome == "accepted"
    show(console, hand, (2, 7), 1)
    show(console, hand, (console.asked_again(),), 2, confirming=True)
    console.until(lambda: console.shows(Phase.REVIEW), "the review")
    assert review(console, number).outcome == "accepted"
    first = ended(stage, console, 1)

    again = Enrol(request_id="r-1", identity_number=number, again="new card")
    assert console.ask(again).outcome == "accepted"
    show(console, hand, (2, 7), 1, person=2)
    console.until(lambda: bool(console.state and console.state.renewal == "another"), "the alarm")
    assert console.state
    assert "another person may be standing here" in str(console.state.alarm)
    assert console.state.position is None, "no further finger is asked for"
    alone = console.ask(Override(request_id="o-1", reason="it is all right"), "override")
    assert alone.outcome == "refused", "the operator alone"
    pin = console.sealed(PINS["binh"], "o-2")
    signed = Override(request_id="o-2", reason="the number is this person's", person="binh", pin=pin)
    assert console.ask(signed, "override").outcome == "accepted"
    show(console, hand, (console.asked_again(),), 2, confirming=True, person=2)
    console.until(lambda: console.shows(Phase.REVIEW), "the review")
    assert review(console, number, "v-1").wants == "portrait", "it is the other one's"
    assert review(console, number, "v-2", portrait="the own one").outcome == "accepted"
    second = ended(stage, console, 2)
    assert (second["subject"], second["renewal"]) == (first["subject"], "another")

    card = console.ask(HandOver(request_id="h-1", identity_number=number), "hand-over")
    assert (card.outcome, card.wants) == ("refused", "card"), "by the number alone nobody gets it"
    hand.close()
