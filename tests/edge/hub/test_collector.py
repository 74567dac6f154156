"""The hub as a process on a real broker: acknowledges what it holds, asks for what it lacks, resumes."""

import hashlib
import json
import queue
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.booth.retention import PACKETS_PURGED
from edge.hub.ledger import CLOSED, SEALED, Ledger
from edge.hub.packets import PacketFiles
from edge.hub.reading import opened, writable
from edge.messages import (
    CHUNK_BYTES,
    Acknowledgement,
    HubStatus,
    JournalEntry,
    PacketAcknowledgement,
    PacketWanted,
    Resend,
    booth_topic,
    packet_topic,
    parse,
)
from edge.mqtt import Link, LinkEvent
from tests.edge.hub.hubs import database
from tests.edge.parts import chain
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, until

pytestmark = pytest.mark.system

BOOTH = "b-1"
WORDS = ("ack", "resend", "packet-wanted", "packet-ack")
with_a_file = pytest.mark.parametrize("url", [None])  # what has nothing to do with the database


@dataclass
class Hub:
    """The program, its folder, and what its files say."""

    program: Program
    folder: Path
    place: Path | str

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        store = opened(self.place)
        try:
            yield Ledger(store)
        finally:
            store.close()

    def standing(self, booth: str = BOOTH) -> int:
        with self.ledger() as ledger:
            return ledger.standing(booth).last_seq

    def status(self, *options: str) -> str:
        command = [VANTAY, "hub", "status", "--config", str(self.folder.parent / "hub.toml"), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = json.loads(self.status("--json"))
        return figures


@pytest.fixture
def hub(tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program], url: str | None) -> Hub:
    """A running hub that knows b-1 and b-2."""
    (tmp_path / "hub").mkdir()
    broker = f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
    (tmp_path / "hub.toml").write_text(f'{database(url)}data = "hub"\nbooths = ["b-1", "b-2"]\n{broker}')
    program = run(VANTAY, "hub", "--config", str(tmp_path / "hub.toml"), name="hub")
    with ear(mosquitto.broker(), "vantay/v1/hub/status") as one:
        one.wait("status", lambda payload: parse(HubStatus, payload).online)
    return Hub(program, tmp_path / "hub", url or tmp_path / "hub" / "hub.db")


class Booth(Ear):
    """What a booth says and hears, word by word, by the test's hand."""

    def say(self, *entries: JournalEntry, booth: str = BOOTH) -> None:
        for entry in entries:
            self.publish(booth_topic(booth, "journal"), entry.payload())

    def acknowledged(self) -> int:
        return max((parse(Acknowledgement, word).seq for word in self.on("/ack")), default=0)

    def until_acknowledged(self, seq: int) -> None:
        until(lambda: self.acknowledged() >= seq, f"the acknowledgement of {seq}")

    def next_wanted(self, after: int = 0) -> PacketWanted:
        """Wait for the wish after the first `after` ones."""
        wishes = until(lambda: self.on("/packet-wanted")[after:], "a wish for a packet")
        wish: PacketWanted = parse(PacketWanted, wishes[0])
        return wish

    def piece(self, wish: PacketWanted, data: bytes) -> None:
        chunk = data[wish.offset : wish.offset + CHUNK_BYTES]
        self.publish(packet_topic(BOOTH, wish.packet, wish.offset), chunk)


@pytest.fixture
def booth(mosquitto: Mosquitto) -> Iterator[Booth]:
    mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    topics = [booth_topic("+", word) for word in WORDS]
    one = Booth(Link(mosquitto.broker(), "test-booth", topics, mailbox.put), mailbox)
    one.link.start()
    one.up()
    yield one
    one.link.stop()


def sealed_fact(data: bytes, enrolment: str = "e1", **changes: Any) -> dict[str, Any]:
    return {
        "packet": hashlib.sha256(data).hexdigest(),
        "enrolment": enrolment,
        "size": len(data),
        "outcome": "enrolled",
        "samples": {"1": "a", "2": "b"},
        **changes,
    }


def after(entries: list[JournalEntry], body: dict[str, Any], kind: str) -> JournalEntry:
    """Return the entry that follows."""
    return chain([body], kind, entries[-1].seq + 1, entries[-1].hash)[0]


