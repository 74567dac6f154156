"""An adaptive binary arithmetic coder: the more surely a bit is foreseen, the less room it takes.

One function writes and reads, so that a model made once serves both ways. All of it is whole numbers: the
same bytes on every machine. A stream is one array, because each array handed to a kernel costs as much as
coding a bit: an interval of 32 bits, what is read of it, the places of the next byte and of the first, 1 when
reading; then the odds of each context; then the bytes. (Coder: Moffat, Neal and Witten, ACM TOIS 16(3), 1998,
for two symbols, without carries; odds: Krichevsky and Trofimov, IEEE IT 27(2), 1981, every bit counted.)
"""

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel

LOW, HIGH, VALUE, NEXT, FIRST, READING, ODDS = range(7)  # places in a stream
WORD = 0xFFFFFFFF
EVEN = 1 << 15  # odds of 1 in units of 1/65536, with the number of bits seen above them
MOST_SEEN = 255
STEP = (65536 * 10 // (10 * np.arange(MOST_SEEN + 1) + 18)).astype(np.int64)  # of the way to the bit seen
SURE = 32  # odds stay so far from 0 and 1


def writer(contexts: int, room: int) -> NDArray[np.int64]:
    """Return a stream to write at most so many bytes into, with even odds of so many contexts."""
    stream = np.full(ODDS + contexts + room, EVEN, np.int64)
    first = ODDS + contexts
    stream[:ODDS] = 0, WORD, 0, first, first, 0
    return stream


def reader(contexts: int, data: bytes) -> NDArray[np.int64]:
    """Return a stream to read the bytes from; bytes missing count as 0."""
    stream = writer(contexts, max(len(data), 4))
    first = int(stream[FIRST])
    stream[first:] = 0
    stream[first : first + len(data)] = np.frombuffer(data, np.uint8)
    stream[VALUE] = int.from_bytes(stream[first : first + 4].astype(np.uint8).tobytes(), "big")
    stream[NEXT] += 4
    stream[READING] = 1
    return stream


def written(stream: NDArray[np.int64]) -> bytes | int:
    """Return the bytes of a writer that is done, or how many there are when there was not the room."""
    first, place = int(stream[FIRST]), int(stream[NEXT])
    if place + 4 > len(stream):
        return place + 4 - first
    return stream[first:place].astype(np.uint8).tobytes() + int(stream[HIGH]).to_bytes(4, "big")


def consumed(stream: NDArray[np.int64]) -> int:
    """Return how many bytes a reader has taken, those missing included."""
    return int(stream[NEXT] - stream[FIRST])


@kernel
def code_bit(stream: NDArray[np.int64], context: int, bit: int) -> int:
    """Write a bit (0 or 1), or read and return one; either way the odds of its context learn of it."""
    odds = stream[ODDS + context]
    likely, seen = odds & 65535, odds >> 16
    low, high = stream[LOW], stream[HIGH]
    middle = low + ((high - low) * likely >> 16)
    if stream[READING] == 1:
        bit = int(stream[VALUE] <= middle)
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) >> 24 == 0:
        _shift(stream, low >> 24)
        low, high = low << 8 & WORD, high << 8 & WORD | 255
    stream[LOW], stream[HIGH] = low, high
    likely += (65535 * bit - likely) * STEP[seen] >> 16
    stream[ODDS + context] = min(seen + 1, MOST_SEEN) << 16 | min(max(likely, SURE), 65536 - SURE)
    return bit


@kernel
def ran_out(stream: NDArray[np.int64]) -> bool:
    """Tell whether a reader took more bytes than there are: what it reads from here on means nothing."""
    return bool(stream[READING] == 1 and stream[NEXT] > len(stream))


@kernel
def _shift(stream: NDArray[np.int64], byte: int) -> None:
    """Write a byte, or read the next one."""
    place = stream[NEXT]
    if stream[READING] == 1:
        stream[VALUE] = stream[VALUE] << 8 & WORD | (stream[place] if place < len(stream) else 0)
    elif place < len(stream):
        stream[place] = byte
    stream[NEXT] = place + 1
