"""A picture of the U.are.U 4000 family: bytes of one transfer -> (290, 384) grey levels. Pure NumPy.

A transfer is a head of 64 bytes and L rows of 384 pixels. The head: rows L (u16 LE at 4), key number (6),
and at 16 up to 15 blocks of two bytes, flags and number of rows, ended by one of no rows:

    01 rows that are not in the data: the next ones stand in their place      80 a new key from this block on
    02 scrambled          04 neither scrambled nor does the key move on

The key is the state of a shift register of 32 bits; each pixel takes one byte of it and one step. In a
scrambled block pixel i is byte i + 1 XOR that byte; the last pixel is lost and becomes 0.

The register is linear: bit n of what it shifts out is the parity of some of the key's 32 bits. Which ones
is the same for all keys, so it is worked out once, for the whole picture; a key's stream is then one AND
and one count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 384, 290
HEAD_BYTES, BLOCKS_AT, MOST_BLOCKS = 64, 16, 15
TRANSFER_BYTES = HEAD_BYTES + WIDTH * HEIGHT
ABSENT, SCRAMBLED, STILL, NEW_KEY = 0x01, 0x02, 0x04, 0x80
FEEDBACK = (0, 2, 3, 6, 10, 12, 19, 22, 25, 28, 31)  # bits of the register whose parity is shifted in
TAPS = (4, 8, 11, 14, 18, 21, 24, 29)  # bits of the register that make bits 0..7 of a stream's byte
NOISE = 5000.0  # variance of the sums of the first two rows: the scrambled recordings have 11,240 and 10,849
FEWEST_ROWS = 16  # of a block that is judged: fewer say little
LIKENESS = 0.1  # of a row and the next, as a correlation: noise has 0.00 +- 0.02, the recordings at least 0.8


class BadPicture(ValueError):
    """These bytes are no whole picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What one transfer brought: blocks are (flags, rows) and make 290 rows out of those in the data."""

    key_number: int
    blocks: tuple[tuple[int, int], ...]
    rows: Pixels  # (L, 384)

    @classmethod
    def parse(cls, data: bytes) -> "Picture":
        """Read one transfer; BadPicture says what is wrong with it."""
        if len(data) < HEAD_BYTES:
            raise BadPicture(f"a picture of {len(data)} bytes")
        count = int.from_bytes(data[4:6], "little")
        if not 2 <= count < HEIGHT or len(data) < HEAD_BYTES + count * WIDTH:
            raise BadPicture(f"a picture of {len(data)} bytes that claims {count} rows")
        blocks = []
        for at in range(BLOCKS_AT, BLOCKS_AT + 2 * MOST_BLOCKS, 2):
            if data[at + 1] == 0:
                break
            blocks.append((data[at], data[at + 1]))
        _check(blocks, count)
        rows = np.frombuffer(data, np.uint8, count * WIDTH, HEAD_BYTES).reshape(count, WIDTH)
        return cls(data[6], tuple(blocks), rows)

    @property
    def scrambled(self) -> bool:
        """Whether the first two rows are noise."""
        return bool(self.rows[:2].sum(0, dtype=np.float64).var() >= NOISE)

    @property
    def key_numbers(self) -> list[int]:
        """The keys that `descramble` takes, by their numbers."""
        changes = sum(flags & NEW_KEY != 0 for flags, _ in self.blocks)
        return [self.key_number + n & 0xFF for n in range(1 + changes)]

    def descramble(self, keys: Sequence[int]) -> Pixels:
        """Return the (L, 384) rows in clear; one key of 32 bits for each of `key_numbers`."""
        clear = self.rows.ravel().copy()
        left = list(keys)
        stream, moved, at = keystream(left.pop(0)), 0, 0
        for flags, rows in self.blocks:
            size = rows * WIDTH
            if flags & NEW_KEY:
                stream, moved = keystream(left.pop(0)), 0
            if flags & (SCRAMBLED | STILL) == SCRAMBLED:
                clear[at : at + size - 1] = clear[at + 1 : at + size] ^ stream[moved : moved + size - 1]
                clear[at + size - 1] = 0
            if not flags & STILL:
                moved += size
            if not flags & ABSENT:
                at += size
        return clear.reshape(self.rows.shape)

    def still_noise(self, rows: Pixels) -> bool:
        """Whether a scrambled block of these (L, 384) rows is noise yet: the key was not the right one."""
        at = 0
        for flags, count in self.blocks:
            if flags & ABSENT:
                continue
            if flags & SCRAMBLED and count >= FEWEST_ROWS and _noise(rows[at : at + count]):
                return True
            at += count
        return False

    def assemble(self, rows: Pixels) -> Pixels:
        """Put the (L, 384) rows where they belong: (290, 384), as the sensor gives them."""
        parts, at = [], 0
        for flags, count in self.blocks:
            parts.append(rows[at : at + count])
            if not flags & ABSENT:
                at += count
        return np.concatenate(parts)


def _check(blocks: list[tuple[int, int]], count: int) -> None:
    if sum(rows for _, rows in blocks) != HEIGHT:
        raise BadPicture(f"a picture whose blocks have {sum(rows for _, rows in blocks)} rows, not {HEIGHT}")
    at = 0
    for flags, rows in blocks:
        if at + rows > count:
            raise BadPicture(f"a picture whose blocks need more than its {count} rows")
        if flags & ABSENT and flags & SCRAMBLED:
            raise BadPicture("a picture with a block that is scrambled and not there")
        if not flags & ABSENT:
            at += rows


def _noise(rows: Pixels) -> bool:
    """Whether each row is unlike the next, and bright and dark are mixed as in no picture of skin."""
    level = rows - rows.mean(dtype=np.float32)
    power = float((level * level).mean())
    return power >= NOISE / 2 and float((level[1:] * level[:-1]).mean()) < LIKENESS * power


def keystream(key: int) -> Pixels:
    """Return the bytes that a key gives: (111360,), one for each pixel of a picture."""
    bits = np.bitwise_count(_masks() & np.uint32(key)) & np.uint8(1)
    stream = np.zeros(WIDTH * HEIGHT, np.uint8)
    for bit, tap in enumerate(TAPS):
        stream |= bits[tap : tap + WIDTH * HEIGHT] << np.uint8(bit)
    return stream


@cache
def _masks() -> NDArray[np.uint32]:
    """Return which bits of the key make bit n of the register's sequence: (111392,).

    Bit n + 32 is the sum (XOR) of the bits n + f, f of FEEDBACK; over GF(2) the square of that holds too: bit
    n + 32 s is the sum of the bits n + f s, for every power of two s. So s bits are made at once.
    """
    masks = np.zeros(WIDTH * HEIGHT + 32, np.uint32)
    masks[:32] = np.uint32(1) << np.arange(32, dtype=np.uint32)
    known, stride = 32, 1
    while known < len(masks):
        start, more = known - 32 * stride, min(stride, len(masks) - known)
        for feedback in FEEDBACK:
            since = start + feedback * stride
            masks[known : known + more] ^= masks[since : since + more]
        known += more
        if known >= 64 * stride:
            stride *= 2
    return masks