def test_only_what_is_on_disk_is_acknowledged(hub: Hub, booth: Booth) -> None:
    entries = chain([{"n": n} for n in range(60)])
    chance = random.Random(3)
    heard = 0
    for _ in range(4):
        booth.say(*entries)
        goal = heard + chance.randint(1, 12)
        until(lambda goal=goal: booth.acknowledged() >= goal or hub.standing() == 60, "progress")  # type: ignore[misc]
        hub.program.kill()
        heard = booth.acknowledged()
        assert hub.standing() >= heard, "acknowledged, and not held after the kill"
        hub.program.start()
    booth.say(*entries)
    booth.until_acknowledged(60)
    with hub.ledger() as ledger:
        rows = ledger.db.execute("SELECT seq, hash FROM entry ORDER BY seq").fetchall()
    assert [(row["seq"], row["hash"]) for row in rows] == [(entry.seq, entry.hash) for entry in entries]
    last = parse(Acknowledgement, booth.on("/ack")[-1])
    assert last == Acknowledgement(seq=60, hash=entries[-1].hash)


def test_nothing_is_acknowledged_before_the_commit(hub: Hub, booth: Booth) -> None:
    other = writable(hub.place)
    with other.batch([BOOTH]):  # the hub cannot write while this lasts
        other.db.execute("SELECT 1").fetchone()  # what was asked for before is had by then
        booth.say(*chain([{"n": n} for n in range(3)]))
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            assert booth.on("/ack") == []
    other.close()
    booth.until_acknowledged(3)
    assert hub.standing() == 3


def test_a_gap_is_asked_for_and_closed(hub: Hub, booth: Booth) -> None:
    entries = chain([{"n": n} for n in range(8)])
    booth.say(*entries[:3])
    booth.until_acknowledged(3)
    booth.say(*entries[5:])
    assert parse(Resend, booth.wait("/resend")) == Resend(from_seq=4)
    assert hub.figures()["booths"][0]["missing_entries"] == 5
    booth.say(*entries[3:])
    booth.until_acknowledged(8)
    assert hub.figures()["booths"][0]["missing_entries"] == 0


def test_what_is_known_already_is_acknowledged_again(hub: Hub, booth: Booth) -> None:
    entries = chain([{"n": n} for n in range(3)])
    booth.say(*entries)
    booth.until_acknowledged(3)
    booth.heard.clear()
    booth.say(entries[1])
    booth.until_acknowledged(3)
    assert hub.standing() == 3


def test_a_packet_is_fetched_in_pieces_and_resumed_after_a_kill(
    hub: Hub, booth: Booth, tmp_path: Path
) -> None:
    data = random.Random(5).randbytes(4 * CHUNK_BYTES + 1000)
    digest = hashlib.sha256(data).hexdigest()
    entries = chain([{"n": 0}])
    entries.append(after(entries, sealed_fact(data), SEALED))
    booth.say(*entries)
    wishes: list[PacketWanted] = []
    killed = False
    while not booth.on("/packet-ack"):
        wish = until(
            lambda: (booth.on("/packet-wanted")[len(wishes) :] or booth.on("/packet-ack"))[:1],
            "a wish or the end",
        )[0]
        if booth.on("/packet-ack"):
            break
        wishes.append(parse(PacketWanted, wish))
        assert wishes[-1].packet == digest
        if wishes[-1].offset == 2 * CHUNK_BYTES and not killed:
            killed = True
            hub.program.kill()
            partial = PacketFiles(hub.folder / "packets").received(digest)
            assert partial == 2 * CHUNK_BYTES
            hub.program.start()
            continue
        booth.piece(wishes[-1], data)
    assert killed
    offsets = [wish.offset for wish in wishes]
    assert offsets == sorted(offsets), "never back to the start"
    assert set(offsets) == {n * CHUNK_BYTES for n in range(5)}
    assert parse(PacketAcknowledgement, booth.on("/packet-ack")[0]) == PacketAcknowledgement(
        packet=digest, size=len(data)
    )
    assert PacketFiles(hub.folder / "packets").path(digest).read_bytes() == data
    with hub.ledger() as ledger:
        (packet,) = ledger.open_packets(BOOTH)
        assert packet.complete
    booth.say(after(entries, {"packet": digest, "size": len(data)}, CLOSED))
    booth.until_acknowledged(3)
    with hub.ledger() as ledger:
        assert ledger.open_packets(BOOTH) == []


