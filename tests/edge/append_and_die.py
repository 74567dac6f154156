"""Rounds of: a child appends to the journal and tells each committed number through a pipe, until kill -9.

`python -m tests.edge.append_and_die FILE ROUNDS` prints every number that was told. One process that imports
once and forks: a round costs milliseconds.
"""

import os
import random
import signal
import sys
from pathlib import Path

from edge.journal import Journal
from edge.store import Store
from tests.edge.parts import AT, CLOCK

MOST_TOLD = 12  # numbers after which the child is killed, at most


def append_for_ever(path: Path, pipe: int) -> None:
    store = Store(path)
    journal = Journal(store)
    while True:
        with store.transaction():
            entry = journal.append("test", {"pid": os.getpid()}, AT, CLOCK)
        os.write(pipe, b"%d\n" % entry.seq)


def kill_one(path: Path, after: int) -> list[int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        append_for_ever(path, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        numbers = [int(told.readline()) for _ in range(after)]
        os.kill(child, signal.SIGKILL)
        numbers += [int(line) for line in told]  # what it had said before it died
    os.waitpid(child, 0)
    return numbers


def main() -> None:
    path, rounds, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(1)
    for _ in range(rounds):
        print(*kill_one(path, chance.randint(1, MOST_TOLD)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
