"""A booth with a scanner, a hub and real brokers in the situations that lose or mix up records elsewhere."""

import hashlib
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from drivers.digitalpersona_uru4000 import DRIVER
from edge.commands.demo import Bar, synthetic_people
from edge.demo.check import Checker
from edge.demo.person import Hand, Person
from edge.demo.script import Visit, read_people, write_visits
from edge.demo.stage import BOOTH
from edge.journal import Journal
from edge.messages import Enrol, PacketAcknowledgement, Phase
from edge.store import Store
from fwtools.cli import main as fwtools
from matching import fir2005
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def visits_of(stage: MosquittoStage) -> list[Visit]:
    return write_visits(read_people(stage.scans))


def play(stage: MosquittoStage, visit: Visit) -> None:
    person = Person(stage.box_broker(), BOOTH, Hand(stage.control))
    try:
        person.visit(visit, lambda _: None)
    finally:
        person.close()


def settle(stage: MosquittoStage, console: Console) -> Checker:
    checker = Checker(stage.folder, stage.scans, BOOTH)
    console.until(checker.settled, "the hub's last acknowledgement")
    return checker


def test_a_finger_on_the_platen_of_a_scanner_that_comes_back_must_be_lifted_first(
    stage: MosquittoStage, console: Console
) -> None:
    hand = Hand(stage.control)
    assert console.ask(Enrol(request_id="r-1", identity_number="001090000009")).outcome == "accepted"
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    hand.order({"do": "unplug"})
    console.until(lambda: console.shows(Phase.WAIT), "the lost scanner")
    hand.put("0001_01_1.png")
    hand.order({"do": "replug"})
    console.until(lambda: console.shows(Phase.LIFT), "the wish to lift the finger")
    hand.lift()
    console.until(lambda: console.shows(Phase.PLACE), "the wish for the finger again")
    hand.put("0001_01_1.png")
    console.until(lambda: bool(console.state and console.state.accepted == [1]), "the accepted finger")
    hand.close()
    assert "worker died" not in (stage.folder / "booth.log").read_text()


def test_a_plan_that_the_scanner_cannot_do_is_refused_at_once(
    stage: MosquittoStage, console: Console
) -> None:
    config = stage.folder / "booth.toml"
    usual = config.read_text()
    stage.end("booth")
    config.write_text(f'{usual}\n[plan]\nname = "circular-60-2021"\n')
    stage.start_booth()
    console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
    assert console.state
    sentence = "the plan circular-60-2021 cannot be done with this scanner: 4 fingers at once are asked for"
    assert sentence in str(console.state.trouble)
    assert sentence in console.state.prompt
    reply = console.ask(Enrol(request_id="r-0", identity_number="001090000009"))
    assert reply.outcome == "refused"
    assert sentence in reply.reason
    stage.end("booth")
    config.write_text(usual)
    stage.start_booth()
    console.until(lambda: bool(console.state and not console.state.trouble), "the end of the trouble")
    assert console.ask(Enrol(request_id="r-1", identity_number="001090000009")).outcome == "accepted"
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("nb1010", "this scanner (NEXT NB-1010-U) is not for enrolment: its 385 ppi are below"),
        (
            "uru4500",
            "this scanner (DigitalPersona U.are.U 4000/4500) is not for enrolment: its resolution was never",
        ),
    ],
)
def test_a_scanner_that_is_not_for_enrolment_enrols_nobody(tmp_path: Path, model: str, sentence: str) -> None:
    stage = MosquittoStage(tmp_path, synthetic_people(Bar()), mqtt="auto", model=model)
    console = None
    try:
        stage.set_up()
        console = Console(stage)
        console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
        assert console.state
        assert sentence in str(console.state.trouble)
        reply = console.ask(Enrol(request_id="r-1", identity_number="001090000009"))
        assert reply.outcome == "refused"
        assert sentence in reply.reason
        assert console.state.enrolment is None
    finally:
        if console:
            console.link.stop()
        stage.tear_down()


