"""The power goes at any write or sync: nothing that was acknowledged is lost, nothing is half there."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.hub.ledger import Ledger
from edge.hub.store import HubStore
from edge.journal import Journal
from edge.store import Store
from edge.vault import SAMPLE, Label, Vault
from tests.edge.lossy_disk import Disk, LossyVfs, sqlite_on
from tests.edge.parts import AT, CLOCK, chain

CUTS = 150  # at each of the two files
KEY = bytes(range(32))
NORMAL = {"PRAGMA synchronous=FULL": "PRAGMA synchronous=NORMAL"}


@dataclass
class Told:
    """What somebody was told is safe."""

    seq: int = 0
    hash: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Cut:
    """What the disk had when the power went, and what had been told by then."""

    step: int
    files: dict[str, bytes]
    told: Told


Day = Callable[[Path, random.Random, Callable[[Told], None]], None]


def booth_day(path: Path, chance: random.Random, tell: Callable[[Told], None]) -> None:
    """Journal, vault and cursor in one transaction each, blobs forgotten, the log emptied now and then."""
    store = Store(path)
    journal, vault, blobs = Journal(store), Vault(store, KEY), {}
    for number in range(70):
        with store.transaction():
            for _ in range(chance.randint(1, 3)):
                entry = journal.append("test", {"n": number, "pad": "x" * chance.randrange(3000)}, AT, CLOCK)
            label = Label(f"blob {number}", SAMPLE, "e", "s", 2)
            blobs[label.id] = chance.randbytes(chance.randrange(20_000))
            vault.put(label, blobs[label.id])
            if chance.random() < 0.1:
                gone = chance.choice(sorted(blobs))
                vault.forget(gone)
                del blobs[gone]
            store.move_cursor("hub", entry.seq)
        tell(Told(entry.seq, entry.hash, dict(blobs)))
    store.close()


def hub_day(path: Path, chance: random.Random, tell: Callable[[Told], None]) -> None:
    """Batches of a booth's entries; the log grows until SQLite moves it into the file itself."""
    store = HubStore(path)
    ledger, entries = Ledger(store), chain([{"n": n, "pad": "x" * 9000} for n in range(450)])
    while entries:
        size = chance.randint(1, 12)
        with store.transaction():
            assert {ledger.take("b-1", entry, AT) for entry in entries[:size]} == {"new"}
        entries = entries[size:]
        standing = ledger.standing("b-1")
        tell(Told(standing.last_seq, standing.last_hash))
    store.close()


class Watch:
    """Passes a day on a lossy disk and looks at the disk at some of its steps."""

    def __init__(self, day: Day, path: Path, moments: set[int]) -> None:
        self.cuts: list[Cut] = []
        self.disk = Disk()
        self.vfs = LossyVfs(self.disk)
        self.disk.after_step = self._look
        self._day, self._path, self._moments = day, path, moments
        self._chance, self._told = random.Random(9), Told()

    def pass_day(self) -> None:
        self._day(self._path, random.Random(7), self._tell)

    def _tell(self, told: Told) -> None:
        self._told = told

    def _look(self) -> None:
        if self.disk.steps in self._moments:
            self.cuts.append(Cut(self.disk.steps, self.disk.after_the_cut(self._chance), self._told))


def cuts_of(
    day: Day, folder: Path, monkeypatch: pytest.MonkeyPatch, instead: dict[str, str] | None = None
) -> list[Cut]:
    """Return what the disk had at moments drawn from all the writes and syncs of a day."""
    moments: set[int] = set()
    for name in ("rehearsal", "day"):
        watch = Watch(day, folder / f"{name}.db", moments)
        with monkeypatch.context() as patch:
            patch.setattr("edge.store.sqlite3", sqlite_on(watch.vfs, instead))
            watch.pass_day()
        moments = set(random.Random(8).sample(range(1, watch.disk.steps + 1), CUTS))
    assert len(watch.cuts) == CUTS
    return watch.cuts


def laid_out(cut: Cut, folder: Path) -> Path:
    """Put the files of a cut where they are found when the power is back."""
    folder.mkdir()
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)
    return folder / "day.db"


def what_the_booth_lost(cut: Cut, folder: Path) -> str | None:
    """Open the booth's file as the booth does; return what is wrong."""
    store = Store(laid_out(cut, folder))
    try:
        journal, vault = Journal(store), Vault(store, KEY)
        count = journal.verify()
        if count < cut.told.seq:
            return f"entries {count + 1} to {cut.told.seq}"
        if cut.told.seq and journal.hash_at(cut.told.seq) != cut.told.hash:
            return f"entry {cut.told.seq} is another"
        if store.cursor_at("hub") != count:
            return "cursor and journal do not belong together"
        found = {label.id: data for label, data in vault.all_of(SAMPLE)}
        if count == cut.told.seq and found != cut.told.blobs:
            return f"blobs {sorted(found.keys() ^ cut.told.blobs.keys())}"
        return None
    finally:
        store.close()


def what_the_hub_lost(cut: Cut, folder: Path) -> str | None:
    store = HubStore(laid_out(cut, folder))
    try:
        rows = store.db.execute("SELECT seq, hash FROM entry ORDER BY seq").fetchall()
        if [row["seq"] for row in rows] != list(range(1, len(rows) + 1)):
            return "entries are not in a row"
        if len(rows) < cut.told.seq:
            return f"entries {len(rows) + 1} to {cut.told.seq}"
        if cut.told.seq and rows[cut.told.seq - 1]["hash"] != cut.told.hash:
            return f"entry {cut.told.seq} is another"
        return None if Ledger(store).standing("b-1").last_seq == len(rows) else "the standing is another"
    finally:
        store.close()


SIDES = [(booth_day, what_the_booth_lost), (hub_day, what_the_hub_lost)]


@pytest.mark.parametrize(("day", "lost"), SIDES, ids=["booth", "hub"])
def test_nothing_acknowledged_is_lost_when_the_power_goes(
    day: Day, lost: Callable[[Cut, Path], str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = cuts_of(day, tmp_path, monkeypatch)
    wrong = {cut.step: why for cut in cuts if (why := lost(cut, tmp_path / f"cut {cut.step}"))}
    assert wrong == {}
    assert max(cut.told.seq for cut in cuts) > 100
    assert {name.rpartition("-")[2] for cut in cuts for name in cut.files} >= {"day.db", "wal"}


@pytest.mark.parametrize(("day", "lost"), SIDES, ids=["booth", "hub"])
def test_with_fewer_syncs_something_would_be_lost(
    day: Day, lost: Callable[[Cut, Path], str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = cuts_of(day, tmp_path, monkeypatch, NORMAL)
    assert any(lost(cut, tmp_path / f"cut {cut.step}") for cut in cuts)