def test_a_wrong_packet_is_thrown_away_and_asked_for_again(hub: Hub, booth: Booth) -> None:
    data = b"the sealed packet"
    entries = chain([{"n": 0}])
    booth.say(*entries, after(entries, sealed_fact(data), SEALED))
    first = booth.next_wanted()
    assert first.offset == 0
    booth.piece(first, b"another one, here")
    again = booth.next_wanted(after=1)
    assert again.offset == 0
    assert not PacketFiles(hub.folder / "packets").path(first.packet).exists()
    booth.piece(again, data)
    booth.wait("/packet-ack")
    assert PacketFiles(hub.folder / "packets").path(first.packet).read_bytes() == data


@with_a_file
def test_a_packet_that_the_hub_lost_is_looked_for_on_disk_and_asked_for_the_newest_first(
    hub: Hub, booth: Booth
) -> None:
    held, lost, fresh = b"a packet on disk", b"a packet that is lost", b"a packet of today"
    digest = hashlib.sha256(held).hexdigest()
    files = PacketFiles(hub.folder / "packets")
    files.add(digest, 0, held, len(held))
    files.finish(digest, len(held))
    entries = chain([{"n": 0}])
    for n, data in enumerate((held, *(lost + b"%d" % n for n in range(5)))):
        entries.append(after(entries, sealed_fact(data, f"e{n}"), SEALED))
        entries.append(after(entries, {"packet": hashlib.sha256(data).hexdigest(), "size": 1}, CLOSED))
    entries.append(after(entries, sealed_fact(fresh, "e9"), SEALED))
    booth.say(*entries)
    booth.until_acknowledged(len(entries))
    until(lambda: hub.figures()["booths"][0]["packets"] == 1, "the packet on disk in the books")
    assert hub.figures()["booths"][0]["missing_packets"] == 6
    newest = {hashlib.sha256(lost + b"%d" % n).hexdigest() for n in range(1, 5)}

    def wishes() -> dict[str, PacketWanted]:
        return {wish.packet: wish for wish in (parse(PacketWanted, w) for w in booth.on("/packet-wanted"))}

    until(lambda: newest <= wishes().keys(), "the newest four of what it lost")
    before = len(booth.on("/packet-wanted"))
    until(
        lambda: len(booth.on("/packet-wanted")) > before + 1,
        "the packet of today: the lost ones hold nobody up",
    )
    assert {parse(PacketWanted, wish).packet for wish in booth.on("/packet-wanted")[before:]} == {
        hashlib.sha256(fresh).hexdigest()
    }, "those that were lost are not asked for again so soon"
    one = hashlib.sha256(lost + b"4").hexdigest()
    booth.piece(wishes()[one], lost + b"4")
    until(lambda: hub.figures()["booths"][0]["packets"] == 2, "one that the booth still had")


def bring(booth: Booth, entries: list[JournalEntry], data: bytes) -> None:
    """Tell the entries, and send the packet that they announce until the hub has it."""
    booth.say(*entries)
    booth.piece(booth.next_wanted(), data)
    booth.wait("/packet-ack")


@with_a_file
def test_a_damaged_packet_is_not_acknowledged_unread_by_a_hub_that_lost_its_file(
    hub: Hub, booth: Booth
) -> None:
    data = b"the sealed packet"
    entries = chain([{"n": 0}])
    entries.append(after(entries, sealed_fact(data), SEALED))
    bring(booth, entries, data)
    hub.program.kill()
    path = PacketFiles(hub.folder / "packets").path(hashlib.sha256(data).hexdigest())
    path.write_bytes(data[:9])
    for file in hub.folder.glob("hub.db*"):
        file.unlink()
    booth.heard.clear()
    hub.program.start()
    booth.say(*entries)
    wish = booth.next_wanted()
    assert (wish.offset, booth.on("/packet-ack")) == (0, [])
    booth.piece(wish, data)
    booth.wait("/packet-ack")
    assert path.read_bytes() == data
    assert (hub.folder / "packets" / "damaged" / path.name).read_bytes() == data[:9]


