"""Two booths, a hub, a gallery and mosquittos: who was enrolled at one booth is found at the other."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import Bar, synthetic_people
from edge.demo.person import Hand, Person
from edge.demo.script import Visit, read_people, write_visits
from edge.demo.stage import vantay
from edge.journal import Journal
from edge.keys import make_booth_keys, make_gallery_keys, read_booth_keys
from edge.messages import Enrol, JournalEntry, Phase, Settle
from edge.settings import Broker
from edge.store import Store
from edge.vault import ENROLLED, Vault
from tests.edge.programs import ear
from tests.system.production import Console, MosquittoStage
from tests.system.test_enrol import NUMBER, Terminal, show, show_own
from tests.system.test_wire import check

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

ASKS_STATION = '\n[station]\nkey = "{}"\nwait_seconds = 5\n'
TWO_INDEX = '\n[plan]\nname = "two-index"\n'


@dataclass
class WithGallery(MosquittoStage):
    """A booth whose station has a hub that takes any booth's reports, and a gallery."""

    def _files(self) -> None:
        super()._files()
        make_gallery_keys(self.folder / "gallery-keys")
        (self.folder / "gallery").mkdir()

    def _configure(self) -> None:
        super()._configure()
        port = self.ports["station"]
        (self.folder / "hub.toml").write_text(f'data = "hub"\n\n[broker]\nport = {port}\n')
        (self.folder / "gallery.toml").write_text(
            f'data = "gallery"\nkeys = "gallery-keys"\n\n[broker]\nport = {port}\n'
        )
        with (self.folder / "booth.toml").open("a") as file:
            file.write(ASKS_STATION.format("gallery-keys/gallery.pub"))

    def start_gallery(self) -> None:
        self.spawn("gallery", [*vantay("gallery"), "--config", str(self.folder / "gallery.toml")])

    def tear_down(self) -> None:
        self.end("gallery")
        super().tear_down()


@dataclass
class FirstBooth(WithGallery):
    """Such a booth, by the plan of two fingers."""

    booth: str = "booth-a"

    def _configure(self) -> None:
        super()._configure()
        with (self.folder / "booth.toml").open("a") as file:
            file.write(TWO_INDEX)


@dataclass
class OtherBooth(MosquittoStage):
    """Another booth of the same station and campaign."""

    first: FirstBooth = field(kw_only=True)
    booth: str = "booth-b"

    def _files(self) -> None:
        (self.folder / "booth").mkdir()
        campaign = self.first.folder / "keys" / "subject.key"
        make_booth_keys(self.folder / "keys", self.first.folder / "ministry" / "ministry.pub", campaign)

    def start_broker(self, name: str) -> None:
        if name == "station":
            self.ports["station"] = self.first.ports["station"]
        else:
            super().start_broker(name)

    def start_hub(self) -> None:
        """The first booth's."""

    def _configure(self) -> None:
        super()._configure()
        with (self.folder / "booth.toml").open("a") as file:
            file.write(TWO_INDEX + ASKS_STATION.format(self.first.folder / "gallery-keys" / "gallery.pub"))


@pytest.fixture
def booths(tmp_path: Path) -> Iterator[tuple[FirstBooth, OtherBooth]]:
    people = synthetic_people(Bar())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first = FirstBooth(tmp_path / "a", people, mqtt="auto")
    other = OtherBooth(tmp_path / "b", people, mqtt="auto", first=first)
    try:
        first.set_up()
        first.start_gallery()
        other.set_up()
        yield first, other
    finally:
        other.tear_down()
        first.tear_down()


@pytest.fixture
def consoles(booths: tuple[FirstBooth, OtherBooth]) -> Iterator[tuple[Console, Console]]:
    both = Console(booths[0]), Console(booths[1])
    yield both
    for console in both:
        console.link.stop()


def visits_of(stage: MosquittoStage) -> tuple[Visit, Visit, Visit]:
    """Return two visits of one person, with other impressions and another number, and a stranger."""
    visits = write_visits(read_people(stage.scans))
    (again,) = (visit for visit in visits if visit.outcome == "already-enrolled")
    return visits[0], again, replace(visits[2], missing={}, trouble=None)


def play(stage: MosquittoStage, visit: Visit) -> None:
    person = Person(stage.box_broker(), stage.booth, Hand(stage.control))
    try:
        person.visit(visit, lambda _: None)
    finally:
        person.close()


def entries(stage: MosquittoStage, kind: str) -> list[JournalEntry]:
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    found = list(Journal(store).of_kind(kind))
    store.close()
    return found


def templates(stage: MosquittoStage) -> list[bytes]:
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    found = [data for _, data in Vault(store, read_booth_keys(stage.folder / "keys").vault).all_of(ENROLLED)]
    store.close()
    assert found
    return found


def station_is(console: Console, word: str) -> None:
    console.until(lambda: bool(console.state and console.state.station == word), f"a station that is {word}")


