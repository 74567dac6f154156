"""Booths' journal entries as the campaign's events (what counts as what: campaign_told.py), each once.

How far a booth's journal is counted is kept beside its counts (`campaign_booth`), written with them. What a
booth told before the campaign knew it, or while another definition was in force, is counted when the hub next
starts: a slice of numbers to a transaction, from where the last one ended. A step of a file that came before
the file itself (a card handed over elsewhere) waits in `campaign_early`.

That a packet is at the hub is no event: `sent` and `acknowledged` are the ministry's, told by the delivery
(delivery.py) and by imports. Earlier releases took the one for the other; the first count of a booth takes
that back.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from edge.campaign.events import Event, file_of
from edge.hub.campaign import CampaignBook, Step, moment
from edge.hub.campaign_files import NAME
from edge.hub.campaign_told import KINDS, Memory, Told, events_of, moment_of
from edge.hub.ledger import CLOSED
from edge.messages import Clock, JournalEntry, canonical

SLICE = 5000  # numbers of a journal that one transaction of a start looks through
EARLY_AT_ONCE = 1000
HELD_OF = "SELECT booth, rule, seq, outside, memory FROM campaign_booth WHERE booth IN ({})"
MOVE_ON = """
INSERT INTO campaign_booth VALUES (?, ?, ?, ?, ?) ON CONFLICT (booth) DO UPDATE SET
    rule = excluded.rule, seq = excluded.seq, outside = excluded.outside, memory = excluded.memory
"""
PUT_EARLY = "INSERT INTO campaign_early VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
EARLY = "SELECT file, at, unit, place FROM campaign_early WHERE file = ?"
EARLIEST = "SELECT file, at, unit, place FROM campaign_early WHERE file > ? ORDER BY file LIMIT ?"
NOT_EARLY = "DELETE FROM campaign_early WHERE file = ?"
DELIVERED = "SELECT delivered_at, accepted_at FROM delivery WHERE hash = ?"
LAST = "SELECT name, last_seq FROM booth"
ENTRIES = f"""
SELECT seq, at, clock, kind, body, hash FROM entry
WHERE booth = ? AND seq > ? AND seq <= ? AND kind IN ({", ".join("?" * (len(KINDS) + 1))}) ORDER BY seq
"""  # noqa: S608 - ours


@dataclass(slots=True)
class _Counted:
    """How far a booth's journal is counted."""

    seq: int = 0
    outside: int = 0  # records whose time is of none of the campaign's days
    memory: Memory = field(default_factory=Memory)


@dataclass(slots=True)
class _Batch:
    booths: dict[str, _Counted]
    events: list[tuple[str, Event]] = field(default_factory=list)
    arrived: list[tuple[str, int, int]] = field(default_factory=list)  # packets, when, and by the hub's clock


