"""Two booths, a hub, a gallery and mosquittos: who was enrolled at one booth is found at the other."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge.commands.demo import Bar, synthetic_people
from edge.demo.person import Hand, Person
from edge.demo.script import Visit, read_people, write_visits
from edge.demo.stage import vantay
from edge.journal import Journal
from edge.keys import make_booth_keys, make_gallery_keys, read_booth_keys
from edge.messages import Enrol, JournalEntry, Settle
from edge.settings import Broker
from edge.store import Store
from edge.vault import ENROLLED, Vault
from tests.edge.programs import ear
from tests.system.production import Console, MosquittoStage

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

ASKS_STATION = '\n[plan]\nname = "two-index"\n\n[station]\nkey = "{}"\nwait_seconds = 5\n'


@dataclass
class FirstBooth(MosquittoStage):
    """A booth whose station has a hub that takes any booth's reports, and a gallery."""

    booth: str = "booth-a"

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
            file.write(ASKS_STATION.format(self.first.folder / "gallery-keys" / "gallery.pub"))


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
        line.listen()
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