@with_a_file
def test_a_packet_that_went_with_the_hub_down_is_asked_for_however_long_ago_the_booth_let_it_go(
    hub: Hub, booth: Booth
) -> None:
    data = b"the sealed packet"
    entries = chain([{"n": 0}])
    entries.append(after(entries, sealed_fact(data), SEALED))
    digest = hashlib.sha256(data).hexdigest()
    entries.append(after(entries, {"packet": digest, "size": len(data)}, CLOSED))
    bring(booth, entries[:2], data)
    booth.say(entries[2])
    booth.until_acknowledged(3)
    hub.program.kill()
    store = writable(hub.place)
    store.db.execute("UPDATE packet SET closed_at = '2020-01-01T00:00:00.000Z'")
    store.close()
    path = PacketFiles(hub.folder / "packets").path(digest)
    path.unlink()
    booth.heard.clear()
    hub.program.start()
    wish = booth.next_wanted()
    assert "gone or damaged: booth b-1 is asked for it again" in hub.status()
    booth.piece(wish, data)
    until(path.exists, "the packet, once more")
    until(lambda: hub.figures()["booths"][0]["packets"] == 1, "the packet in the books")


def test_a_booth_that_destroys_what_is_not_held_is_an_alarm(hub: Hub, booth: Booth) -> None:
    held, lacking = b"a packet", b"a packet that never came"
    digests = [hashlib.sha256(data).hexdigest() for data in (held, lacking)]
    entries = chain([{"n": 0}])
    for n, data in enumerate((held, lacking)):
        entries.append(after(entries, sealed_fact(data, f"e{n}"), SEALED))
    booth.say(*entries)
    booth.piece(booth.next_wanted(), held)
    booth.wait("/packet-ack")
    said: list[Any] = [*digests, "ab" * 32, 7, "\0"]
    entries.append(after(entries, {"packets": said}, PACKETS_PURGED))
    entries.append(after(entries, {"packets": None}, PACKETS_PURGED))
    booth.say(*entries[3:])
    booth.until_acknowledged(5)
    (alarm,) = hub.figures()["alarms"]
    assert (alarm["seq"], alarm["count"]) == (4, 1)
    assert alarm["text"] == (
        f"booth b-1 destroyed packet {digests[1][:12]} of enrolment e1, not held here: nobody may have it"
    )


@with_a_file
def test_pieces_that_nobody_announced_are_not_kept(hub: Hub, booth: Booth) -> None:
    booth.publish(packet_topic(BOOTH, "ab" * 32, 0), b"unasked")
    data = b"the sealed packet"
    entries = chain([{"n": 0}])
    booth.say(*entries, after(entries, sealed_fact(data), SEALED))
    wish = booth.next_wanted()
    booth.publish(packet_topic("b-2", wish.packet, 0), data)  # another booth's packet
    booth.say(*chain([{"n": 0}]), booth="b-2")
    until(lambda: hub.standing("b-2") == 1, "the entry behind it")
    assert [path.name for path in (hub.folder / "packets").rglob("*")] == ["partial"]


@with_a_file
def test_an_unknown_booth_and_nonsense_are_ignored(hub: Hub, booth: Booth) -> None:
    entries = chain([{"n": n} for n in range(2)])
    booth.say(*entries, booth="b-9")
    for nonsense in (b"", b"no JSON", b"[]", b"\xff\xfe", b"{}", b"[" * 100_000, entries[0].payload()[:-9]):
        booth.publish(booth_topic(BOOTH, "journal"), nonsense)
    booth.publish(booth_topic(BOOTH, "journal"), entries[0].payload().replace(b'"n":0', b'"n":NaN'))
    booth.publish("vantay/v1/booth/B%201/journal", entries[0].payload())
    booth.say(*entries)
    booth.until_acknowledged(2)
    figures = hub.figures()
    assert [one["booth"] for one in figures["booths"]] == ["b-1"]
    assert {message.topic for message in booth.heard} == {booth_topic(BOOTH, "ack")}
    assert "an unknown booth was ignored" in hub.program.said()
    assert "Traceback" not in hub.program.said()


