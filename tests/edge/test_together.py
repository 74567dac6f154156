"""Booth daemon and hub together on a real broker: a full journal and its packets, killed and forked."""

import contextlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.errors import VantayError
from edge.hub.packets import PacketFiles
from edge.hub.status import status_of
from edge.hub.store import HubStore
from edge.journal import Journal
from edge.messages import CHUNK_BYTES, Reply, State, booth_topic, parse
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import AT, CLOCK, NUMBER, make_keys
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, until

pytestmark = pytest.mark.system

ENTRIES = 230  # more than two windows
PACKETS = 3


@dataclass
class Station:
    """A booth whose journal is full and has never been reported, a hub that knows nothing yet."""

    folder: Path
    booth: Program
    hub: Program
    packets: dict[str, bytes]

    def last(self) -> int:
        store = Store(self.folder / "booth" / "booth.db", read_only=True)
        try:
            return Journal(store).tail()[0]
        finally:
            store.close()

    def status(self) -> dict[str, Any]:
        try:
            store = HubStore(self.folder / "hub" / "hub.db", read_only=True)
        except VantayError:  # the hub has not begun
            return {"booths": []}
        try:
            return status_of(store)
        finally:
            store.close()

    def bytes_held(self) -> int:
        """Return how many bytes of packets the hub has, whole or not."""
        found = 0
        for path in (self.folder / "hub" / "packets").rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # it has just been moved into its place
                found += path.stat().st_size if path.is_file() else 0
        return found

    def settled(self) -> bool:
        """Whether the hub has everything, and the booth let its packets go."""
        store = Store(self.folder / "booth" / "booth.db", read_only=True)
        try:
            waiting = store.db.execute("SELECT count(*) FROM packet_waiting").fetchone()[0]
        finally:
            store.close()
        booths = self.status()["booths"]
        return not waiting and bool(booths) and booths[0]["last_seq"] == self.last()

    def check(self) -> None:
        """Every entry and every packet is at the hub, once and as it was."""
        hub = Store(self.folder / "hub" / "hub.db", read_only=True)
        rows = hub.db.execute("SELECT seq, hash FROM entry ORDER BY seq").fetchall()
        hub.close()
        store = Store(self.folder / "booth" / "booth.db", read_only=True)
        mine = list(Journal(store).read(0, len(rows)))  # the booth may write on meanwhile
        assert Journal(store).verify() >= len(rows)
        store.close()
        assert [entry.kind for entry in mine].count("packet.acknowledged") == PACKETS, "each once"
        assert [(row["seq"], row["hash"]) for row in rows] == [(entry.seq, entry.hash) for entry in mine]
        files = PacketFiles(self.folder / "hub" / "packets")
        assert {digest: files.path(digest).read_bytes() for digest in self.packets} == self.packets
        assert self.status()["alarms"] == []
        for program in (self.booth, self.hub):
            assert "Traceback" not in program.said()


def fill(path: Path, key: bytes) -> dict[str, bytes]:
    """Write a journal as three enrolments and much else leave it; return the packets by their digest."""
    store, chance, packets = Store(path), random.Random(7), {}
    journal, vault = Journal(store), Vault(store, key)
    with store.transaction():
        for n in range(ENTRIES):
            if n % (ENTRIES // PACKETS) == 50:
                data = chance.randbytes(CHUNK_BYTES * 5 + 12_345)
                digest = vault.put_packet(f"e{n}", data)
                packets[digest] = data
                body: dict[str, Any] = {
                    "enrolment": f"e{n}",
                    "subject": f"s{n}",
                    "outcome": "enrolled",
                    "duplicate_of": None,
                    "packet": digest,
                    "size": len(data),
                    "samples": {"1": f"sample{n}"},
                    "missing": {},
                }
                journal.append("enrolment.sealed", body, AT, CLOCK)
            else:
                journal.append("attempt.made", {"n": n}, AT, CLOCK)
    store.close()
    return packets


@pytest.fixture
def station(tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]) -> Station:
    keys = make_keys(tmp_path)
    for name in ("booth", "hub"):
        (tmp_path / name).mkdir()
    broker = f"[broker]\nport = {mosquitto.port}\nkeepalive = 5\n"
    (tmp_path / "booth.toml").write_text(
        f'booth = "b-1"\ndata = "booth"\nkeys = "keys"\n{broker}[scanner]\nwhere = "usbip://127.0.0.1:1"\n'
    )
    (tmp_path / "hub.toml").write_text(f'data = "hub"\nbooths = ["b-1"]\n{broker}')
    packets = fill(tmp_path / "booth" / "booth.db", keys.vault)
    hub = run(VANTAY, "hub", "--config", str(tmp_path / "hub.toml"), name="hub")
    booth = run(VANTAY, "booth", "--config", str(tmp_path / "booth.toml"), name="booth")
    return Station(tmp_path, booth, hub, packets)


