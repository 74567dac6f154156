"""How many entries the hub's database takes a second: SQLite's file, PostgreSQL, PostgreSQL by two.

    python benchmarks/collectors.py [--entries 40000]

In batches as the collector makes them, of 579 booths, hashes checked, without a broker. PostgreSQL is
Debian's, a cluster of its own with fsync on, on the disk of the file. Two processes take every other booth
each, then every other entry of every booth, as a broker deals them. The last line has the figures.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a program, not as a module

from benchmarks.city_booths import bodies
from edge.hub.collector import BATCH
from edge.hub.ledger import Ledger
from edge.hub.reading import opened, writable
from edge.hub.tables import Place
from edge.journal import check_entry
from edge.messages import JournalEntry
from tests.edge.parts import AT, chain
from tests.edge.postgres import Postgres

BOOTHS = 579
Said = tuple[str, JournalEntry]


def entries_of(number: int) -> list[Said]:
    """Return entries of all booths, one of each in turn."""
    each = number // BOOTHS
    made = bodies(1)
    journals = {
        f"booth-{n:03}": chain([body for _, body in islice(made, each)], "attempt.made")
        for n in range(BOOTHS)
    }
    return [(booth, journal[n]) for n in range(each) for booth, journal in journals.items()]


def take(place: Place, said: list[Said], shared: bool) -> None:
    """Commit entries batch by batch, as a collector does."""
    store = writable(place)
    ledger, rest = Ledger(store, shared), iter(said)
    while batch := list(islice(rest, BATCH)):
        checked = [(booth, entry, check_entry(entry)) for booth, entry in batch]
        with ledger.batch({booth for booth, _ in batch}):
            for booth, entry, verified in checked:
                if ledger.take_checked(booth, entry, AT, verified) == "new":
                    for _ in ledger.following(booth):
                        pass
    store.close()


def measured(name: str, place: Place, parts: list[list[Said]]) -> float:
    """Let as many processes as there are parts take one each; return entries a second, all of them held."""
    writable(place).close()
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=take, args=(place, part, len(parts) > 1)) for part in parts]
    begin = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took, total = time.monotonic() - begin, sum(map(len, parts))
    store = opened(place)
    held = store.db.execute("SELECT count(*) FROM entry").fetchone()[0]
    store.close()
    if held != total or any(worker.exitcode for worker in workers):
        sys.exit(f"collectors: {name} holds {held} of {total} entries")
    print(f"collectors: {name}: {total / took:.0f} entries a second", flush=True)
    return total / took


def main() -> int:
    """Run as the docstring says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--entries", type=int, default=40_000)
    said = entries_of(parser.parse_args().entries)
    by_booth = [[one for one in said if int(one[0][-3:]) % 2 == half] for half in range(2)]
    in_turn = [[one for one in said if (one[1].seq + int(one[0][-3:])) % 2 == half] for half in range(2)]
    server = Postgres.made(Path("/tmp"))  # a disk, not memory
    try:
        server.start()
        with tempfile.TemporaryDirectory(prefix="vantay-collectors-", dir=server.folder.parent) as folder:
            file = measured("SQLite", Path(folder) / "hub.db", [said])
        one = measured("PostgreSQL", server.fresh(), [said])
        two = measured("PostgreSQL, two by booth", server.fresh(), by_booth)
        shared = measured("PostgreSQL, two by entry", server.fresh(), in_turn)
    finally:
        server.remove()
    print(
        f"sqlite_per_s={file:.0f} postgres_per_s={one:.0f} two_by_booth={two:.0f} two_by_entry={shared:.0f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
