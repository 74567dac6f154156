"""The rows of a gallery: the search codes of its fingers in a few arrays that grow, rows used again."""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from matching.kernels.ranking import KEPT, PLANES, Codes
from matching.search_code import SearchCode

NOWHERE = 255  # the position in a free row
FIRST = 256  # rows at first
GROWTH = 8  # a full table grows by one row in so many: what is not used is not yet in memory


class GalleryRows:
    """Keys and positions on one side, rows of arrays on the other."""

    def __init__(self) -> None:
        self.codes = _room(FIRST)
        self.positions = np.full(FIRST, NOWHERE, np.uint8)
        self.has_flow = np.zeros(FIRST, np.bool_)
        self.keys: list[str] = []  # by row
        self._rows: dict[str, dict[int, int]] = {}  # key -> position -> row
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return how many rows hold a finger."""
        return len(self.keys) - len(self._free)

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """Yield key, position and row."""
        for key, rows in self._rows.items():
            for position, row in rows.items():
                yield key, position, row

    def put(self, key: str, position: int, code: SearchCode) -> int:
        """Keep a finger, in place of the one there was, and return its row."""
        rows = self._rows.setdefault(key, {})
        row = rows.get(position)
        if row is None:
            row = self._take(key)
            rows[position] = row
        self.codes.flows[row], self.codes.known[row] = code.flows, code.known
        self.codes.around[row] = code.around
        self.positions[row], self.has_flow[row] = position, code.has_flow
        return row

    def drop(self, key: str) -> list[int]:
        """Forget the fingers of a key and return the rows they had."""
        rows = list(self._rows.pop(key, {}).values())
        self.positions[rows] = NOWHERE
        for row in rows:
            self.keys[row] = ""
        self._free += rows
        return rows

    def of(self, position: int | None) -> NDArray[np.int64]:
        """Return the rows of one position, or of all, rising."""
        used = self.positions[: len(self.keys)]
        return np.flatnonzero(used != NOWHERE if position is None else used == position).astype(np.int64)

    def among(self, keys: Collection[str], position: int | None) -> NDArray[np.int64]:
        """Return the rows of these keys at one position, or at all, rising."""
        found = [
            row
            for key in keys
            for at, row in self._rows.get(key, {}).items()
            if position is None or at == position
        ]
        return np.array(sorted(set(found)), np.int64)

    def _take(self, key: str) -> int:
        if self._free:
            row = self._free.pop()
            self.keys[row] = key
            return row
        if len(self.keys) == len(self.positions):
            self._grow(len(self.keys) + max(FIRST, len(self.keys) // GROWTH))
        self.keys.append(key)
        return len(self.keys) - 1

    def _grow(self, size: int) -> None:
        codes, count = _room(size), len(self.keys)
        codes.flows[:count], codes.known[:count] = self.codes.flows, self.codes.known
        codes.around[:count] = self.codes.around
        positions, has_flow = np.full(size, NOWHERE, np.uint8), np.zeros(size, np.bool_)
        positions[:count], has_flow[:count] = self.positions, self.has_flow
        self.codes, self.positions, self.has_flow = codes, positions, has_flow


def _room(size: int) -> Codes:
    return Codes(
        np.zeros((size, PLANES, KEPT), np.uint64),
        np.zeros((size, KEPT), np.uint32),
        np.zeros((size, KEPT), np.uint64),
    )
