"""A booth whose scanner is pulled, swapped, hangs, or is one of two; which took which sample stays known."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from edge.booth.scanner_standing import REPLUG, TECHNICIAN
from edge.commands.demo import Bar, synthetic_people
from edge.demo.check import Checker
from edge.demo.person import Hand
from edge.demo.stage import BOOTH, free_port, program
from edge.journal import Journal
from edge.messages import POSITION_NAMES, Device, Enrol, Phase, Review, State
from edge.store import Store
from tests.edge.programs import children
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NUMBER = "001090000009"
MODEL = "SecuGen Hamster Pro 20"


class Bench(MosquittoStage):
    """A stage whose scanners can be exchanged: `words` say which ones stand there."""

    words: tuple[str, ...] = ("--serial", "H-1")
    hand: Hand | None = None

    def _virtual_scanner(self) -> None:
        self.port = free_port()
        self.usbip = f"usbip://127.0.0.1:{self.port}"
        self.put_scanners(*self.words)

    def put_scanners(self, *words: str) -> None:
        """Take away what stands there; put these, at the same ports."""
        self.take_away()
        command = [program("vantay-fw"), "virtual", "--scans", str(self.scans), "--control", "0"]
        command += ["--port", str(self.port), *words]
        process = self.spawn("scanner", command, stdout=subprocess.PIPE)
        assert process.stdout
        host, port = json.loads(process.stdout.readline())["control"].rsplit(":", 1)
        self.control = (host, int(port))
        self.hand = Hand(self.control)

    def take_away(self) -> None:
        """Nothing stands there."""
        if self.hand:
            self.hand.close()
        self.hand = None
        self.end("scanner")

    def tear_down(self) -> None:
        """The hand lets go, then all ends."""
        self.take_away()
        super().tear_down()

    def do(self, what: str, **more: Any) -> None:
        """Give the scanner an order."""
        assert self.hand
        self.hand.order({"do": what, **more})

    def journal(self, *kinds: str) -> list[dict[str, Any]]:
        """The bodies of what the booth recorded."""
        store = Store(self.folder / "booth" / "booth.db", read_only=True)
        try:
            return [entry.body for entry in Journal(store).read() if entry.kind in kinds]
        finally:
            store.close()

    def log(self, event: str) -> list[dict[str, Any]]:
        lines = (self.folder / "booth.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, synthetic_people(Bar()), mqtt="auto")
    yield bench
    bench.tear_down()


@pytest.fixture
def console(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Console]:
    """Somebody at the booth; the test's parameter says which scanners stand there."""
    bench.words = getattr(request, "param", Bench.words)
    bench.set_up()
    console = Console(bench)
    yield console
    console.link.stop()


def device(bench: Bench, serial: str, busid: str = "1-1") -> dict[str, str]:
    return {"model": MODEL, "serial": serial, "firmware": "22.06", "location": f"{bench.usbip}/{busid}"}


def shown(console: Console) -> State:
    assert console.state
    return console.state


def test_unplugged_in_mid_capture_and_another_of_the_model_in_its_place(
    bench: Bench, console: Console
) -> None:
    missing = {position: "amputated" for position in POSITION_NAMES if position > 2}
    enrol = Enrol(request_id="r-1", identity_number=NUMBER, missing=missing)
    assert console.ask(enrol).outcome == "accepted"
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    assert shown(console).scanner_device == Device(**device(bench, "H-1"))
    first, second = shown(console).positions

    # the first finger is judged only when another scanner stands there already
    (matcher,) = children(bench.processes["booth"].pid, "edge.booth.matcher_worker")
    os.kill(matcher, signal.SIGSTOP)
    bench.do("put", image=f"0001_{first:02}_1.png")
    console.until(lambda: console.shows(Phase.LIFT), "the picture")
    bench.do("unplug")
    console.until(lambda: shown(console).scanner_device is None, "the lost scanner")
    bench.put_scanners("--serial", "H-2")
    console.until(lambda: shown(console).scanner_device == Device(**device(bench, "H-2")), "the other one")
    os.kill(matcher, signal.SIGCONT)
    console.until(lambda: shown(console).accepted == [first], "the accepted finger")
    assert shown(console).taken_with == {first: Device(**device(bench, "H-1"))}
    name, before = f"{MODEL} H-2 at {bench.usbip}/1-1", f"{MODEL} H-1 at {bench.usbip}/1-1"
    assert shown(console).scanner_change == f"another scanner than before: {name} instead of {before}"

    # the second one is pulled in the middle of a picture
    console.until(lambda: console.shows(Phase.PLACE), "the wish for the second finger")
    bench.do("unplug", bytes=300_000)
    bench.do("put", image=f"0001_{second:02}_1.png")
    console.until(lambda: console.shows(Phase.WAIT), "the lost scanner")
    bench.put_scanners("--serial", "H-3")
    console.until(lambda: console.shows(Phase.PLACE), "the wish for the second finger once more")
    bench.do("put", image=f"0001_{second:02}_1.png")
    console.until(lambda: console.shows(Phase.LIFT), "the picture")
    bench.do("lift")
    console.until(lambda: shown(console).confirming and console.shows(Phase.PLACE), "the wish to confirm")
    taken = {first: device(bench, "H-1"), second: device(bench, "H-3")}
    assert shown(console).taken_with == {position: Device(**one) for position, one in taken.items()}
    bench.do("put", image=f"0001_{shown(console).position:02}_1.png")
    console.until(lambda: console.shows(Phase.LIFT), "the picture")
    bench.do("lift")
    console.until(lambda: console.shows(Phase.REVIEW), "the wish for a review")
    review = Review(request_id="r-2", identity_number=NUMBER, no_portrait="the camera is broken")
    assert console.ask(review, "review").outcome == "accepted"
    console.until(lambda: console.shows(Phase.IDLE), "the end")
    assert shown(console).scanner_change is None

    attempts = bench.journal("attempt.made")
    assert {body["position"]: body["device"] for body in attempts if body["decision"] == "accepted"} == taken
    (confirmation,) = bench.journal("confirmation.made")
    assert confirmation["device"] == device(bench, "H-3")
    ready = bench.journal("scanner.ready")
    assert [body["serial"] for body in ready] == ["H-1", "H-2", "H-3"]
    assert [body.get("instead_of", {}).get("serial") for body in ready] == [None, "H-1", "H-2"]
    lost = [body for body in bench.journal("scanner.fault") if body["fault"] == "unplugged"]
    assert [body["device"]["serial"] for body in lost] == ["H-1", "H-2"]
    lines = [line for line in bench.log("acquisition") if line["decision"] == "accepted"]
    assert [line["serial"] for line in lines] == ["H-1", "H-3"]
    checker = Checker(bench.folder, bench.scans, BOOTH)
    console.until(checker.settled, "the hub's last acknowledgement")
    (packet,) = checker.packets().values()
    assert {s["position"]: s["device"] for s in packet.manifest["samples"]} == taken, "it is in the record"
    checker.close()


