"""Each file that was collected, side by side with its day's others: all that a manifest reads.

A row is made by the event `collected` and changed by `sent` and `acknowledged`, in whichever order they come,
in the transaction that takes them. It lies by its time, not by its business day: days may be cut anew.
Events of earlier releases get their rows once, a slice at a time; who is killed meanwhile goes on there.
"""

import sys
from collections.abc import Iterable

from edge.campaign.events import file_of
from edge.campaign.reports.manifest import File
from edge.errors import VantayError
from edge.hub.tables import Asked, Tables

NAME = "the campaign"  # of whom takes its events, where there are several
Row = tuple[int, str, int, int, str, str, str]  # an event: step, id, day, at, kind, unit, facts
LATER = {"sent": 1, "acknowledged": 2}  # steps that are kept, and how far behind `collected` their keys are
AT_ONCE = 50_000  # events of earlier releases in one transaction: a second or two from a cold disk
UNFILED = """
INSERT INTO campaign_unfiled SELECT 1, coalesce(max(rowid), 0) FROM campaign_event WHERE true
ON CONFLICT DO NOTHING;
"""
MADE = """
INSERT INTO campaign_file VALUES (?, ?, ?,
    (SELECT count(*) FROM campaign_event WHERE step = ? AND id = ? AND kind = 'sent'),
    (SELECT count(*) FROM campaign_event WHERE step = ? AND id = ? AND kind = 'acknowledged'))
"""
MARKED = """
UPDATE campaign_file SET {} = {}
WHERE file = ? AND at = (SELECT at FROM campaign_event WHERE step = ? AND id = ?)
"""
SLICE = """
INSERT INTO campaign_file SELECT at, file, unit,
    (SELECT count(*) FROM campaign_event
     WHERE step = one.step + 1 AND id = file || ':sent' AND kind = 'sent'),
    (SELECT count(*) FROM campaign_event
     WHERE step = one.step + 2 AND id = file || ':acknowledged' AND kind = 'acknowledged')
FROM (
    SELECT at, substr(id, 1, length(id) - 10) AS file, unit, step FROM campaign_event -- 10: ":collected"
    WHERE rowid BETWEEN ? AND ? AND kind = 'collected'
) AS one WHERE true ON CONFLICT DO NOTHING
"""
SPAN = "SELECT first, last FROM campaign_unfiled ORDER BY last"
FILES = "SELECT file, unit, sent, acknowledged FROM campaign_file WHERE at >= ? AND at < ?"


def keep(db: Asked, events: Iterable[Row]) -> None:
    """Note what new events say of files, in the transaction that has just written them."""
    made: list[tuple[int | str, ...]] = []
    marked: dict[str, list[tuple[str, int, str]]] = {kind: [] for kind in LATER}
    for step, name, _, at, kind, unit, _ in events:
        if kind == "collected":
            file = file_of(name)
            made.append((at, file, unit, step + 1, f"{file}:sent", step + 2, f"{file}:acknowledged"))
        elif kind in LATER:
            file = file_of(name)
            marked[kind].append((file, step - LATER[kind], f"{file}:collected"))
    if made:
        db.executemany(MADE, made)
    for kind, files in marked.items():
        if files:
            db.executemany(MARKED.format(kind, 1), files)


def unmark(db: Asked, events: Iterable[Row]) -> None:
    """Note that steps of files were no steps, in the transaction that takes them back, before others come."""
    for kind, behind in LATER.items():
        files = [
            (file_of(name), step - behind, f"{file_of(name)}:collected")
            for step, name, _, _, what, *_ in events
            if what == kind
        ]
        if files:
            db.executemany(MARKED.format(kind, 0), files)


def files_between(store: Tables, first: int, end: int) -> list[File]:
    """Return the files collected from one time on and before another (UTC seconds), and how far each is."""
    if store.plain().execute("SELECT 1 FROM campaign_unfiled").fetchone():
        raise VantayError(
            "the files of an earlier release's events are still being put side by side: ask again once the "
            "hub, or the import that opened the database first, says that all are"
        )
    found = store.plain().execute(FILES, (first, end))
    return [File(file, unit, sent == 1, known == 1) for file, unit, sent, known in found]


def carry_over(store: Tables) -> None:
    """Make the rows of what an earlier release took; says on standard error how far it is."""
    told = -1
    while span := store.db.execute(SPAN).fetchone():
        if (tenth := 10 * span["first"] // (span["last"] + 1)) > told:
            told = tenth
            _say(f"{10 * tenth} % of {span['last']}; ended meanwhile, it goes on there")
        _carry_slice(store)
    if told >= 0:
        _say("all")


def _say(how_far: str) -> None:
    print(f"campaign: events of an earlier release whose files are side by side: {how_far}", file=sys.stderr)


def _carry_slice(store: Tables) -> None:
    with store.transaction():
        store.hold(NAME)
        span = store.db.execute(SPAN).fetchone()
        if span is None:  # another collector was quicker
            return
        first, last = span
        end = min(first + AT_ONCE - 1, last)
        store.db.execute(SLICE, (first, end))
        if end < last:
            store.db.execute("UPDATE campaign_unfiled SET first = ? WHERE last = ?", (end + 1, last))
        else:
            store.db.execute("DELETE FROM campaign_unfiled WHERE last = ?", (last,))
