"""An accepted command runs, then succeeds or fails, and a request id that is sent again says which."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.booth import channel
from edge.booth import enrolment as core
from edge.booth.acquisition import Acquisition, Stage
from edge.booth.attendant import GIVEN_UP, HOLDER, MISSES, RECORD
from edge.booth.command_progress import ENDED, SHOWN
from edge.booth.entries import ALREADY_ENROLLED, SEALED
from edge.booth.handover import HANDED_OVER, NOT_MATCHED
from edge.booth.runner import Runner
from edge.errors import StoreBusy
from edge.messages import Reply
from edge.people import make_person
from edge.sealed_word import seal_word
from edge.settings import BoothSettings
from edge.store import Store
from edge.vault import ENROLLED, Label, gallery_id
from matching import card
from tests.edge.booth.test_handover import TEMPLATE
from tests.edge.booth.test_runner import life, settings, shown
from tests.edge.booth.test_shift import PINS
from tests.edge.parts import AT, CLOCK, NUMBER

__all__ = ["settings"]
DEVICE = {"model": "m", "serial": "s", "firmware": "", "location": "usb:1-1"}
OTHER = "001090000002"  # made up, too
AGAIN = "the booth was started again"


@dataclass
class Life:
    """One life of a booth's loop, without its processes and its broker."""

    runner: Runner
    said: list[tuple[str, bytes]] = field(default_factory=list)

    def send(self, name: str, request_id: str, **body: Any) -> Reply:
        self.runner._link.publish = self._publish  # type: ignore[method-assign]
        self.runner._command(name, json.dumps({"request_id": request_id, **body}).encode())
        return Reply.model_validate_json(self.said[-1][1])

    def pin(self, name: str, request_id: str) -> str:
        assert self.runner._shift.key
        return seal_word(PINS[name], self.runner._shift.key, f"b-1/{request_id}")

    def enrol(self, request_id: str) -> Reply:
        return self.send("enrol", request_id, identity_number=NUMBER)

    def verify(self, request_id: str, name: str = "verify") -> Reply:
        return self.send(name, request_id, identity_number=NUMBER)

    def enrolled_here(self, number: str = NUMBER, enrolment: str = "e1") -> None:
        """Somebody was enrolled with the number: a right index to compare with."""
        subject = self.runner._keys.subject_of(number)
        label = Label(gallery_id(enrolment, 2), ENROLLED, enrolment, subject, 2)
        self.runner._vault.put(label, b"template")
        body = {
            "enrolment": enrolment,
            "subject": subject,
            "outcome": "enrolled",
            "packet": "p",
            "samples": {},
        }
        self.runner._journal.append(SEALED, body, AT, CLOCK)

    def _publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        self.said.append((topic, payload))
        return True

    def finger(self, *persons: str) -> None:
        """Have an awaited finger judged: whose it is."""
        presenting = self.runner._presenting
        assert presenting
        hits = tuple(channel.AttendantHit(person=name, score=99.0) for name in persons)
        examined = channel.Examined(
            token=1,
            quality=99,
            parts={},
            hint=None,
            minutiae=40,
            same_finger=(),
            already=(),
            attendants=hits,
            milliseconds=1.0,
        )
        self.runner._acquisition = Acquisition(Stage.JUDGE, presenting.position, False, True)
        self.runner._attendant_judged(presenting, examined, [b"", b"template"], DEVICE)

    def stands(self, request_id: str) -> tuple[str, str]:
        """What the retained state says of a command."""
        (one,) = [one for one in shown(self.runner).commands if one.request_id == request_id]
        return one.state, one.reason

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.runner._journal.read()]


@contextmanager
def living(settings: BoothSettings) -> Iterator[Life]:
    """Start the loop's next life as `run` does, up to the link."""
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        runner._record([("booth.started", {"release": "0", "enrolment": None})])
        runner._end_wait_of_before()
        runner._end_command_of_before()
        yield Life(runner)


def told(reply: Reply) -> tuple[str, str]:
    assert reply.progress
    return reply.progress.state, reply.progress.reason


