"""A file that can grow no more: one sentence, and what was committed before stands."""

from pathlib import Path

import pytest

from edge.errors import VantayError
from edge.journal import Journal
from edge.messages import Clock
from edge.store import Store

CLOCK = Clock(synchronised=True, boot="b", monotonic_ms=1)


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "booth.db")
    journal = Journal(store)
    pages = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count={pages + 20}")  # SQLite's own way to be full

    def fill() -> None:
        for _ in range(1000):
            with store.transaction():
                journal.append("test", {"filler": "x" * 1000}, "2026-11-22T00:00:00.000Z", CLOCK)

    with pytest.raises(VantayError, match=r"cannot be written \(database or disk is full\): make room"):
        fill()
    committed = journal.tail()[0]
    assert 0 < committed < 1000
    assert journal.verify() == committed
    store.db.execute(f"PRAGMA max_page_count={pages + 40}")  # somebody made room
    with store.transaction():
        journal.append("test", {}, "2026-11-22T00:00:00.000Z", CLOCK)
    assert journal.verify() == committed + 1
    store.close()
