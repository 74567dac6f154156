"""A city of booths on one machine: `make bench-city`. Ends with the line that the limits are held against.

    python benchmarks/city.py [--scale 25] [--only load|replay] [--units LIST.csv] [--postgres]

`load`: 579 simulated booths (city_booths.py) with certificates of their own connect to a real mosquitto over
mutual TLS; they come back with a backlog; then entries are written at 2,300 and at 500 a second, evenly over
the booths, whatever the acknowledgements do. `replay`: the whole campaign goes through `vantay hub import`
(city_replay.py), and every report is asked for by `vantay hub report`, each by a process of its own.

Exits with 1 when a limit is not held, with 2 when something was wrong, could not be measured or was left out.
`--scale 25` makes the replay and the times 25 times smaller, `--only` leaves one half out: to try things.
`--postgres` gives the load, and no replay, to two collectors that share a PostgreSQL from Debian (a cluster
of its own, fsync on, in TMPDIR); the limits are meant for one hub with a file, so this is no result, either.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a program, not as a module

from benchmarks.city_events import STEPS
from benchmarks.city_load import Load, load
from benchmarks.city_replay import Replay, ask, replay
from edge.errors import VantayError
from tests.edge.postgres import Postgres

BOOTHS, PEOPLE = 579, 6_266_767  # units; people issued with cards by 1 July 2023
CONNECT_S, COMMITTED_PER_S, P99_MS = 60, 2_000, 2_000
REPLAY_EVENTS, REPLAY_S, PEAK_MIB, REPORT_MS = 25_000_000, 1_200, 1_024, 2_000
ROOM_GIB = 16  # on the disk, for the replay


def units_of(path: Path | None, folder: Path) -> Path:
    """Return the list of units: the given one, that of the real data, or a made-up one, which is said."""
    data = Path(os.environ.get("VANTAY_DATA", "../shared/data"))
    path = path or data / "hanoi-579.csv"
    if path.exists():
        return path
    print(f"city: {path} is not there: 579 made-up units in 30 districts instead", flush=True)
    made = folder / "units.csv"
    lines = ["district_code,district,commune_code,commune,kind"]
    lines += [f"{n % 30:03},District {n % 30},{10000 + n},Commune {n},xa" for n in range(BOOTHS)]
    made.write_text("\n".join(lines) + "\n")
    return made


@contextmanager
def postgres(wanted: bool) -> Iterator[str | None]:
    """Give the URL of an empty PostgreSQL, where it is wanted."""
    if not wanted:
        yield None
        return
    server = Postgres.made(Path(tempfile.gettempdir()))  # a disk, not memory
    try:
        yield server.start().fresh()
    finally:
        server.remove()


def measured_load(folder: Path, scale: int, shared: bool) -> Load:
    """Measure the booths' half."""
    print(f"city: {BOOTHS} booths over mutual TLS", flush=True)
    with postgres(shared) as url:
        found = load(folder, BOOTHS, max(2, 150 // scale), 30 / scale + 2, 60 / scale + 2, url)
    print(
        f"city: {found.burst_entries} entries of a backlog at {found.burst_per_s:.0f} a second; then evenly,"
        f" of {found.offered:.0f} a second {found.committed_per_s:.0f}, p99 {found.full_p99_ms:.0f} ms;"
        f" at 500 a second median {found.percentile(0.5):.0f} ms, p99 {found.percentile(0.99):.0f} ms",
        flush=True,
    )
    return found


def measured_replay(folder: Path, units: Path, people: int) -> Replay:
    """Measure the campaign's half."""
    print(f"city: {people * len(STEPS)} events of {people} people", flush=True)
    found = replay(folder, units, people)
    if not found.wrong:
        ask(folder, found, people)
    slow = sorted(found.reports.items(), key=lambda one: -one[1])[:3]
    text = ", ".join(f"{name} {milliseconds:.0f} ms" for name, milliseconds in slow)
    print(f"city: hub.db {found.file_mib:.0f} MiB; slowest reports: {text}", flush=True)
    return found


def beyond(one: Load, two: Replay) -> list[str]:
    """Say which limits are not held."""
    report = max(two.reports.values(), default=float("inf"))
    limits = [
        ("connect_s", one.connect_s, CONNECT_S),
        ("p99_ms", one.percentile(0.99), P99_MS),
        ("replay_s", two.seconds, REPLAY_S),
        ("peak_mib", two.peak_mib, PEAK_MIB),
        ("report_ms", report, REPORT_MS),
    ]
    told = [
        f"{name} is {value:.0f}: it must be below {most}" for name, value, most in limits if value >= most
    ]
    if one.committed_per_s < COMMITTED_PER_S:
        told.append(f"committed_per_s is {one.committed_per_s:.0f}: it must be {COMMITTED_PER_S} at least")
    if two.events < REPLAY_EVENTS:
        told.append(f"replay_events is {two.events}: it must be {REPLAY_EVENTS} at least")
    return told


def main() -> int:
    """Run as the docstring says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--only", choices=("load", "replay"))
    parser.add_argument("--units", type=Path)
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    if arguments.postgres:
        arguments.only = "load"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # six files for each booth, here or in mosquitto
    one, two = Load(BOOTHS), Replay(0, 0.0, 0.0)
    try:
        with tempfile.TemporaryDirectory(prefix="vantay-city-") as name:
            folder = Path(name)
            free = shutil.disk_usage(folder).free / 2**30
            if free < ROOM_GIB / arguments.scale:
                raise VantayError(f"{free:.0f} GiB are free at {folder}: {ROOM_GIB} are needed (TMPDIR)")
            units = units_of(arguments.units, folder)
            for half in ("load", "replay"):
                (folder / half).mkdir()
            if arguments.only != "replay":
                subprocess.run([Path(__file__).parents[1] / "tests" / "needs"], check=True)
                one = measured_load(folder / "load", arguments.scale, arguments.postgres)
            if arguments.only != "load":
                two = measured_replay(folder / "replay", units, PEOPLE // arguments.scale)
    except (VantayError, OSError, subprocess.SubprocessError) as error:
        print(f"city: not measured: {error}")
        return 2
    return told(one, two, arguments.scale > 1 or arguments.only is not None)


def told(one: Load, two: Replay, short: bool) -> int:
    """Print what is wrong, then the line; return the exit code."""
    wrong, late = one.wrong + two.wrong, beyond(one, two)
    for text in (*wrong, *late):
        print(f"city: {text}")
    if short:
        print("city: a short run is no result")
    print(
        f"booths={one.booths} connect_s={one.connect_s:.1f} committed_per_s={one.committed_per_s:.0f}"
        f" p99_ms={one.percentile(0.99):.0f} replay_events={two.events} replay_s={two.seconds:.0f}"
        f" peak_mib={two.peak_mib:.0f} report_ms={max(two.reports.values(), default=float('inf')):.0f}"
    )
    return 2 if wrong or short else 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
