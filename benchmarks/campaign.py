"""Replay a city's campaign: the fold alone, the import into the hub's file, and every report afterwards.

    .venv/bin/python benchmarks/campaign.py --events 1000000

579 units in 30 districts, 45 business days, four events to a person (collected, sent, acknowledged, account),
in the order of time, ages, operators and seconds as various as real ones, files named by digests. What the
hub's file holds must equal the fold. The last figures are the measured times by 25 million over the events
measured. That is fair for the fold and the recount from the file, whose work for an event does not depend on
those before; the import's index outgrows the memory that SQLite has for it, so there it is a lower bound:
benchmarks/city.py (`make bench-city`) imports all 25 million.
"""

import argparse
import hashlib
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from edge.campaign.book import Scope
from edge.campaign.events import Event
from edge.campaign.reports.catalogue import BY_DISTRICT, MANIFEST, NAMES, report
from edge.campaign.reports.render import FORMATS
from edge.campaign.tally import Tally
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_import import import_events
from edge.hub.store import HubStore
from edge.settings import HubSettings, read_settings

UNITS, DISTRICTS, DAYS, CITY = 579, 30, 45, 25_000_000
STEPS = ("collected", "sent", "acknowledged", "account-2")
HUB = """data = "."
[campaign]
name = "Replay"
legal_basis = ["none"]
start = 2023-05-05
span_days = 120
units = "units.csv"
deadlines = {city = 2023-06-30}
[campaign.targets.all]
title = "everybody"
file = "quota.csv"
"""


def events(number: int, begins: int) -> Iterator[Event]:
    """Yield events in the order of time: each file's steps are one day apart at most."""
    people, seconds = number // len(STEPS), DAYS * 86400
    for n in range(people):
        at, unit = begins + n * (seconds - 3600) // people, f"{10000 + n % UNITS}"
        who, age = f"op-{n % UNITS}-{n // UNITS % 3}", 14 + n * 7919 % 70
        file = hashlib.sha256(b"%d" % n).hexdigest()
        yield Event(
            f"{file}:collected", at, STEPS[0], unit, "mobile", who, age, "exchange", 90 + n * 31 % 120
        )
        for place, kind in enumerate(STEPS[1:], 1):
            yield Event(f"{file}:{kind}", at + 600 * place, kind, unit)


def write_lists(folder: Path, people: int) -> None:
    lines = ["district_code,district,commune_code,commune,kind"]
    lines += [f"{n % DISTRICTS:03},District {n % DISTRICTS},{10000 + n},Commune {n},xa" for n in range(UNITS)]
    (folder / "units.csv").write_text("\n".join(lines))
    quota = people * 11 // 10 // UNITS + 1
    (folder / "quota.csv").write_text(
        "code,quota\n" + "".join(f"{10000 + n},{quota}\n" for n in range(UNITS))
    )
    (folder / "hub.toml").write_text(HUB)


def write_events(path: Path, made: Iterator[Event]) -> None:
    with path.open("w") as file:
        for one in made:
            row = {name: value for name, value in one._asdict().items() if value not in ("", -1)}
            row["at"] = datetime.fromtimestamp(one.at, UTC).isoformat()
            file.write(json.dumps(row) + "\n")


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    number = parser.parse_args().events // len(STEPS) * len(STEPS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lists(folder, number // len(STEPS))
        campaign = read_settings(folder / "hub.toml", HubSettings).campaign
        assert campaign
        begins = campaign.begins(0)
        make = timed(lambda: sum(1 for _ in events(number, begins)))
        tally = Tally(campaign)
        fold = timed(lambda: tally.fold(events(number, begins))) - make
        fold_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        write_events(folder / "events.jsonl", events(number, begins))
        with closing(HubStore(folder / "hub.db")) as store:
            book = CampaignBook(store, campaign, read_lists(campaign))
            book.prepare()
            replay = timed(lambda: import_events(book, folder / "events.jsonl"))
            assert sorted(book.book().tally.cells()) == sorted(tally.cells()), "the file and the fold differ"
            book.db.execute("DELETE FROM campaign_definition")
            recount = timed(book.prepare)
            assert sorted(book.book().tally.cells()) == sorted(tally.cells()), "counted anew, it differs"
            slowest = max((_report(book, name), name) for name in NAMES)
            file_mib = (folder / "hub.db").stat().st_size / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scale = CITY / number
    print(
        f"slowest report: {slowest[1]}; hub.db {file_mib:.0f} MiB; 25 million events: {scale:.1f} times this"
    )
    print(
        f"replay_events={number} fold_s={fold:.1f} fold_peak_mib={fold_mib:.0f} import_s={replay:.1f}"
        f" recount_s={recount:.1f} peak_mib={peak:.0f} report_ms={slowest[0] * 1000:.0f}"
        f" fold_25m_s={fold * scale:.0f} recount_25m_s={recount * scale:.0f}"
        f" import_25m_s={replay * scale:.0f}"
    )


def _report(book: CampaignBook, name: str) -> float:
    """Return the seconds from the file to a page, as a reader waits for it."""
    scope = Scope(DAYS - 1, by="district" if name in BY_DISTRICT else "commune")

    def page() -> bytes:
        files = book.files(scope.day) if name == MANIFEST else []
        return FORMATS["html"](report(name, book.book(), scope, files))

    return timed(page)


if __name__ == "__main__":
    main()
