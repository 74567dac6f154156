"""Thinning of ridges to one pixel, 64 pixels at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.kernels._jit import kernel


@kernel
def thin_words(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Thin until nothing changes: Guo and Hall 1989, algorithm A1, both subiterations in parallel.

    words (h + 2, n + 2) uint64 with a border of zeros; bit k of word i is pixel 64 (i - 1) + k.
    """
    now = words.copy()
    after = words.copy()
    changed = True
    while changed:
        changed = False
        for subiteration in range(2):
            for y in range(1, now.shape[0] - 1):
                for i in range(1, now.shape[1] - 1):
                    word = now[y, i]
                    if word != np.uint64(0):
                        word = word & ~_removable(now, y, i, subiteration)
                        changed = changed or word != now[y, i]
                    after[y, i] = word
            now, after = after, now
    return now


@kernel
def _removable(words: NDArray[np.uint64], y: int, i: int, subiteration: int) -> Any:
    one, top = np.uint64(1), np.uint64(63)
    p2, p6 = words[y - 1, i], words[y + 1, i]
    p3 = (words[y - 1, i] >> one) | (words[y - 1, i + 1] << top)
    p4 = (words[y, i] >> one) | (words[y, i + 1] << top)
    p5 = (words[y + 1, i] >> one) | (words[y + 1, i + 1] << top)
    p7 = (words[y + 1, i] << one) | (words[y + 1, i - 1] >> top)
    p8 = (words[y, i] << one) | (words[y, i - 1] >> top)
    p9 = (words[y - 1, i] << one) | (words[y - 1, i - 1] >> top)
    c1, c2 = ~p2 & (p3 | p4), ~p4 & (p5 | p6)
    c3, c4 = ~p6 & (p7 | p8), ~p8 & (p9 | p2)
    one_run = (c1 ^ c2 ^ c3 ^ c4) & ~(c1 & c2) & ~(c3 & c4)
    a1, a2, a3, a4 = p9 | p2, p3 | p4, p5 | p6, p7 | p8
    b1, b2, b3, b4 = p2 | p3, p4 | p5, p6 | p7, p8 | p9
    two_a = (a1 & a2) | (a3 & a4) | ((a1 | a2) & (a3 | a4))
    two_b = (b1 & b2) | (b3 & b4) | ((b1 | b2) & (b3 | b4))
    full = a1 & a2 & a3 & a4 & b1 & b2 & b3 & b4
    side = (p2 | p3 | ~p5) & p4 if subiteration == 0 else (p6 | p7 | ~p9) & p8
    return words[y, i] & one_run & two_a & two_b & ~full & ~side


def thin(ridges: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(h, w) bool -> (h, w) uint8: 1 on the ridges' one-pixel skeleton."""
    height, width = ridges.shape
    count = (width + 63) // 64
    packed = np.zeros((height + 2, count + 2), np.uint64)
    wide = np.zeros((height, count * 64), np.bool_)
    wide[:, :width] = ridges
    packed[1:-1, 1:-1] = np.packbits(wide, axis=1, bitorder="little").view("<u8")
    thinned = np.ascontiguousarray(thin_words(packed)[1:-1, 1:-1]).astype("<u8")
    return np.unpackbits(thinned.view(np.uint8), axis=1, bitorder="little")[:, :width].copy()