def test_a_scanner_that_was_calibrated_enrols_and_its_samples_say_what_was_measured(tmp_path: Path) -> None:
    unit = ("--ppi", "504,502")
    stage = MosquittoStage(tmp_path, synthetic_people(Bar()), mqtt="auto", model="uru4500", unit=unit)
    console = hand = None
    try:
        stage.set_up()
        console, hand = Console(stage), Hand(stage.control)
        console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
        picture = tmp_path / "target.png"
        assert fwtools(["target", str(picture), "--size", "384x290", "--ppi", "504,502", "--tilt", "2"]) == 0
        sign = [
            "calibrate",
            "--image",
            str(picture),
            "--lines-per-mm",
            "2",
            "--data",
            str(tmp_path / "booth"),
        ]
        sign += ["--by", "Bình", "--target", "grid 7", "--model", DRIVER.model, "--port", stage.usbip]
        assert fwtools(sign) == 0
        hand.order({"do": "unplug"})
        hand.order({"do": "replug"})
        console.until(lambda: bool(console.state and not console.state.trouble), "the end of the trouble")
        visit = visits_of(stage)[0]
        play(stage, visit)
        checker = settle(stage, console)
        (packet,) = checker.packets().values()
        records = [fir2005.read(data) for name, data in packet.blobs.items() if name.endswith(".fir")]
        assert len(records) >= 9
        for (record,) in records:
            sample = Image.open(io.BytesIO(record.data))
            assert sample.size == (record.width, record.height) == (384, 290), "not resampled"
            assert (*sample.info["dpi"], record.ppi) == pytest.approx((503, 503, 503), abs=0.5)
        checker.close()
        store = Store(tmp_path / "booth" / "booth.db", read_only=True)
        ready = [entry.body for entry in Journal(store).read() if entry.kind == "scanner.ready"]
        store.close()
        (file,) = (tmp_path / "booth" / "scanners").glob("*.json")
        assert ready[-1]["calibration"]["entry"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert "calibration" not in ready[0]
        file.unlink()
        hand.order({"do": "unplug"})
        hand.order({"do": "replug"})
        console.until(lambda: bool(console.state and console.state.trouble), "the trouble again")
        assert console.ask(Enrol(request_id="r-2", identity_number="001090000009")).outcome == "refused"
    finally:
        for one in (hand, console and console.link):
            if one:
                one.close() if isinstance(one, Hand) else one.stop()
        stage.tear_down()


def test_a_packet_stays_until_the_hub_itself_has_it(stage: MosquittoStage, console: Console) -> None:
    console.until(lambda: bool(console.state and console.state.acknowledged_seq), "the hub")
    stage.end("hub")
    visit = visits_of(stage)[0]
    play(stage, visit)
    checker = Checker(stage.folder, stage.scans, BOOTH)
    (packet,) = checker.waiting()
    for size in (packet.size, packet.size - 1):
        forged = PacketAcknowledgement(packet=packet.hash, size=size)
        console.say("packet-ack", forged.payload())
    assert console.ask(Enrol(request_id="r-2", identity_number="001090000009")).outcome == "accepted"
    assert checker.waiting() == [packet], "said by nobody who may"
    stage.start_hub()
    console.until(lambda: checker.waiting() == [], "the packet at the hub")
    assert [p.manifest["identity_number"] for p in checker.packets().values()] == [visit.identity_number]
    checker.close()


def test_a_number_enrolled_before_needs_a_reason_which_goes_into_the_record(
    stage: MosquittoStage, console: Console
) -> None:
    visits = visits_of(stage)
    first, later = visits[0], next(visit for visit in visits if visit.outcome == "already-enrolled")
    play(stage, first)
    number = first.identity_number
    reply = console.ask(Enrol(request_id="r-3", identity_number=number))
    assert reply.outcome == "refused"
    assert "was enrolled here before" in reply.reason
    assert number not in reply.reason
    play(stage, replace(later, identity_number=number, outcome="enrolled", again="the card was lost"))
    checker = settle(stage, console)
    manifests = [packet.manifest for packet in checker.packets().values()]
    assert [manifest["outcome"] for manifest in manifests] == ["enrolled", "enrolled"]
    assert sorted(str(manifest.get("renewal")) for manifest in manifests) == ["None", "same"]
    (found,) = (finding for manifest in manifests for finding in manifest["findings"])
    assert found["finding"] == "number-used"
    assert "once more because: the card was lost" in found["text"]
    checker.close()


def test_an_old_copy_of_the_booth_is_noticed_on_both_sides_and_enrols_nobody(
    stage: MosquittoStage, console: Console
) -> None:
    first, second, *_ = visits_of(stage)
    play(stage, first)
    settle(stage, console).close()
    stage.end("booth")
    shutil.copytree(stage.folder / "booth", stage.folder / "copy")
    stage.start_booth()
    play(stage, second)
    settle(stage, console).close()
    stage.kill("booth")
    shutil.rmtree(stage.folder / "booth")
    (stage.folder / "copy").rename(stage.folder / "booth")
    stage.start_booth()
    console.until(lambda: bool(console.state and console.state.trouble), "the trouble")
    assert console.state
    assert "an old copy of its data was restored" in str(console.state.trouble)
    reply = console.ask(Enrol(request_id="r-4", identity_number="001090000099"))
    assert reply.outcome == "refused"
    assert "call a technician" in reply.reason
    checker = Checker(stage.folder, stage.scans, BOOTH)
    assert [finding.text for finding in checker.nothing_lost() if "alarms" in finding.text] == [
        "the hub raised 1 alarms"
    ]
    assert len(checker.packets()) == 2, "what the hub held before, it holds"
    checker.close()
