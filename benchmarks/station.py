"""A station's gallery of 20,000 people: `vantay gallery` and mosquitto as they are, asked as booths ask.

    .venv/bin/python benchmarks/station.py [--crowd 20000] [--people 40] [--seed N] [--cache DIR]

Times are from handing a sealed question to the broker to its answer: ten fingers, one question each, one
after the other, by one booth; the same by several booths at once; beside a booth that asks as much as it can;
beside records that are added. Then start and memory, and kills while records are taken in: whatever was
answered is held, whatever was not is asked again. The exit code is 1 when anything was lost, somebody was not
found, or ten fingers take a second or more. The people are put into the gallery's file by its own store code,
once; they stay in the cache.
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.people import POSITIONS, SEED, Finger, default_cache, make_people, people_folder
from benchmarks.station_people import asked, hold, probes
from benchmarks.station_program import Asker, Gallery
from edge.booth.already import EVERYWHERE

MOST_MS = 1000.0  # of ten fingers
FIRST_NEW = 1_000_000  # number of the first person who is added
RECORDS, KILLS = 6, 3
SHOWN = 4  # people at least whose fingers are shown


def main() -> int:
    """Fill, start, ask; print each part and one last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crowd", type=int, default=20_000, help="people held (%(default)s)")
    parser.add_argument("--people", type=int, default=40, help="grown; the others are made (%(default)s)")
    parser.add_argument("--booths", type=int, default=4, help="that ask at once (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="whose people (%(default)s)")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="(%(default)s)")
    args = parser.parse_args()
    folder, jobs = people_folder(args.cache, args.seed), len(os.sched_getaffinity(0))
    make_people(folder, args.people, jobs, args.seed)
    station = args.cache / f"station-{folder.name}"
    hold(station, folder, args.people, args.crowd, jobs)
    shown = probes(folder, args.people)
    with tempfile.TemporaryDirectory(prefix="vantay-station-") as name:
        shutil.copytree(station, Path(name), dirs_exist_ok=True)
        gallery = Gallery(Path(name))
        try:
            return measured(gallery, shown, args.crowd, args.people, args.booths)
        finally:
            gallery.end()


def measured(gallery: Gallery, shown: dict[Finger, bytes], crowd: int, people: int, booths: int) -> int:
    """Ask everything there is to ask; return the exit code."""
    wrong: list[str] = []
    load = os.getloadavg()[0]
    started = gallery.start()
    print(f"start: {crowd} people, asked after {started:.1f} s (load {load:.1f})", flush=True)
    print(f"memory: {gallery.memory()}", flush=True)
    askers = [Asker(gallery, f"b-{number}", number) for number in range(booths)]
    alone = [ten(askers[0], shown, person, wrong) for person in range(1, people + 1)]
    said("one booth, ten fingers", alone)
    parts = askers[0].times
    said("of these, fingers looked for everywhere", [t for n, t in enumerate(parts) if n % 10 < EVERYWHERE])
    said("of these, the other fingers", [t for n, t in enumerate(parts) if n % 10 >= EVERYWHERE])
    together = at_once(askers, shown, people, wrong)
    said(f"{booths} booths at once, ten fingers each", together)
    with askers[1].flooding(shown):
        said(
            "beside a booth that asks without end",
            [ten(askers[0], shown, 1 + n % people, wrong) for n in range(8)],
        )
    records = Records(askers[-1], shown)
    records.start()
    said("beside records that are added", [ten(askers[0], shown, 1 + n % people, wrong) for n in range(8)])
    records.stop()
    said("records added beside that", records.times)
    quiet = [askers[0].add(FIRST_NEW + 500 + n, shown, n % SHOWN + 1) for n in range(RECORDS)]
    said("records added alone", quiet)
    print(f"memory: {gallery.memory()}", flush=True)
    answered = [*records.added, *range(FIRST_NEW + 500, FIRST_NEW + 500 + RECORDS)]
    back = [killed(gallery, askers[0], shown, FIRST_NEW + 900 + n, answered) for n in range(KILLS)]
    print(f"killed {KILLS} times while a record was taken in: ready again after {max(back):.1f} s at most")
    held = gallery.people()
    if held != crowd + len(answered):
        wrong.append(f"{held} people are held, and {crowd + len(answered)} were answered for")
    if "Traceback" in gallery.log() or "worker died" in gallery.log():
        wrong.append("the gallery's log has an error: " + gallery.log()[-300:])
    median = float(np.median(alone))
    if median >= MOST_MS:
        wrong.append(f"ten fingers take {median:.0f} ms")
    for line in wrong:
        print(f"below the limits: {line}")
    print(
        f"people={crowd} ms_ten={median:.0f} ms_ten_p95={np.percentile(alone, 95):.0f} "
        f"ms_ten_{booths}_booths={np.median(together):.0f} ms_record={np.median(quiet):.0f} "
        f"s_start={started:.1f} lost={crowd + len(answered) - held} load={load:.1f}-{os.getloadavg()[0]:.1f}"
    )
    return 1 if wrong else 0


def ten(asker: Asker, shown: dict[Finger, bytes], person: int, wrong: list[str]) -> float:
    """Ask for ten fingers of a person, one after the other as they are captured; return the ms of all."""
    began, own = time.perf_counter(), set()
    for before, position in enumerate(POSITIONS):
        answer = asker.ask("search", FIRST_NEW - 1, {position: shown[Finger(person, position)]}, before)
        own |= {hit.shown for hit in answer.hits if int(hit.subject, 16) in (person, FIRST_NEW + person)}
    if len(own) < 2:
        wrong.append(f"person {person} was not found: {len(own)} fingers")
    return 1000 * (time.perf_counter() - began)


def at_once(askers: list[Asker], shown: dict[Finger, bytes], people: int, wrong: list[str]) -> list[float]:
    """Ask at all booths at once; return the ms of each ten fingers."""
    times: list[float] = []

    def booth(asker: Asker, first: int) -> None:
        times.extend(ten(asker, shown, person, wrong) for person in range(first, people + 1, len(askers)))

    threads = [threading.Thread(target=booth, args=(one, n)) for n, one in enumerate(askers, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


class Records(threading.Thread):
    """A booth that catches up: a record, its answer, the next."""

    def __init__(self, asker: Asker, shown: dict[Finger, bytes]) -> None:
        super().__init__(daemon=True)
        self._asker, self._shown, self._over = asker, shown, threading.Event()
        self.times: list[float] = []
        self.added: list[int] = []

    def run(self) -> None:
        """Add records until stop."""
        while not self._over.is_set():
            number = FIRST_NEW + 1 + len(self.added)
            self.times.append(self._asker.add(number, self._shown, 1 + len(self.added) % SHOWN))
            self.added.append(number)

    def stop(self) -> None:
        """End with the present record."""
        self._over.set()
        self.join()


def killed(
    gallery: Gallery, asker: Asker, shown: dict[Finger, bytes], number: int, answered: list[int]
) -> float:
    """Cut the power while a record is taken in, ask again as its booth does; return how long it was away."""
    fingers = {p: shown[Finger(number % SHOWN + 1, p)] for p in POSITIONS}
    asker.send(asked("add", number, number, asker.booth, fingers, 0))
    time.sleep(0.3 * (number % SHOWN + 1))  # in the search, or in the writing
    seconds = gallery.restart()
    asker.add(number, shown, number % SHOWN + 1)
    answered.append(number)
    return seconds


def said(what: str, times: list[float]) -> None:
    """Print the figures of some times in ms."""
    parts = [f"{np.percentile(times, at):.0f}" for at in (50, 95, 100)]
    print(f"{what}: {len(times)} times, median {parts[0]} ms, p95 {parts[1]}, most {parts[2]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