class JournalCounter:
    """Takes entries inside the collector's transaction."""

    def __init__(self, book: CampaignBook) -> None:
        self.book, self._db = book, book.store.db
        self.counted = 0  # events, since the start
        self._batch: _Batch | None = None
        self._rules = book.rules()  # of the booths that are counted
        book.prepare()
        counted = self._read(sorted(self._rules))
        held = {row["name"]: row["last_seq"] for row in self._db.execute(LAST).fetchall()}
        for booth in self._rules:
            more = booth not in counted or counted[booth].seq < held.get(booth, 0)
            while more:
                more = self._count_slice(booth)
        last = ""
        while last := self._look_for_early(last):
            pass

    @contextmanager
    def batch(self, booths: Iterable[str]) -> Iterator[None]:
        """Count the entries of these booths together; inside a transaction that has them to itself."""
        self._batch = batch = _Batch(self._read(sorted(self._rules.keys() & set(booths))))
        try:
            yield
            self._write(batch)
        finally:
            self._batch = None

    def take(self, booth: str, entry: JournalEntry, received: str) -> None:
        """Count an entry that is new."""
        if booth not in self._rules:
            return
        if self._batch is None:
            with self.batch([booth]):
                self._take(booth, entry, received)
        else:
            self._take(booth, entry, received)

    def _take(self, booth: str, entry: JournalEntry, received: str) -> None:
        counted = self._batch.booths.get(booth) if self._batch else None
        follows = counted is not None and counted.seq == entry.seq - 1
        memory = counted.memory if counted and follows else Memory()
        if entry.kind in KINDS:
            told = Told(entry.kind, entry.body, entry.hash, moment_of(entry.at, entry.clock, received))
            self._add(booth, memory, told)
        if counted and follows:
            counted.seq = entry.seq

    def _add(self, booth: str, memory: Memory, told: Told) -> None:
        assert self._batch is not None
        for event in events_of(self.book.campaign, self.book.campaign.booths[booth], memory, told):
            self._batch.events.append((booth, event))

    # the transaction's end

    def _write(self, batch: _Batch) -> None:
        if batch.events or batch.arrived:
            self.book.store.hold(NAME)
            self._settle(batch)
        rows = [
            (booth, self._rules[booth], one.seq, one.outside, canonical(one.memory.as_json()).decode())
            for booth, one in batch.booths.items()
        ]
        if rows:
            self._db.executemany(MOVE_ON, rows)

    def _settle(self, batch: _Batch) -> None:
        """Take what counts, and the steps of files that were known before the files."""
        good: list[Event] = []
        for booth, event in batch.events:
            if self.book.in_span(event):
                good.append(event)
            elif event.kind == "collected" and booth in batch.booths:
                batch.booths[booth].outside += 1
        new = [file_of(event.id) for event in good if event.kind == "collected"]
        steps = [event for event in good if event.kind == "handed-over"]
        self.counted += self.book.add(event for event in good if event.kind != "handed-over")
        self.counted += self._hand_over(steps)
        self._take_back(batch.arrived)
        if new:
            self.counted += self._catch_up_with(new)

    def _hand_over(self, steps: list[Event]) -> int:
        """Count cards of files that are collected; the others wait."""
        held = self.book.collected([file_of(event.id) for event in steps])
        early = [event for event in steps if file_of(event.id) not in held]
        if early:
            self._db.executemany(PUT_EARLY, [(file_of(e.id), e.at, e.unit, e.place) for e in early])
        return self.book.add(event for event in steps if file_of(event.id) in held)

    def _catch_up_with(self, files: list[str]) -> int:
        """Count what was known of files before they were: cards handed over, deliveries."""
        early = [row for row in self.book.store.each(EARLY, [(file,) for file in files]) if row]
        steps = []
        for file, row in zip(
            files, list(self.book.store.each(DELIVERED, [(file,) for file in files])), strict=True
        ):
            steps += [Step(file, kind, at) for kind, at in _told_by_ministry(row)]
        return self._no_more_early(early) + self.book.follow(steps)

    def _no_more_early(self, rows: list[Any]) -> int:
        if not rows:
            return 0
        self._db.executemany(NOT_EARLY, [(file,) for file, *_ in rows])
        return self.book.add(
            Event(f"{file}:handed-over", at, "handed-over", unit, place) for file, at, unit, place in rows
        )

    def _take_back(self, arrived: list[tuple[str, int, int]]) -> None:
        """Forget that packets were sent which had only come to the hub, as earlier releases had it."""
        if not arrived:
            return
        rows = list(self.book.store.each(DELIVERED, [(packet,) for packet, *_ in arrived]))
        wrong = []
        for (packet, *moments), row in zip(arrived, rows, strict=True):
            right = dict(_told_by_ministry(row)).get("sent")
            wrong += [(f"{packet}:sent", at) for at in {*moments} - {right}]
        self.book.forget(wrong)
        again = [packet for (packet, *_), row in zip(arrived, rows, strict=True) if row]
        if again:
            self.counted += self._catch_up_with(again)

    # the start

    def _read(self, booths: list[str]) -> dict[str, _Counted]:
        if not booths:
            return {}
        rows = self._db.execute(HELD_OF.format(", ".join("?" * len(booths))), booths).fetchall()
        return {
            row["booth"]: _Counted(row["seq"], row["outside"], Memory.of_json(json.loads(row["memory"])))
            for row in rows
            if row["rule"] == self._rules[row["booth"]]
        }

    def _count_slice(self, booth: str) -> bool:
        """Count the next entries that were not; tell whether there are more."""
        query = "SELECT last_seq, heard_at FROM booth WHERE name = ?"
        with self.book.store.batch([booth]), self.batch([booth]):
            assert self._batch is not None
            counted = self._batch.booths.setdefault(booth, _Counted())
            row = self._db.execute(query, (booth,)).fetchone()
            last, heard_at = (row["last_seq"], row["heard_at"]) if row else (0, "")
            end = min(counted.seq + SLICE, last)
            found = self._db.execute(ENTRIES, (booth, counted.seq, end, *KINDS, CLOSED)).fetchall()
            for one in found:
                self._take_held(booth, counted.memory, one, heard_at)
            counted.seq = max(counted.seq, end)
        return end < last

    def _take_held(self, booth: str, memory: Memory, row: Any, heard_at: str) -> None:
        assert self._batch is not None
        at, body = moment_of(row["at"], Clock(**json.loads(row["clock"])), heard_at), json.loads(row["body"])
        if row["kind"] == CLOSED:
            query = "SELECT closed_at FROM packet WHERE hash = ?"
            held = self._db.execute(query, (body["packet"],)).fetchone()
            closed = moment(held["closed_at"]) if held and held["closed_at"] else at.at
            self._batch.arrived.append((body["packet"], at.at, closed))
        else:
            self._add(booth, memory, Told(row["kind"], body, row["hash"], at))

    def _look_for_early(self, after: str) -> str:
        """Count those that wait and whose file an import has brought; return the last one looked at."""
        with self.book.store.transaction():
            self.book.store.hold(NAME)
            rows = [tuple(row) for row in self._db.execute(EARLIEST, (after, EARLY_AT_ONCE)).fetchall()]
            held = self.book.collected([row[0] for row in rows])
            self.counted += self._no_more_early([row for row in rows if row[0] in held])
        return str(rows[-1][0]) if rows else ""


def _told_by_ministry(row: Any) -> list[tuple[str, int]]:
    """Return the steps that a row of `delivery` stands for."""
    if row is None:
        return []
    delivered, accepted = row
    return [("sent", moment(delivered)), *([("acknowledged", moment(accepted))] if accepted else [])]
