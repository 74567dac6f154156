"""Power cuts: everything in the box is killed right after each journal entry of one enrolment, in turn."""

import math
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from edge.booth import enrolment as core
from edge.booth.enrolment import Enrolment
from edge.demo.check import Checker
from edge.demo.person import Hand
from edge.demo.stage import BOOTH
from edge.journal import Journal
from edge.messages import Enrol, MarkMissing, Override, Phase, Portrait, Review, State
from edge.store import Store
from tests.edge.programs import children
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

NUMBER, OTHER = "001090000001", "001090000002"
KINDS = (
    core.STARTED,
    core.ATTEMPT,
    core.FINDING,
    core.MISSING,
    core.CONFIRMATION,
    core.REVIEWED,
    core.SEALED,
)
SECONDS = 240.0
LOOK_SECONDS = 0.005
WORKERS = ("edge.booth.scanner_worker", "edge.booth.matcher_worker")


def reviewing(standing: Enrolment) -> bool:
    return standing.reviewing


class Box:
    """The box, its mains switch, and the one person who stands there all day."""

    kinds = KINDS

    def __init__(self, stage: MosquittoStage) -> None:
        self.stage, self.console, self.hand = stage, Console(stage), Hand(stage.control)
        self.console.until(lambda: self.console.state is not None, "the booth")
        self.store = Store(stage.folder / "booth" / "booth.db", read_only=True)
        self.journal = Journal(self.store)
        self.cuts: list[str] = []
        self.done = self.journal.tail()[0]  # entries that were looked at
        self.shown: tuple[object, ...] = ()
        self.slipped = False
        self.impressions = 1, 2  # shown, and shown to confirm

    def close(self) -> None:
        self.store.close()
        self.hand.close()
        self.console.link.stop()

    def news(self) -> list[str]:
        """Return the kinds of what the enrolment has written since the last look."""
        entries = list(self.journal.read(self.done))
        self.done = entries[-1].seq if entries else self.done
        return [entry.kind for entry in entries if entry.kind in self.kinds]

    def standing(self, last: float = math.inf) -> Enrolment | None:
        """Return where the person stands; `last`: the entry after which."""
        return core.fold((entry.kind, entry.body) for entry in self.journal.read() if entry.seq <= last)

    def cut(self, kind: str) -> None:
        """Kill all that runs in the box, and let it come back as it does after a power cut."""
        self.cuts.append(kind)
        pid = self.stage.processes["booth"].pid
        workers = [child for module in WORKERS for child in children(pid, module)]
        self.stage.kill("booth")
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        self.stage.kill("box")
        self.hand.lift()
        self.shown = ()
        written = self.journal.tail()[0]
        self.console.forget()
        self.stage.start_broker("box")
        self.stage.start_booth()
        self.console.until(lambda: self.console.state is not None, f"the booth after '{kind}'")
        assert self.console.state
        assert self.console.state.last_seq >= written, "an entry is lost"
        self.compare(self.standing(self.console.state.last_seq), self.console.state)

    def compare(self, expected: Enrolment | None, state: State) -> None:
        """It stands where the journal says the person stood; a closed enrolment may be sealed meanwhile."""
        if expected is None or expected.closed:
            assert state.position is None
            return
        assert state.enrolment == expected.id
        assert (state.slap or state.position) == expected.wanted()
        assert state.accepted == sorted(expected.accepted)
        assert state.missing == sorted(expected.missing)
        assert state.confirming == expected.confirming
        assert (state.phase is Phase.REVIEW) == expected.reviewing
        assert (state.rolling, state.rolled) == (expected.rolling, sorted(expected.kept_rolled))
        assert (state.renewal, state.unsettled) == (expected.renewal, list(expected.unsettled))
        assert state.alarm == expected.alarm
        if wanted := expected.wanted():
            assert state.attempt == expected.attempt_number(wanted)

    def act(self) -> None:
        """Do what the booth asks for."""
        self.console.listen()
        state = self.console.state
        if state is None:
            return
        if state.phase in (Phase.LIFT, Phase.IDLE, Phase.SEAL, Phase.REVIEW) and self.hand.on:
            self.hand.lift()
        if state.phase is not Phase.PLACE or self.hand.on:
            return
        asked = (state.slap or state.position, state.attempt, state.hint, state.confirming, state.rolling)
        if asked == self.shown:
            return
        self.shown = asked
        self.hand.put(self.image(state))

    def image(self, state: State) -> str:
        """Name the image that is asked for; of the right thumb in place of the right index once."""
        finger = 1 if state.position == 2 and not self.slipped else state.position
        self.slipped |= state.position == 2
        return f"0001_{finger:02}_{self.impressions[state.confirming]}.png"

    def strike(self) -> None:
        """Cut the power right after the next entry."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if news := self.news():
                for kind in news:
                    self.cut(kind)
                return
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"no entry after {self.cuts}")

    def go_on(self, until: Callable[[Enrolment], bool] | None = None, cuts: bool = True) -> None:
        """Let the person act until it stands so, or is sealed; after each entry the power is cut."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for kind in self.news():
                if cuts:
                    self.cut(kind)
                deadline = time.monotonic() + SECONDS
            standing = self.standing()
            if standing is None or (until and until(standing)):
                return
            self.act()
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"it did not go on after {self.cuts}: {self.console.state}")


