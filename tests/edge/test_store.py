"""The booth's file: all or nothing, on disk at commit, and nobody else's to read."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.errors import StoreBusy, VantayError
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.store import Store
from edge.vault import SAMPLE, Label, Vault
from tests.edge.parts import AT, CLOCK


class Trouble(Exception):
    """Something goes wrong in the middle."""


def counts(store: Store) -> list[int]:
    tables = ("journal", "vault", "packet", "cursor")
    return [store.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


def fill(store: Store, keys: BoothKeys, name: str) -> None:
    vault = Vault(store, keys.vault)
    Journal(store).append("test", {}, AT, CLOCK)
    vault.put(Label(name, SAMPLE, "e", "s"), b"data")
    vault.put_packet(name, name.encode())
    store.move_cursor(name, 3)


def fill_and_fail(store: Store, keys: BoothKeys) -> None:
    with store.transaction():
        fill(store, keys, "a")
        assert counts(store) == [1, 2, 1, 1]
        raise Trouble


def test_a_transaction_that_fails_leaves_nothing(store: Store, keys: BoothKeys) -> None:
    with pytest.raises(Trouble):
        fill_and_fail(store, keys)
    assert counts(store) == [0, 0, 0, 0]
    with store.transaction():
        fill(store, keys, "a")
    assert counts(store) == [1, 2, 1, 1]


def test_a_nested_transaction_joins_the_outer_one(store: Store, keys: BoothKeys) -> None:
    with pytest.raises(Trouble), store.transaction():
        fill_and_fail(store, keys)
    assert counts(store) == [0, 0, 0, 0]


def test_others_see_nothing_before_the_commit(store: Store, keys: BoothKeys, tmp_path: Path) -> None:
    reader = Store(tmp_path / "booth.db", read_only=True)
    with store.transaction():
        fill(store, keys, "a")
        assert counts(reader) == [0, 0, 0, 0]
    assert counts(reader) == [1, 2, 1, 1]
    reader.close()


def test_a_commit_that_fails_leaves_nothing_and_no_open_transaction(store: Store) -> None:
    store.db.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY);"
        "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"
    )
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), store.transaction():
        store.db.execute("INSERT INTO child VALUES (7)")
    assert not store.db.in_transaction
    assert store.db.execute("SELECT count(*) FROM child").fetchone()[0] == 0


def test_what_went_wrong_is_told_when_sqlite_has_rolled_back_itself(store: Store) -> None:
    store.db.executescript(
        "CREATE TABLE full (n); CREATE TRIGGER no BEFORE INSERT ON full BEGIN"
        " SELECT RAISE(ROLLBACK, 'the disk is full'); END;"
    )
    with pytest.raises(sqlite3.IntegrityError, match="the disk is full"), store.transaction():
        store.db.execute("INSERT INTO full VALUES (1)")
    assert not store.db.in_transaction


def test_a_commit_is_synchronous_and_a_purge_overwrites(store: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}  # 2: FULL
    assert {name: store.db.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_every_file_is_for_its_owner_only_from_the_first_moment(tmp_path: Path, keys: BoothKeys) -> None:
    store = Store(tmp_path / "booth.db")
    fill(store, keys, "a")
    files = sorted(tmp_path.glob("booth.db*"))
    assert [file.name for file in files] == ["booth.db", "booth.db-shm", "booth.db-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_cursors_stand_where_they_were_moved(store: Store) -> None:
    assert store.cursor_at("a") == 0
    store.move_cursor("a", 7)
    store.move_cursor("b", 1)
    store.move_cursor("a", 9)
    assert (store.cursor_at("a"), store.cursor_at("b")) == (9, 1)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "booth.db"
    path.write_text("this is a text file, long enough to be mistaken for a database" * 20)
    with pytest.raises(
        VantayError, match=rf"the booth's file {path} cannot be opened: file is not a database"
    ):
        Store(path)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_missing_folder_is_named(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "nowhere" / "booth.db"
    with pytest.raises(VantayError, match=rf"the booth's file {path} cannot be opened"):
        Store(path, read_only=read_only)


def test_a_file_that_is_empty_is_named(tmp_path: Path) -> None:
    path = tmp_path / "booth.db"
    path.touch()
    with pytest.raises(VantayError, match=rf"the booth's file {path} is empty: nothing has run with it yet"):
        Store(path, read_only=True)


def test_reading_does_not_write(store: Store, keys: BoothKeys, tmp_path: Path) -> None:
    fill(store, keys, "a")
    reader = Store(tmp_path / "booth.db", read_only=True)
    with pytest.raises(VantayError, match="readonly"):
        reader.move_cursor("a", 1)
    reader.close()


@contextmanager
def locked(file: Path, seconds: float) -> Iterator[None]:
    """Another process writes to a file meanwhile, for so many seconds."""
    words = [sys.executable, "-m", "tests.edge.hold_lock", str(file), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        yield
    assert other.returncode == 0


def test_what_another_program_keeps_locked_is_told_and_nothing_is_written(
    store: Store, tmp_path: Path
) -> None:
    store.db.execute("PRAGMA busy_timeout=100")
    with locked(tmp_path / "booth.db", 2.0):
        with (
            pytest.raises(StoreBusy, match="is locked: another program has been writing"),
            store.transaction(),
        ):
            raise AssertionError
        with pytest.raises(StoreBusy, match="wait until it has ended"):
            store.move_cursor("a", 1)
        assert not store.db.in_transaction
    store.move_cursor("a", 1)
    assert counts(store) == [0, 0, 0, 1]


def test_a_file_that_is_locked_when_it_is_opened_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counts(store) == [0, 0, 0, 0]
    monkeypatch.setattr("edge.store.BUSY_MS", 100)
    with locked(tmp_path / "booth.db", 2.0), pytest.raises(StoreBusy, match="the booth's file is locked"):
        Store(tmp_path / "booth.db")


def test_who_may_wait_is_told_and_writes_when_the_other_program_has_ended(
    store: Store, tmp_path: Path
) -> None:
    store.db.execute("PRAGMA busy_timeout=100")
    waited: list[float] = []
    store.on_busy = waited.append
    with locked(tmp_path / "booth.db", 1.0):
        with pytest.raises(StoreBusy), store.transaction(wait=False):
            raise AssertionError
        assert waited == []
        store.move_cursor("a", 1)
        assert len(waited) > 1
    assert store.cursor_at("a") == 1