@pytest.mark.parametrize(
    "console", [("--model", "hamster", "--model", "hamster", "--serial", "A", "--serial", "B")], indirect=True
)
def test_of_two_scanners_none_is_guessed_and_the_choice_is_a_line_of_the_settings(
    bench: Bench, console: Console
) -> None:
    config = bench.folder / "booth.toml"
    console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
    trouble = str(shown(console).trouble)
    for busid in ("1-1", "1-2"):
        assert f"{MODEL} at {bench.usbip}/{busid}" in trouble
    assert shown(console).prompt.startswith(f"{TECHNICIAN}: the scanner is not ready")
    reply = console.ask(Enrol(request_id="r-0", identity_number=NUMBER))
    assert (reply.outcome, "2 scanners fit" in reply.reason) == ("refused", True)
    bench.end("booth")
    config.write_text(config.read_text().replace("[scanner]\n", '[scanner]\nserial = "B"\n'))
    console.forget()
    bench.start_booth()
    chosen = Device(**device(bench, "B", "1-2"))
    console.until(lambda: bool(console.state and console.state.scanner_device == chosen), "the scanner B")
    console.until(lambda: shown(console).trouble is None, "the end of the trouble")
    bench.end("booth")
    config.write_text(config.read_text().replace('serial = "B"\n', ""))
    console.forget()
    bench.start_booth()
    console.until(
        lambda: bool(console.state and console.state.scanner_device == chosen), "the scanner it had before"
    )


def test_one_that_hangs_comes_up_the_ladder_until_somebody_pulls_its_plug(
    bench: Bench, console: Console
) -> None:
    console.until(lambda: bool(console.state and console.state.scanner == "ready"), "the scanner")
    bench.do("stall", on="control", times=1_000_000)
    console.until(lambda: bool(shown(console).trouble), "the wish to pull its plug")
    assert re.fullmatch(
        rf"the scanner does not serve \(protocol: .*\): first {REPLUG}", str(shown(console).trouble)
    )
    assert shown(console).prompt == f"{REPLUG}: the scanner is not ready"
    assert console.ask(Enrol(request_id="r-0", identity_number=NUMBER)).outcome == "refused"
    rungs = ["open again", "fresh process"] * 2 + ["replug"]
    lines = [line["rung"] for line in bench.log("scanner fault")]
    assert [rung for rung, _ in groupby(lines)][:5] == rungs
    assert all(line["again_in"] > 0 for line in bench.log("scanner fault"))
    assert [body["rung"] for body in bench.journal("scanner.fault")] == lines
    assert bench.journal("worker.died")[:2] == [{"worker": "scanner"}] * 2
    bench.do("unplug")
    bench.do("heal")
    console.until(lambda: shown(console).scanner.startswith("not found"), "the pulled plug")
    bench.do("replug")
    console.until(lambda: shown(console).scanner == "ready", "the scanner")
    assert shown(console).trouble is None
    assert console.ask(Enrol(request_id="r-1", identity_number=NUMBER)).outcome == "accepted"