def test_an_enrolment_runs_until_it_is_sealed_and_a_repeated_request_says_so(settings: BoothSettings) -> None:
    with living(settings) as booth:
        reply = booth.enrol("r1")
        begun = (reply.outcome, *told(reply))
        assert begun == ("accepted", "running", reply.reason)
        assert booth.enrol("r1").progress == reply.progress == shown(booth.runner).commands[0]
        assert booth.stands("r1") == ("running", reply.reason)
    with living(settings) as booth:
        assert booth.stands("r1") == ("running", reply.reason), "it outlives the daemon"
        current = booth.runner._enrolment
        assert current
        sealed = {"enrolment": current.id, "outcome": "enrolled", "samples": {"1": "s"}}
        booth.runner._record([(SEALED, sealed)])
        assert booth.stands("r1") == ("succeeded", "enrolled with 1 finger")
    with living(settings) as booth:
        again = booth.enrol("r1")
        assert (again.outcome, again.reason, again.repeated) == ("accepted", reply.reason, True)
        assert told(again) == ("succeeded", "enrolled with 1 finger")
        assert booth.kinds().count(ENDED) == booth.kinds().count(core.STARTED) == 1


def test_an_enrolment_of_which_nothing_came_has_failed_with_its_reason(settings: BoothSettings) -> None:
    with living(settings) as booth:
        booth.enrol("r1")
        short = booth.send("abandon", "a1", reason="went home")
        assert told(short) == ("succeeded", "the enrolment was given up"), "done as soon as it is accepted"
        assert booth.stands("r1") == ("failed", "the enrolment was given up: went home")
        assert [one.request_id for one in shown(booth.runner).commands] == ["r1"]
        booth.enrol("r2")
        current = booth.runner._enrolment
        assert current
        known = {"enrolment": current.id, "outcome": ALREADY_ENROLLED, "duplicate_of": "s9"}
        booth.runner._record([(SEALED, known)])
        assert booth.stands("r2")[0] == "failed"
        assert "enrolled already as subject s9" in booth.stands("r2")[1]
        assert booth.stands("r1")[1].endswith("went home"), "each has its own end"
        assert booth.send("abandon", "a2", reason="x").progress is None, "what is refused never began"


def test_a_finger_that_is_awaited_ends_its_command(settings: BoothSettings) -> None:
    with living(settings) as booth:
        booth.enrolled_here()
        reply = booth.verify("v1")
        assert told(reply) == ("running", reply.reason)
        booth.finger(HOLDER)
        assert booth.stands("v1") == ("succeeded", "the right index is that of the record")
        booth.verify("h1", "hand-over")
        for _ in range(MISSES):
            assert booth.stands("h1")[0] == "running"
            booth.finger()
        assert booth.stands("h1") == ("failed", "the right index is not the holder's: the card stays here")
        booth.verify("v2")
        booth.verify("v3")
        assert booth.stands("v2") == ("failed", "'verify' was sent: nothing was compared")
        booth.send("abandon", "a1", reason="left", awaited="v3")
        assert booth.stands("v3") == ("failed", "left: nothing was compared")
        booth.verify("v4")
        booth.runner._end_wait(booth.runner._waits_since + 301)
        assert "nobody showed a finger within 5 minutes" in booth.stands("v4")[1]
        assert told(booth.verify("v1"))[0] == "succeeded", "and what was first says what it said"


def test_what_the_last_life_waited_for_has_failed(settings: BoothSettings) -> None:
    with living(settings) as booth:
        booth.runner._people.add(make_person("binh", "supervisor", PINS["binh"]))
        booth.runner._people.add(make_person("an", "operator", PINS["an"]))
        pin = booth.pin("binh", "f1")
        word = {"person": "an", "position": 2, "supervisor": "binh", "pin": pin}
        assert told(booth.send("register-finger", "f1", **word))[0] == "running"
    with living(settings) as booth:
        assert booth.stands("f1") == ("failed", AGAIN)
        word["pin"] = booth.pin("binh", "f2")
        booth.send("register-finger", "f2", **word)
        for _ in range(3):
            booth.finger(*([""] if booth.runner._presented else []))
        assert booth.stands("f2") == ("succeeded", "the right index of an is registered")
        assert told(booth.send("login", "l1", person="an", pin=booth.pin("an", "l1")))[0] == "running"
        booth.finger("an")
        assert booth.stands("l1") == ("succeeded", "an is logged in")
        booth.enrolled_here()
        booth.verify("h1", "hand-over")
    with living(settings) as booth:
        assert booth.stands("h1") == ("failed", f"{AGAIN}: the card stays here")
        assert booth.kinds().count(ENDED) == 4