def hub_status(first: FirstBooth) -> dict[str, object]:
    words = [*vantay("hub"), "status", "--config", str(first.folder / "hub.toml"), "--json"]
    return dict(json.loads(subprocess.run(words, check=True, capture_output=True, timeout=60).stdout))


def test_who_was_enrolled_at_one_booth_is_told_at_the_other_while_there(
    booths: tuple[FirstBooth, OtherBooth], consoles: tuple[Console, Console]
) -> None:
    (first, other), (at_first, at_other) = booths, consoles
    visit, again, stranger = visits_of(first)
    station_is(at_first, "ready")
    station_is(at_other, "ready")
    with ear(Broker(port=first.ports["station"]), "vantay/#", "vantay-gallery/#") as line:
        play(first, visit)
        at_first.until(lambda: len(entries(first, "station.settled")) == 1, "the gallery's word")
        (sealed,) = entries(first, "enrolment.sealed")
        assert sealed.body["station"] == "settled"
        assert entries(first, "station.settled")[0].body["known_as"] is None
        before = len(line.on("/ask"))
        assert before >= 3, "each finger, and then the record"
        play(other, again)
        line.wait("/gallery-answer", lambda payload: b'"booth-a"' in payload)
        assert check(line) >= {"gallery-ask", "gallery-answer", "gallery-status", "state", "journal"}
        assert all(m.topic.startswith(("vantay/v1/", "vantay-gallery/v1/booth/")) for m in line.heard)
        told = b"".join(message.payload for message in line.heard)
        for template in templates(first):
            assert template[20:60] not in told, "brokers and technicians see ciphertext"
    at_other.until(lambda: bool(at_other.state and at_other.state.ended), "the end")
    assert at_other.state
    assert at_other.state.ended
    assert at_other.state.ended.outcome == "already-enrolled"
    (found,) = [e for e in entries(other, "finding") if e.body["finding"] == "already-enrolled"]
    assert "at booth booth-a" in str(found.body["text"])
    assert found.body["of"] == sealed.body["subject"]
    play(other, stranger)
    at_other.until(lambda: len(entries(other, "station.settled")) == 1, "the gallery's word of a stranger")
    assert entries(other, "enrolment.sealed")[-1].body["outcome"] == "enrolled"
    assert entries(other, "station.settled")[0].body["known_as"] is None


def test_without_the_station_capture_goes_on_and_what_was_unsettled_is_settled_later(
    booths: tuple[FirstBooth, OtherBooth], consoles: tuple[Console, Console]
) -> None:
    (first, other), (at_first, at_other) = booths, consoles
    visit, again, stranger = visits_of(first)
    station_is(at_first, "ready")
    play(first, visit)
    at_first.until(lambda: len(entries(first, "station.settled")) == 1, "the record in the gallery")
    first.kill("gallery")
    first.kill("hub")
    assert other.cable
    other.cable.cut()
    play(other, again)
    play(other, stranger)
    sealed = [entry.body for entry in entries(other, "enrolment.sealed")]
    assert [body["outcome"] for body in sealed] == ["enrolled", "enrolled"]
    assert [body["station"] for body in sealed] == ["unsettled", "unsettled"]
    at_other.until(lambda: bool(at_other.state and at_other.state.unsettled_enrolments == 2), "the count")
    station_is(at_other, "away")
    assert entries(other, "station.settled") == []
    other.kill("booth")
    other.start_booth()
    other.cable.mend()
    first.start_hub()
    first.start_gallery()
    at_other.until(lambda: bool(at_other.state and at_other.state.found_later), "the alarm")
    at_other.until(lambda: len(entries(other, "station.settled")) == 2, "both settled")
    one, two = (entry.body for entry in entries(other, "station.settled"))
    assert (one["enrolment"], two["enrolment"]) == (sealed[0]["enrolment"], sealed[1]["enrolment"])
    assert one["known_as"] == entries(first, "enrolment.sealed")[0].body["subject"]
    assert two["known_as"] is None
    assert at_other.state
    (alarm,) = at_other.state.found_later
    assert "at booth booth-a" in alarm.text
    number = Enrol(request_id="r-1", identity_number="001090000099")
    assert at_other.ask(number).outcome == "accepted", "nobody else has to wait for it"

    def counted() -> bool:
        booth = {b["booth"]: b for b in hub_status(first)["booths"]}.get("booth-b")  # type: ignore[attr-defined]
        return bool(booth and booth["found_later"] == 1 and booth["unsettled"] == 0)

    at_other.until(counted, "the hub's count")
    assert any("booth-a" in alarm["text"] for alarm in hub_status(first)["alarms"])  # type: ignore[attr-defined]
    settle = Settle(request_id="r-2", enrolment=alarm.enrolment, reason="the person was called back")
    assert at_other.ask(settle, "settle").outcome == "accepted"
    at_other.until(lambda: bool(at_other.state and not at_other.state.found_later), "the end of the alarm")
    assert at_other.ask(settle.model_copy(update={"request_id": "r-3"}), "settle").outcome == "refused"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[FirstBooth, Console]]:
    stage = FirstBooth(tmp_path, synthetic_people(Bar()), mqtt="auto")
    try:
        stage.set_up()
        console = Console(stage)
        yield stage, console
        console.link.stop()
    finally:
        stage.tear_down()


