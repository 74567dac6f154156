"""A day at a booth with mix-ups; the checks alone on thousands of people; ten fingers against 20,000 people.

    .venv/bin/python benchmarks/day.py [--subjects 375] [--people 400] [--seed N] [--only PART] [--cache DIR]

1. So many subjects come to one booth, end to end: daemon, hub, mosquitto, virtual scanner.
2. The booth's own functions judge templates until each kind of mix-up was injected `EACH` times and
   `HONEST_WANTED` honest subjects have passed. The people come as they were grown, then with fingers dealt
   anew, so that nobody has two fingers together again. Each round has a booth with an empty gallery; some
   bring an earlier record. Then fingers are rolled (`rolling.py`).
3. Ten fingers are looked for among `CROWD` people.

The people are made once, in the cache. The exit code is 1 below the limits, 2 when something was skipped.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.booth_day import Booth as RealBooth
from benchmarks.crowd import filled, search_times
from benchmarks.judging import Booth, Impressions, desk_in, read_impressions
from benchmarks.people import SEED, default_cache, make_people, people_folder
from benchmarks.rolling import Rolling, visits_of
from benchmarks.visits import (
    ALL_KINDS,
    HONEST,
    KINDS,
    RENEWAL,
    RETURNS,
    Count,
    Seen,
    Visit,
    a_day,
    as_grown,
    dealt,
    registered,
    with_records,
)
from edge.progress import Progress

EACH, HONEST_WANTED, CROWD = 50, 2000, 20_000
CAUGHT = 0.98  # of each kind, at least
HONEST_PER_ALARM = 2000  # at least
MOST_MS = 1000.0  # of ten fingers among the crowd
MIXED_UP = 50  # subjects of a day to one mix-up of each kind
PARTS = ("day", "checks", "search")
SEARCHED = 40  # persons whose ten fingers are looked for; the slower half of the day's first touch included


def main() -> int:
    """Make people, play, judge, search; print each kind, and one last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subjects", type=int, default=375, help="who come to the booth (%(default)s)")
    parser.add_argument("--people", type=int, default=400, help="grown for all parts (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="whose people (%(default)s)")
    parser.add_argument("--only", choices=PARTS, help="one part; the exit code is 2 then, if not 1")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="(%(default)s)")
    args = parser.parse_args()
    mixups = max(1, args.subjects // MIXED_UP)
    least, most = len(KINDS) + len(RETURNS), args.people + mixups * len(RETURNS)
    if not least <= args.subjects <= most:
        parser.error(f"{args.subjects} subjects: give {least} to {most} with {args.people} people")
    if not shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        print("bench-day: mosquitto is missing, and the day was skipped: apt-get install mosquitto")
        return 2
    jobs, folder = len(os.sched_getaffinity(0)), people_folder(args.cache, args.seed)
    make_people(folder, args.people, jobs, args.seed)
    parts = (args.only,) if args.only else PARTS
    day: tuple[Count, list[str], float] = (Count(), [], float("nan"))
    checks, milliseconds = Count(), float("nan")
    if "day" in parts:
        day = the_day(folder, args.subjects, mixups, args.seed)
    if parts != ("day",):
        impressions = read_impressions(folder, args.people, jobs)
    if "checks" in parts:
        checks = the_checks(impressions, args.people, args.seed) + the_rolls(args.seed, jobs)
    if "search" in parts:
        milliseconds = the_search(impressions, args.people, jobs)
    code = report(day[0], checks, day[1], day[2], milliseconds)
    if args.only:
        print(f"bench-day: only the part '{args.only}' ran")
    return code or (2 if args.only else 0)


def the_day(folder: Path, subjects: int, mixups: int, seed: int) -> tuple[Count, list[str], float]:
    """Play a day of so many visits, the second visits among them; print what it brought."""
    rng = np.random.default_rng(seed)
    visits = a_day(as_grown(subjects - mixups * len(RETURNS)), mixups, 0, rng)
    with tempfile.TemporaryDirectory(prefix="vantay-day-") as name:
        count, wrong, seconds = RealBooth(Path(name), folder).day(visits)
    print(*(f"day: {line}" for line in (*count.lines(), *wrong)), sep="\n", flush=True)
    return count, wrong, seconds


def the_checks(impressions: Impressions, people: int, seed: int) -> Count:
    """Judge rounds of visits until there are enough; print every miss and false alarm with its scores."""
    count, turn, mixups = Count(), 0, max(1, people // 40)
    bar = Progress("checks: honest subjects", HONEST_WANTED)
    while (
        count.visits[HONEST] < HONEST_WANTED or min(count.visits[kind] for kind in (*KINDS, RENEWAL)) < EACH
    ):
        subjects, rng = dealt(people, turn) if turn else as_grown(people), np.random.default_rng([seed, turn])
        visits = with_records(a_day(subjects, mixups, turn, rng), mixups, rng)
        with tempfile.TemporaryDirectory(prefix="vantay-day-") as name:
            booth = Booth(desk_in(Path(name)), impressions, registered(turn))
            for visit in visits:
                judged(visit, booth.visit(visit), count)
                bar.advance(int(visit.kind == HONEST))
        turn += 1
    bar.end()
    print(f"checks: {turn} rounds of {people} people")
    print(*(f"checks: {line}" for line in count.lines()), sep="\n", flush=True)
    return count


def the_rolls(seed: int, jobs: int) -> Count:
    """Judge rolled fingers against plain ones; print every miss and false alarm with its scores."""
    count, rolling = Count(), Rolling(EACH // 2, seed, jobs)
    for visit in visits_of(EACH // 2):
        judged(visit, rolling.visit(visit), count)
    print(*(f"rolls: {line}" for line in count.lines()), sep="\n", flush=True)
    return count


def judged(visit: Visit, seen: Seen, count: Count) -> None:
    """Count what the booth made of a visit; print a miss and a false alarm."""
    count.add(visit, seen)
    if seen.false_alarm(visit) or not (visit.kind == HONEST or seen.caught(visit)):
        what = "false alarm" if visit.kind == HONEST else f"missed {visit.kind}"
        print(f"checks: {what}: {seen.outcome} {seen.findings}: {'; '.join(seen.shown)}", flush=True)


def the_search(impressions: Impressions, people: int, jobs: int) -> float:
    """Look for ten fingers among the crowd; return the median in ms."""
    gallery = filled(impressions, people, CROWD, jobs)
    times, told = search_times(gallery, impressions, range(1, min(SEARCHED, people) + 1))
    slowest = f"the slowest {1000 * max(times):.0f} ms"
    print(f"dedup: {len(times)} times ten fingers among {CROWD} people, {told} told, {slowest}")
    return 1000 * float(np.median(times))


def report(day: Count, checks: Count, wrong: list[str], seconds: float, milliseconds: float) -> int:
    """Print what is below the limits, and the last line; return the exit code."""
    count = day + checks
    below = [
        f"{kind}: {count.caught[kind]} of {count.visits[kind]} caught"
        for kind in ALL_KINDS
        if count.caught[kind] < CAUGHT * count.visits[kind]
    ]
    if count.false_alarms * HONEST_PER_ALARM > max(HONEST_PER_ALARM, count.visits[HONEST]):
        below.append(f"{count.false_alarms} false alarms in {count.visits[HONEST]} honest subjects")
    if milliseconds >= MOST_MS:
        below.append(f"ten fingers take {milliseconds:.0f} ms among {CROWD} people")
    below += [f"the day: {line}" for line in wrong]
    for line in below:
        print(f"below the limits: {line}")
    injected, caught = (sum(of[kind] for kind in ALL_KINDS) for of in (count.visits, count.caught))
    print(
        f"subjects={count.visits.total()} injected={injected} caught={caught} missed={injected - caught} "
        f"false_alarms={count.false_alarms} s_per_subject={seconds:.2f} ms_dedup_20000={milliseconds:.0f}"
    )
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