def test_a_card_given_without_the_finger_that_was_awaited_ends_the_wait(settings: BoothSettings) -> None:
    with living(settings) as booth:
        booth.enrolled_here()
        booth.verify("h1", "hand-over")
        given = booth.send("hand-over", "h2", identity_number=NUMBER, without_finger="worn")
        assert told(given)[0] == "succeeded"
        assert booth.stands("h1") == ("failed", "the card may be handed over without a finger: worn")


def test_the_journal_says_that_a_card_is_not_of_the_record_under_the_number(settings: BoothSettings) -> None:
    data = card.write(TEMPLATE, card.COMPACT)
    word = {"identity_number": NUMBER, "card": base64.b64encode(data).decode(), "position": 2}
    with living(settings) as booth:
        booth.enrolled_here()
        booth.send("hand-over", "h1", **word)
        frame = channel.Captured(token=0, width=2, height=3, ppi=500.0)
        booth.runner._acquisition = Acquisition(Stage.HOLD, 2, False, True)
        booth.runner._crew.keep_question(frame, b"pixels", booth.runner._asked())
        assert booth.runner._crew._question
        question, blobs = booth.runner._crew._question
        assert [(one.person, one.form) for one in question.attendants] == [
            (HOLDER, "iso-compact"),
            (RECORD, "vantay"),
        ]
        assert (question.attendant_fmr, blobs[-1]) == (1e-4, data + b"template")
        for _ in range(MISSES):
            booth.finger(HOLDER)
        half = "that of the card, but not that of the record made here under this number"
        said = f"the right index is {half}: check the number; the card stays here"
        assert booth.stands("h1") == ("failed", said)
        (entry,) = booth.runner._journal.of_kind(NOT_MATCHED)
        assert (entry.body["source"], entry.body["matched"]) == ("both", ["card"])
        booth.send("hand-over", "h2", **word)
        booth.finger(HOLDER, RECORD)
        (entry,) = booth.runner._journal.of_kind(HANDED_OVER)
        body = entry.body
        assert (body["packet"], body["score"], body["record_score"]) == ("p", 99.0, 99.0)


@pytest.mark.parametrize("waiting", ["hand-over", "verify"])
def test_anothers_card_given_without_a_finger_is_no_word_on_the_one_that_is_awaited(
    settings: BoothSettings, waiting: str
) -> None:
    with living(settings) as booth:
        booth.enrolled_here()
        booth.enrolled_here(OTHER, "e2")
        booth.verify("w1", waiting)
        given = booth.send("hand-over", "h2", identity_number=OTHER, without_finger="worn")
        assert told(given)[0] == "succeeded"
        left = {"hand-over": "the card stays here", "verify": "nothing was compared"}[waiting]
        assert booth.stands("w1") == ("failed", f"'hand-over' was sent: {left}")
        assert GIVEN_UP in booth.kinds()
        assert booth.runner._presenting is None


def test_the_state_shows_the_last_ones_and_the_journal_knows_all(settings: BoothSettings) -> None:
    with living(settings) as booth:
        for number in range(SHOWN + 3):
            booth.enrol(f"r{number}")
            booth.send("abandon", f"a{number}", reason=f"reason {number}")
        numbers = [one.request_id for one in shown(booth.runner).commands]
        assert numbers == [f"r{number}" for number in range(3, SHOWN + 3)]
        assert told(booth.enrol("r0")) == ("failed", "the enrolment was given up: reason 0")


def test_what_an_earlier_release_answered_is_repeated_without_progress(settings: BoothSettings) -> None:
    with living(settings) as booth:
        reply = booth.enrol("r1")
        answer = booth.runner._journal.answer_to("r1")
        assert answer
        old = {key: value for key, value in answer.body.items() if key != "runs"}
        booth.runner._record([("command.answered", {**old, "request_id": "r0"})])
        before = booth.runner._journal.answer_to("r0")
        assert before
        assert booth.runner._desk.progress.standing(before) is None
        assert booth.stands("r1") == ("running", reply.reason)


def test_a_refusal_by_a_locked_file_has_no_progress(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with living(settings) as booth:

        def locked(*_: object) -> None:
            raise StoreBusy("locked")

        monkeypatch.setattr(booth.runner, "_keep", locked)
        reply = booth.enrol("r1")
        assert (reply.outcome, reply.progress) == ("refused", None)