def test_whenever_the_power_is_cut_it_goes_on_where_the_person_stood(stage: MosquittoStage) -> None:
    box = Box(stage)
    try:
        missing = {9: "amputated"}
        enrol = Enrol(request_id="r1", identity_number=NUMBER, missing=missing)
        assert box.console.ask(enrol).outcome == "accepted"
        for kind in box.news():
            box.cut(kind)
        assert box.console.ask(enrol).repeated, "answered once, also after a power cut"
        mark = MarkMissing(request_id="r2", position=10, reason="bandaged")
        assert box.console.ask(mark, "mark-missing").outcome == "accepted"
        box.go_on(until=reviewing)
        portrait = Portrait(sha256=sha256(b"somebody").hexdigest(), taken_at=datetime.now(UTC))
        review = Review(request_id="r3", identity_number=NUMBER, portrait=portrait)
        assert box.console.ask(review, "review").outcome == "accepted"
        box.go_on()
        for kind in box.news():
            box.cut(kind)
        assert set(box.cuts) == set(KINDS), "at each kind of entry"
        assert box.cuts.count(core.ATTEMPT) == 9, "eight fingers, and the wrong one once"
        checker = Checker(stage.folder, stage.scans, BOOTH)
        box.console.until(checker.settled, "the hub's last acknowledgement")
        findings = checker.samples() + checker.nothing_lost()
        (packet,) = checker.packets().values()
        checker.close()
        assert [finding.text for finding in findings if not finding.good] == []
        assert [s["position"] for s in packet.manifest["samples"]] == list(range(1, 9))
        assert packet.manifest["missing"] == {"9": "amputated", "10": "bandaged"}
        assert [f["finding"] for f in packet.manifest["findings"]] == [core.SAME_FINGER]
        assert packet.manifest["confirmed"] == core.CONFIRMED
        assert packet.manifest["portrait"]["sha256"] == portrait.sha256
    finally:
        box.close()


def test_after_an_override_it_goes_on_where_the_person_stood_whenever_the_power_is_cut(
    stage: MosquittoStage,
) -> None:
    """Somebody is taken for one who was here before; a supervisor says otherwise: from then on it is cut."""
    stage.with_plan("two-index")
    for name, role, pin in (("an", "operator", "271828"), ("binh", "supervisor", "314159")):
        stage.add_person(name, role, pin)
    box = Box(stage)
    try:
        box.slipped = True
        box.console.log_in("an", "271828", "l1")
        assert box.console.ask(Enrol(request_id="r1", identity_number=NUMBER)).outcome == "accepted"
        box.go_on(until=reviewing, cuts=False)
        portrait = Portrait(sha256=sha256(b"somebody").hexdigest(), taken_at=datetime.now(UTC))
        review = Review(request_id="v1", identity_number=NUMBER, portrait=portrait)
        assert box.console.ask(review, "review").outcome == "accepted"
        box.go_on(cuts=False)
        (first,) = box.journal.of_kind(core.SEALED)

        box.impressions = 2, 1
        assert box.console.ask(Enrol(request_id="r2", identity_number=OTHER)).outcome == "accepted"
        box.go_on(until=reviewing, cuts=False)
        known = box.standing()
        assert known
        assert known.duplicate_of == first.body["subject"]
        word = {"reason": "a sister", "person": "binh", "pin": box.console.sealed("314159", "o1")}
        override = Override.model_validate({"request_id": "o1", **word})
        box.console.say("command/override", override.model_dump_json(exclude_none=True).encode())
        box.strike()
        box.go_on(until=reviewing)
        assert box.cuts == [core.FINDING, core.CONFIRMATION], "at the override's entry, and at the next"
        assert box.console.ask(override, "override").repeated, "answered once, also after a power cut"
        own = Portrait(sha256=sha256(b"somebody else").hexdigest(), taken_at=datetime.now(UTC))
        again = Review(request_id="v2", identity_number=OTHER, portrait=own)
        box.console.say("command/review", again.model_dump_json(exclude_none=True).encode())
        box.go_on()
        for kind in box.news():
            box.cut(kind)
        assert box.cuts[2:] == [core.REVIEWED, core.SEALED]
        sealed = list(box.journal.of_kind(core.SEALED))[-1].body
        assert (sealed["outcome"], sealed["told_apart"]) == ("enrolled", [first.body["subject"]])
        found = [e.body for e in box.journal.of_kind(core.FINDING) if e.body["finding"] == core.OVERRIDDEN]
        assert [body["of"]["signed_by"] for body in found] == ["binh"]  # type: ignore[index,call-overload]
        checker = Checker(stage.folder, stage.scans, BOOTH)
        box.console.until(checker.settled, "the hub's last acknowledgement")
        findings = checker.samples() + checker.nothing_lost()
        packet = checker.packets()[str(sealed["enrolment"])]
        checker.close()
        assert [finding.text for finding in findings if not finding.good] == []
        assert [f["finding"] for f in packet.manifest["findings"]] == [core.ALREADY_ENROLLED, core.OVERRIDDEN]
    finally:
        box.close()