def test_a_fork_is_refused_and_an_alarm_is_shown(hub: Hub, booth: Booth) -> None:
    booth.say(*chain([{"n": n} for n in range(3)]))
    booth.until_acknowledged(3)
    booth.say(*chain([{"n": "other"}]))
    text = "entry 1 of booth b-1 was refused: another entry is held under this number: "
    until(lambda: text in hub.status(), "the alarm")
    (alarm,) = hub.figures()["alarms"]
    assert alarm["text"].startswith(text)
    assert hub.standing() == 3


@with_a_file
def test_the_status_in_figures_and_as_a_table(hub: Hub, booth: Booth) -> None:
    assert hub.status() == "no booth has reported yet\n"
    looked = {"packets_looked_for": 0, "packets_not_there": 0}
    assert hub.figures() == {"booths": [], "alarms": [], **looked}
    entries = chain([{"n": 0}])
    for n, outcome in enumerate(("enrolled", "enrolled", "already-enrolled")):
        fact = sealed_fact(b"%d" % n, f"e{n}", outcome=outcome)
        entries.append(after(entries, fact, SEALED))
    entries.append(after(entries, {"enrolment": "e9"}, "enrolment.abandoned"))
    booth.say(*entries)
    booth.piece(booth.next_wanted(), b"0")
    booth.wait("/packet-ack")
    (figures,) = hub.figures()["booths"]
    assert {key: value for key, value in figures.items() if key != "heard_at"} == {
        "booth": "b-1",
        "last_seq": 5,
        "missing_entries": 0,
        "enrolled": 2,
        "already_enrolled": 1,
        "abandoned": 1,
        "samples": 6,
        "packets": 1,
        "missing_packets": 2,
        "unsettled": 0,
        "found_later": 0,
    }
    head, row = hub.status().splitlines()
    assert head.split("  ")[0].strip() == "booth"
    assert row.split() == ["b-1", "5", "0", "2", "1", "1", "0", "0", "6", "1", "2", figures["heard_at"]]
    hub.program.kill()
    assert hub.figures()["booths"] == [figures], "also after a kill"
    hub.program.start()
    until(lambda: hub.program.said().count("broker connected") == 2, "the hub")
    assert hub.program.end() == 0
    assert hub.figures()["booths"] == [figures], "also when it does not run"


@with_a_file
def test_the_hub_says_whether_it_is_there(hub: Hub, mosquitto: Mosquitto) -> None:
    with ear(mosquitto.broker(), "vantay/v1/hub/status") as one:
        one.wait("status", lambda payload: parse(HubStatus, payload).online)
        hub.program.kill()
        one.wait("status", lambda payload: not parse(HubStatus, payload).online)
        hub.program.start()
        until(lambda: parse(HubStatus, one.on("status")[-1]).online, "the hub's return")
        assert hub.program.end() == 0
        until(lambda: not parse(HubStatus, one.on("status")[-1]).online, "the hub's goodbye")


@with_a_file
def test_the_hub_comes_back_with_its_broker(hub: Hub, booth: Booth, mosquitto: Mosquitto) -> None:
    entries = chain([{"n": n} for n in range(4)])
    booth.say(*entries[:2])
    booth.until_acknowledged(2)
    mosquitto.kill()
    booth.down()
    mosquitto.start()
    booth.up(2)
    with ear(mosquitto.broker(), "vantay/v1/hub/status", name="watch") as one:
        one.wait("status", lambda payload: parse(HubStatus, payload).online)
    booth.say(*entries[2:])
    booth.until_acknowledged(4)


def one_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@with_a_file
def test_a_second_hub_on_the_same_folder_is_refused(hub: Hub) -> None:
    said = one_line([VANTAY, "hub", "--config", str(hub.folder.parent / "hub.toml")])
    assert said == f"vantay: another hub (process {hub.program.pid}) uses {hub.folder}: stop it first\n"


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('data = "nowhere"\n')
    config = ["--config", str(tmp_path / "hub.toml")]
    assert "the data folder" in one_line([VANTAY, "hub", *config])
    assert "hub.db does not exist" in one_line([VANTAY, "hub", "status", *config])
