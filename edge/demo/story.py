"""The demo from the first process to the last check; every step is told to a listener."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.demo.check import Checker, Finding
from edge.demo.person import Hand, Person, Shown
from edge.demo.script import BOOTH_KILLED, NETWORK_CUT, Visit
from edge.demo.stage import BOOTH, Stage
from edge.errors import VantayError
from edge.messages import State

TROUBLE_AFTER = 4  # accepted fingers of a visit, or as many as it has
CUT_SECONDS = 4.0
SETTLE_SECONDS = 30.0

Tell = Callable[[int, int, str], None]  # fingers done, fingers in all, what happens


@dataclass
class Watch:
    """Watches a visit: tells how far it is, makes its trouble at the middle and ends it again."""

    stage: Stage
    visit: Visit
    tell: Tell
    before: int  # fingers of earlier visits
    total: int
    happened: bool = False
    mend_at: float = 0.0

    def see(self, state: State) -> None:
        """Look at a state of the booth."""
        if dead := self.stage.dead():
            raise VantayError(f"{dead[0]} ended by itself: {self.stage.log_tail(dead[0])}")
        self.tell(self.before + len(state.accepted), self.total, self.visit.title)
        if self.mend_at and time.monotonic() > self.mend_at:
            self.end()
        middle = min(TROUBLE_AFTER, max(1, len(self.visit.fingers) // 2))
        if self.visit.outcome != "enrolled":
            middle = 1
        if self.happened or not self.visit.trouble or len(state.accepted) < middle:
            return
        self.happened = True
        if self.visit.trouble == BOOTH_KILLED:
            self._say("the booth is killed without warning, and started again")
            self.stage.kill("booth")
            self.stage.start_booth()
        elif self.visit.trouble == NETWORK_CUT:
            self._say(f"the network is cut for {CUT_SECONDS:.0f} seconds")
            assert self.stage.cable
            self.stage.cable.cut()
            self.mend_at = time.monotonic() + CUT_SECONDS

    def _say(self, text: str) -> None:
        self.tell(self.before, self.total, text)

    def end(self) -> None:
        """Put the cable back, after its time."""
        if self.mend_at and self.stage.cable:
            time.sleep(max(0.0, self.mend_at - time.monotonic()))
            self.stage.cable.mend()
            self.mend_at = 0.0


def play(folder: Path, scans: Path, visits: list[Visit], tell: Tell) -> list[Finding]:
    """Run the whole demo in `folder`; return what was found, good and bad."""
    stage = Stage(folder, scans, ends_with_us=True)
    total = sum(len(visit.fingers) for visit in visits)
    done = 0
    try:
        stage.set_up()
        person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
        played: list[tuple[Visit, Shown, Watch]] = []
        for visit in visits:
            watch = Watch(stage, visit, tell, done, total)
            played.append((visit, person.visit(visit, watch.see), watch))
            watch.end()
            done += len(visit.fingers)
        tell(done, total, "waiting for the hub's last acknowledgement")
        person.close()
        return _look(stage, scans, played)
    finally:
        stage.tear_down()


def _look(stage: Stage, scans: Path, played: list[tuple[Visit, Shown, Watch]]) -> list[Finding]:
    checker = Checker(stage.folder, scans, BOOTH)
    deadline = time.monotonic() + SETTLE_SECONDS
    while not checker.settled() and time.monotonic() < deadline:
        time.sleep(0.1)
    findings = [f for visit, shown, _ in played for f in checker.visit(visit, shown)]
    for visit, _, watch in played:
        if visit.trouble:
            findings.append(Finding(watch.happened, f"{visit.trouble} during the visit of {visit.title}"))
    findings += checker.samples() + checker.nothing_lost()
    checker.close()
    return findings
