"""What the tests of the edge share: a clock that stands, keys, JSON values, steady Hypothesis."""

import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from edge.hub.tables import Tables
from edge.journal import GENESIS, entry_hash
from edge.keys import BoothKeys, make_booth_keys, make_ministry_key, read_booth_keys
from edge.messages import Clock, JournalEntry
from edge.store import Database

AT = "2026-01-05T08:00:00.000Z"
CLOCK = Clock(synchronised=True, boot="b0", monotonic_ms=1000)
NUMBER = "001090000001"  # made up

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(texts, values, max_size=5)
words = st.text(string.ascii_lowercase + ".-", min_size=1, max_size=12)


def steady(examples: int = 100) -> settings:
    """The same examples on every machine, every time; no example has a deadline."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def make_keys(folder: Path) -> BoothKeys:
    """Make a ministry's and a booth's keys below `folder`, as the commands do."""
    make_ministry_key(folder / "ministry")
    make_booth_keys(folder / "keys", folder / "ministry" / "ministry.pub")
    return read_booth_keys(folder / "keys")


def chain(
    bodies: list[dict[str, Any]], kind: str = "test", seq: int = 1, previous: str = GENESIS
) -> list[JournalEntry]:
    """Return entries that follow each other, beginning with `seq` after `previous`."""
    entries = []
    for body in bodies:
        digest = entry_hash(seq, AT, CLOCK, kind, body, previous)
        entries.append(
            JournalEntry(
                seq=seq, at=AT, clock=CLOCK, kind=kind, body=body, previous_hash=previous, hash=digest
            )
        )
        seq, previous = seq + 1, digest
    return entries


@contextmanager
def undone(store: Database | Tables) -> Iterator[None]:
    """Whatever happens to the file inside is taken back, triggers that were dropped included: many examples
    share one file."""
    store.db.execute("BEGIN")
    try:
        yield
    finally:
        store.db.execute("ROLLBACK")
