"""`kill -9` of every process, ten times each at random moments: nothing is lost, nothing stored twice."""

import random
import threading
import time
from dataclasses import replace

import pytest

from edge.demo.check import Checker
from edge.demo.person import Hand, Person, Shown
from edge.demo.script import Visit, read_people, write_visits
from edge.demo.stage import BOOTH
from edge.messages import State
from tests.edge.programs import kill_child
from tests.system.production import MosquittoStage

KILLS = 10  # of each
ROUNDS = 40  # most rounds of all visits while killing goes on
SETTLE_SECONDS = 60.0
STRIKE_AT_WORK = 0.8  # share of the kills that wait until a finger was captured since the last one
PROGRESS_SECONDS = 60.0
SEED = 579


class Killer(threading.Thread):
    """Kills and starts again, at random moments, in a random order; workers are their daemon's to start."""

    def __init__(self, stage: MosquittoStage) -> None:
        super().__init__(name="killer", daemon=True)
        self.stage, self.error, self.accepted = stage, "", 0
        self.random = random.Random(SEED)
        self.kills: dict[str, int] = {}
        self.progress = threading.Event()  # a finger was accepted since the last kill

    def see(self, state: State) -> None:
        """Take note of every state of the booth."""
        if len(state.accepted) != self.accepted:
            self.accepted = len(state.accepted)
            self.progress.set()

    def wait_for_the_moment(self) -> None:
        """Mostly in the middle of captures; sometimes at once, while everything is still starting."""
        if self.random.random() < STRIKE_AT_WORK:
            self.progress.clear()
            assert self.progress.wait(PROGRESS_SECONDS), f"nothing was captured after {self.kills}"
        time.sleep(self.random.uniform(0.0, 0.5))

    def run(self) -> None:
        targets = ["booth", "hub", "scanner worker", "matcher worker"] * KILLS
        targets += ["station", "box"] * (KILLS // 2)
        self.random.shuffle(targets)
        try:
            for target in targets:
                self.wait_for_the_moment()
                self.strike(target)
                self.kills[target] = self.kills.get(target, 0) + 1
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"

    def strike(self, target: str) -> None:
        if target.endswith(" worker"):
            module = f"edge.booth.{target.removesuffix(' worker')}_worker"
            deadline = time.monotonic() + 20
            while not kill_child(self.stage.processes["booth"].pid, module):
                assert time.monotonic() < deadline, f"the {target} did not come back"
                time.sleep(0.05)
            return
        self.stage.kill(target)
        time.sleep(self.random.uniform(0.0, 0.5))
        if target in ("station", "box"):
            self.stage.start_broker(target)
        elif target == "hub":
            self.stage.start_hub()
        else:
            self.stage.start_booth()


def again(visits: list[Visit], turn: int) -> list[Visit]:
    """The same people under other numbers: each is found to be enrolled already."""
    return [
        replace(
            visit,
            outcome="already-enrolled",
            slip=None,
            stranger=None,
            title=f"{visit.title} (again)",
            identity_number=f"{int(visit.identity_number) + 1000 * turn:012d}",
        )
        for visit in visits
    ]


@pytest.mark.system
@pytest.mark.timeout(600)
def test_every_accepted_sample_is_at_the_hub_exactly_once_after_fifty_kills(stage: MosquittoStage) -> None:
    visits = write_visits(read_people(stage.scans))
    person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
    killer = Killer(stage)
    played: list[tuple[Visit, Shown]] = []
    killer.start()
    try:
        for turn in range(ROUNDS):
            for visit in visits if turn == 0 else again(visits, turn):
                played.append((visit, person.visit(visit, killer.see)))
            if not killer.is_alive():
                break
    finally:
        killer.join(timeout=PROGRESS_SECONDS * 2)
        person.close()
    assert not killer.error
    assert killer.kills == {
        "booth": KILLS,
        "hub": KILLS,
        "scanner worker": KILLS,
        "matcher worker": KILLS,
        "station": KILLS // 2,
        "box": KILLS // 2,
    }
    checker = Checker(stage.folder, stage.scans, BOOTH)
    deadline = time.monotonic() + SETTLE_SECONDS
    while not checker.settled() and time.monotonic() < deadline:
        time.sleep(0.2)
    findings = [f for visit, shown in played for f in checker.visit(visit, shown)]
    findings += checker.samples() + checker.nothing_lost()
    checker.close()
    assert [finding.text for finding in findings if not finding.good] == []
    assert len(played) >= len(visits)