@pytest.fixture
def chunks(mosquitto: Mosquitto) -> Iterator[Ear]:
    """Whoever sees every piece of a packet on its way."""
    with ear(mosquitto.broker(), "vantay-packet/#", name="chunks") as one:
        yield one


def test_everything_arrives(chunks: Ear, station: Station) -> None:
    until(station.settled, "the end of reporting")
    station.check()
    chunks.listen()
    sizes = {message.topic: len(message.payload) for message in chunks.heard}
    assert max(sizes.values()) == CHUNK_BYTES
    assert sum(sizes.values()) == sum(map(len, station.packets.values()))
    (figures,) = station.status()["booths"]
    assert (figures["enrolled"], figures["packets"], figures["missing_packets"]) == (3, 3, 0)
    kept = b"".join(path.read_bytes() for path in (station.folder / "booth").iterdir())
    assert not any(data[at : at + 32] in kept for data in station.packets.values() for at in (0, 99_999))


def test_everything_arrives_whoever_is_killed(station: Station, mosquitto: Mosquitto) -> None:
    """Somebody is killed at every seventh of the packets' way to the hub."""
    victims = {"hub": station.hub, "booth": station.booth, "broker": mosquitto}
    names = ["broker", "hub", "booth", "hub", "broker", "booth"]
    for number, name in enumerate(names, 1):
        share = sum(map(len, station.packets.values())) * number // (len(names) + 1)
        until(lambda share=share: station.bytes_held() >= share, f"part {number} of the packets")  # type: ignore[misc]
        victims[name].kill()
        victims[name].start()
    until(station.settled, "the end of reporting")
    station.check()


def test_a_hub_that_lost_its_file_gets_everything_again(station: Station) -> None:
    until(station.settled, "the end of reporting")
    station.hub.kill()
    for path in (station.folder / "hub").glob("hub.db*"):
        path.unlink()
    station.hub.start()
    until(
        lambda: [b for b in station.status()["booths"] if b["last_seq"] == station.last()],
        "the entries again",
    )
    until(lambda: station.status()["booths"][0]["missing_packets"] == 0, "the packets' place in the books")
    station.check()


def test_a_restored_old_copy_is_found_out(station: Station, mosquitto: Mosquitto) -> None:
    until(station.settled, "the end of reporting")
    station.booth.kill()
    shutil.copytree(station.folder / "booth", station.folder / "copy")
    station.booth.start()
    held = station.last()
    until(lambda: station.last() > held and station.settled(), "more entries at the hub")
    station.booth.kill()
    shutil.rmtree(station.folder / "booth")
    shutil.copytree(station.folder / "copy", station.folder / "booth")
    with ear(mosquitto.broker(), booth_topic("b-1", "state"), booth_topic("b-1", "reply")) as one:
        station.booth.start()
        state = parse(State, one.wait("/state", lambda payload: parse(State, payload).trouble))
        assert "an old copy of its data was restored" in (state.trouble or "")
        command = {"request_id": "r1", "identity_number": NUMBER}
        one.publish(booth_topic("b-1", "command/enrol"), json.dumps(command).encode())
        reply = parse(Reply, one.wait("/reply"))
        assert reply.outcome == "refused"
        assert reply.reason.startswith("nobody can be enrolled here: the hub holds another journal")
    assert station.status()["alarms"]
    assert "Traceback" not in station.booth.said()
