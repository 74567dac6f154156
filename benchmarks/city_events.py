"""The events of a whole city's campaign, as JSON lines, made from a seed: the same for the same arguments.

    python benchmarks/city_events.py UNITS.csv PEOPLE > events.jsonl

Each person's file is collected, sent, acknowledged and followed by an account; the steps of a file are hours
apart, so that a file's second event comes after 70,000 other files, as in life. Files are named by digests:
their order says nothing. Every unit has a share of the people of its own, drawn from its official code; ages,
operators and seconds are as various as real ones.
"""

import csv
import hashlib
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

START = datetime(2023, 5, 4, 20, tzinfo=UTC)  # 03:00 of the fifth in Hanoi, the first business day
DAYS = 45
STEPS = (("collected", 0.0), ("sent", 0.5), ("acknowledged", 1.0), ("account-2", 1.5))  # days after the first
WORK = timedelta(days=DAYS - 2)  # in which people come; what follows on them is over within 45 days
SEED = 579


def shares(codes: list[str]) -> list[float]:
    """Return the units' shares of the people, summed up to 1; the smallest is an eighth of the largest."""
    sizes = [
        1 + 7 * int.from_bytes(hashlib.sha256(code.encode()).digest()[:4], "big") / 2**32 for code in codes
    ]
    total = sum(sizes)
    return [size / total for size in accumulate(sizes)]


def units_of(path: Path) -> list[str]:
    """Return the official codes of a list of units."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row["commune_code"] for row in csv.DictReader(file) if row["commune_code"]]


def lines(codes: list[str], people: int) -> Iterator[str]:
    """Yield the events in the order of time: four to a person."""
    chance, edges = random.Random(SEED), shares(codes)
    pause = WORK / people
    lags = [round(people * days * timedelta(days=1) / WORK) for _, days in STEPS]
    kept: list[tuple[str, str]] = []  # file and unit of whom something is still to come
    first = 0  # the number of the first one kept
    for turn in range(people + max(lags)):
        at = (START + turn * pause).isoformat(timespec="seconds")
        for (kind, _), lag in zip(STEPS, lags, strict=True):
            person = turn - lag
            if not 0 <= person < people:
                continue
            if not lag:
                unit = min(bisect(edges, chance.random()), len(codes) - 1)
                kept.append((hashlib.sha256(b"%d %d" % (SEED, person)).hexdigest(), codes[unit]))
                place = "mobile" if chance.random() < 0.6 else "fixed"
                said = (
                    f',"place":"{place}","operator":"op-{unit}-{turn % 3}"'
                    f',"age":{14 + int(chance.random() ** 1.5 * 80)},"issue":"exchange"'
                    f',"seconds":{90 + int(chance.random() * 120)}'
                )
            else:
                said = ""
            file, code = kept[person - first]
            yield f'{{"id":"{file}:{kind}","at":"{at}","kind":"{kind}","unit":"{code}"{said}}}\n'
        if turn - max(lags) >= first + 100_000:
            gone = turn - max(lags) - first
            del kept[:gone]
            first += gone


def main() -> None:
    codes = units_of(Path(sys.argv[1]))
    sys.stdout.writelines(lines(codes, int(sys.argv[2])))


if __name__ == "__main__":
    main()
