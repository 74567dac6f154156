"""The rows of a gallery: the search codes of its fingers in an array that grows, rows used again.

Rows come by blocks of sixteen, as kernels.ranking wants them, and a block is of one position, so that neither
a search of one position nor one of all looks at more than it must.
"""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from matching.kernels.ranking import KEPT, LANES, WORDS
from matching.search_code import SearchCode, of_words, words_of

NOWHERE = 255  # the position in a free row
FIRST = 16  # blocks at first
GROWTH = 8  # a full table grows by one block in so many: what is not used is not yet in memory


class GalleryRows:
    """Keys and positions on one side, rows of arrays on the other."""

    def __init__(self) -> None:
        self.blocks = _room(FIRST)
        self.positions = np.full(FIRST * LANES, NOWHERE, np.uint8)
        self.has_flow = np.zeros(FIRST * LANES, np.bool_)
        self.keys: list[str] = []  # by row; empty in a free one
        self._rows: dict[str, dict[int, int]] = {}  # key -> position -> row
        self._free: dict[int, list[int]] = {}  # by position
        self._count = 0

    def __len__(self) -> int:
        """Return how many rows hold a finger."""
        return self._count

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
            row = rows[position] = self._take(position)
            self.keys[row] = key
            self._count += 1
        self.blocks[row // LANES, :, :, row % LANES] = words_of(code)
        self.positions[row], self.has_flow[row] = position, code.has_flow
        return row

    def code(self, row: int) -> SearchCode:
        """Return the search code in a row."""
        return of_words(self.blocks[row // LANES, :, :, row % LANES], bool(self.has_flow[row]))

    def drop(self, key: str) -> list[int]:
        """Forget the fingers of a key and return the rows they had."""
        gone = self._rows.pop(key, {})
        for position, row in gone.items():
            self.positions[row], self.keys[row] = NOWHERE, ""
            self._free[position].append(row)
        self._count -= len(gone)
        return list(gone.values())

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

    def _take(self, position: int) -> int:
        """Return a free row of a position, of a new block where there is none."""
        free = self._free.setdefault(position, [])
        if not free:
            first = len(self.keys)
            if first == len(self.positions):
                self._grow(first // LANES + max(FIRST, first // LANES // GROWTH))
            self.keys += [""] * LANES
            free += range(first + LANES - 1, first - 1, -1)
        return free.pop()

    def _grow(self, size: int) -> None:
        blocks, count = _room(size), len(self.keys)
        blocks[: count // LANES] = self.blocks
        positions, has_flow = np.full(size * LANES, NOWHERE, np.uint8), np.zeros(size * LANES, np.bool_)
        positions[:count], has_flow[:count] = self.positions, self.has_flow
        self.blocks, self.positions, self.has_flow = blocks, positions, has_flow


def _room(blocks: int) -> NDArray[np.uint32]:
    return np.zeros((blocks, KEPT, WORDS, LANES), np.uint32)
