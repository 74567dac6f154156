"""Questions that wait for their turn: who stands at a booth before records, booths in turn, bounded. Pure.

A booth asks again what it needs and was not answered, so what finds no room is dropped. However many people
are asked about, every tenth turn is a record's.
"""

from collections import OrderedDict
from typing import Literal, NamedTuple

Kind = Literal["search", "add"]
MOST_OF_A_BOOTH = 24  # of each kind: twice ten fingers, or its one record; a booth waits with the others
MOST_BYTES = 64 * 2**20  # of all payloads together
RECORDS_TURN = 10


class Waiting(NamedTuple):
    """One question as it came."""

    booth: str
    id: str
    payload: bytes


class Lines:
    """Everybody's questions."""

    def __init__(self) -> None:
        self._lines: dict[Kind, OrderedDict[str, dict[str, bytes]]] = {
            "search": OrderedDict(),
            "add": OrderedDict(),
        }
        self._bytes, self._turns = 0, 0

    def __len__(self) -> int:
        """Return how many questions wait."""
        return sum(len(own) for line in self._lines.values() for own in line.values())

    def put(self, kind: Kind, waiting: Waiting) -> bool:
        """Let a question wait; False where it waits already, or there is no room."""
        own = self._lines[kind].get(waiting.booth, {})
        full = len(own) >= MOST_OF_A_BOOTH or self._bytes + len(waiting.payload) > MOST_BYTES
        if waiting.id in own or full:
            return False
        own[waiting.id] = waiting.payload
        self._lines[kind][waiting.booth] = own
        self._bytes += len(waiting.payload)
        return True

    def next_kind(self, record_begun: bool) -> Kind | None:
        """Return whose turn it is: "add" also for a record that is under way; None where nobody waits."""
        records = record_begun or bool(self._lines["add"])
        if not self._lines["search"]:
            return "add" if records else None
        self._turns += 1
        return "add" if records and self._turns % RECORDS_TURN == 0 else "search"

    def take(self, kind: Kind) -> Waiting | None:
        """Take the oldest question of the booth whose turn it is; that booth is the last one then."""
        line = self._lines[kind]
        if not line:
            return None
        booth, own = line.popitem(last=False)
        name = next(iter(own))
        waiting = Waiting(booth, name, own.pop(name))
        self._bytes -= len(waiting.payload)
        if own:
            line[booth] = own
        return waiting
