"""A booth without its hub, in a process of its own: writes entries, or reports them; tells memory and time.

python -m tests.edge.booth.offline write FILE ENTRIES
python -m tests.edge.booth.offline report FILE ENTRIES
"""

import json
import resource
import sys
import time
from pathlib import Path

from pydantic import JsonValue

from edge.booth.reporter import WINDOW, Reporter
from edge.booth.wire import BoothWire
from edge.journal import Journal
from edge.messages import Acknowledgement, JournalEntry, parse
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import AT, CLOCK

AT_ONCE = 10_000


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(journal: Journal, entries: int) -> dict[str, object]:
    for first in range(0, entries, AT_ONCE):
        with journal.store.transaction():
            for n in range(first, min(first + AT_ONCE, entries)):
                body: dict[str, JsonValue] = {"enrolment": f"e{n // 12}", "position": 1 + n % 10}
                body |= {"decision": "accepted", "sample": f"s{n}", "quality": n % 100}
                journal.append("attempt.made", body, AT, CLOCK)
    return {}


def report(journal: Journal, entries: int) -> dict[str, object]:
    """Send entries to a hub that takes each window; tell when the first was out and how many at once."""
    sent: list[JournalEntry] = []

    def publish(topic: str, payload: bytes) -> bool:
        sent.append(parse(JournalEntry, payload))
        return True

    began = time.monotonic()
    reporter = Reporter(BoothWire("b-1"), journal, Vault(journal.store, bytes(32)), publish)
    reporter.link_up(0.0)
    reporter.work(0.0)
    first, most, last = time.monotonic() - began, len(sent), 0
    while reporter.acknowledged < entries:
        assert [entry.seq for entry in sent] == list(range(last + 1, last + 1 + WINDOW)), "in order, and once"
        last, most = sent[-1].seq, max(most, len(sent))
        word = Acknowledgement(seq=last, hash=sent[-1].hash)
        sent.clear()
        assert reporter.acknowledge(word, 0.0) is None
        reporter.work(0.0)
    return {"first_s": first, "most": most, "acknowledged": reporter.acknowledged}


if __name__ == "__main__":
    what, path, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    before = peak_mib()
    store = Store(path)
    book = Journal(store)
    told = {"write": write, "report": report}[what](book, number)
    print(json.dumps({**told, "entries": book.tail()[0], "before_mib": before, "peak_mib": peak_mib()}))
    store.close()