def record_of(stage: MosquittoStage, image: str, folder: Path) -> Path:
    """Make an ISO/IEC 19794-2 record of an image, as another program would have."""
    file = folder / f"{image}.fmr"
    assert main(["extract", str(stage.scans / image), "-o", str(file)]) == 0
    return file


def enrolled(terminal: Terminal, hand: Hand, console: Console, person: str) -> None:
    """Bring an enrolment by the plan two-index to its end, from the second finger on."""
    show(hand, console, f"{person}_07_1.png")
    terminal.reads("once more, to confirm who is here", console)
    show(hand, console, f"{person}_0{console.asked_again()}_2.png")
    terminal.reads("the station has not said yet whether this person is enrolled there", console)
    terminal.type(NUMBER)
    terminal.type("- no camera today")
    terminal.reads("enrolled with 2 fingers", console)
    assert terminal.end() == 0


def test_at_a_renewal_another_person_than_the_records_is_noticed(
    alone: tuple[FirstBooth, Console], tmp_path: Path
) -> None:
    stage, console = alone
    hand, record = Hand(stage.control), record_of(stage, "0001_02_2.png", tmp_path)
    stranger = Terminal(stage, "enrol", "--earlier", str(record), "--earlier-position", "2")
    stranger.reads("identity number: ", console)
    stranger.type(NUMBER)
    stranger.type("")
    stranger.reads("[0/2] place the right index on the scanner", console)
    put(hand, console, "0002_02_1.png")
    stranger.reads("ALARM: the right index is not that of the earlier record", console)
    console.until(lambda: bool(console.state and console.state.renewal == "another"), "the alarm")
    assert console.state
    assert console.state.position is None
    stage.kill("booth")
    stage.start_booth()
    console.forget()
    console.until(lambda: bool(console.state and console.state.alarm), "the alarm after a power cut")
    stranger.type("abandon it is another person")
    stranger.reads("the enrolment was given up", console)
    assert stranger.end() == 1
    assert store_holds(stage, "earlier") == 0, "the record went with the enrolment"

    holder = Terminal(stage, "enrol", "--earlier", str(record), "--earlier-position", "2")
    holder.reads("identity number: ", console)
    holder.type(NUMBER)
    holder.type("")
    show(hand, console, "0001_02_1.png")
    holder.reads("it is the person of the earlier record", console)
    enrolled(holder, hand, console, "0001")
    (sealed,) = entries(stage, "enrolment.sealed")
    assert (sealed.body["renewal"], sealed.body["station"]) == ("same", "unsettled")
    other, same = (entry.body for entry in entries(stage, "earlier.compared"))
    assert (other["same"], same["same"], other["fmr"], same["fmr"]) == (False, True, 1e-4, 1e-4)
    assert store_holds(stage, "earlier") == 0
    hand.close()


def test_a_person_is_verified_against_the_record_made_here(
    alone: tuple[FirstBooth, Console], tmp_path: Path
) -> None:
    stage, console = alone
    hand, terminal = Hand(stage.control), Terminal(stage, "enrol")
    terminal.reads("identity number: ", console)
    terminal.type(NUMBER)
    terminal.type("")
    show(hand, console, "0001_02_1.png")
    enrolled(terminal, hand, console, "0001")

    other = Terminal(stage, "verify")
    other.reads("identity number: ", console)
    other.type(NUMBER)
    for _ in range(3):
        show_own(hand, console, "0002_02_1.png")
    other.reads("the right index is not that of the record", console)
    assert other.end() == 1

    card = record_of(stage, "0001_02_1.png", tmp_path)
    for words in ((), ("--card", str(card), "--format", "iso", "--position", "2")):
        same = Terminal(stage, "verify", *words)
        same.reads("identity number: ", console)
        same.type(NUMBER)
        show_own(hand, console, "0001_02_2.png")
        same.reads(f"the right index is that of the {'card' if words else 'record'}", console)
        assert same.end() == 0
    hand.close()
    assert [entry.body["source"] for entry in entries(stage, "person.verified")] == ["record", "both"]
    assert len(entries(stage, "person.not-verified")) == 1
    assert entries(stage, "card.handed-over") == []


def put(hand: Hand, console: Console, image: str) -> None:
    """Show a finger after which the booth asks for none."""
    console.until(lambda: console.shows(Phase.PLACE), "the wish for a finger")
    hand.put(image)
    console.until(lambda: not console.shows(Phase.PLACE) and not console.shows(Phase.HOLD), "a picture")
    hand.lift()


def store_holds(stage: MosquittoStage, kind: str) -> int:
    store = Store(stage.folder / "booth" / "booth.db", read_only=True)
    found = store.db.execute("SELECT count(*) FROM vault WHERE kind = ?", (kind,)).fetchone()[0]
    store.close()
    return int(found)
