"""Ridge evidence as bytes: a slow reader written from the description, and what the coder is worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.kernels.binary_coder import code_bit, consumed, reader, writer, written
from matching.kernels.ridge_code import CONTEXTS, Planes, code_ridges


def bytes_of(planes: Planes, with_crests: bool = True) -> bytes:
    stream = writer(CONTEXTS, 1 << 18)
    code_ridges(planes, with_crests, stream)
    data = written(stream)
    assert isinstance(data, bytes)
    return data


class Reader:
    """Bits out of bytes, each by the odds of its name: an interval of 32 bits as plain numbers."""

    def __init__(self, data: bytes) -> None:
        self.digits = iter(data)
        self.low, self.high, self.value = 0, 2**32 - 1, 0
        for _ in range(4):
            self.value = self.value * 256 + next(self.digits, 0)
        self.odds: dict[object, tuple[int, int]] = {}

    def bit(self, name: object) -> int:
        likely, seen = self.odds.get(name, (32768, 0))
        split = self.low + (self.high - self.low) * likely // 65536
        one = self.value <= split
        if one:
            self.high = split
        else:
            self.low = split + 1
        while self.low // 2**24 == self.high // 2**24:
            self.low, self.high = self.low % 2**24 * 256, self.high % 2**24 * 256 + 255
            self.value = self.value % 2**24 * 256 + next(self.digits, 0)
        step = 655360 // (10 * seen + 18)
        likely += (65535 * one - likely) * step // 65536
        self.odds[name] = min(max(likely, 32), 65536 - 32), min(seen + 1, 255)
        return int(one)


def read_slowly(data: bytes, rows: int, columns: int) -> tuple[NDArray[np.int64], ...]:
    """Return valid, orientation, period and crests, each by the description."""
    reader = Reader(data)
    valid = np.zeros((rows + 1, columns + 2), int)  # a row above, a column on both sides
    for y, x in np.ndindex(rows, columns):
        near = valid[y + 1, x], valid[y, x + 1], valid[y, x], valid[y, x + 2]
        valid[y + 1, x + 1] = reader.bit(("valid", *map(int, near)))
    planes = []
    for plane in ("orientation", "period"):
        values, off = np.zeros_like(valid), np.zeros_like(valid)
        for y, x in np.argwhere(valid):
            left, above, between = values[y, x - 1], values[y - 1, x], values[y - 1, x - 1]
            guess = left if valid[y, x - 1] else above
            if valid[y, x - 1] and valid[y - 1, x] and valid[y - 1, x - 1]:
                if plane == "orientation":
                    above, between = (left + (there - left + 128) % 256 - 128 for there in (above, between))
                guess = sorted((left, above, left + above - between))[1]
            around = off[y, x - 1] + off[y - 1, x]
            kind = plane, sum(around >= step for step in (3, 8, 20)), bool(valid[y, x - 1] or valid[y - 1, x])
            length = 0
            while length < 8 and reader.bit((*kind, length)):
                length += 1
            folded = 1 if length else 0
            for place in reversed(range(length - 1)):
                folded = 2 * folded + reader.bit((plane, "rest", length, place))
            number = -(folded + 1) // 2 if folded % 2 else folded // 2
            values[y, x], off[y, x] = (guess + number) % 256, abs(number)
        planes.append(values[1:, 1:-1])
    crests = np.zeros((3 * rows + 1, 3 * columns + 4), int)
    for y, x in np.ndindex(3 * rows, 3 * columns):
        if valid[y // 3 + 1, x // 3 + 1]:
            seen = tuple(map(int, (*crests[y, x : x + 5], *crests[y + 1, x : x + 2])))
            crests[y + 1, x + 2] = reader.bit(((planes[0][y // 3, x // 3] + 16) % 256 // 32, seen))
    return valid[1:, 1:-1], *planes, crests[1:, 2:-2]


def scattered(seed: int, rows: int, columns: int, known: float, rough: int) -> Planes:
    rng = np.random.default_rng(seed)
    valid = rng.random((rows, columns)) < known
    values = np.cumsum(rng.integers(-rough, rough + 1, (2, rows, columns)), axis=2).astype(np.uint8) * valid
    crests = (rng.random((3 * rows, 3 * columns)) < 0.5) & np.kron(valid, np.ones((3, 3), np.bool_))
    return Planes(values[0], values[1], valid, crests)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.sampled_from([0, 2, 128])
)
def test_a_slow_reader_reads_the_same(seed: int, rows: int, columns: int, known: float, rough: int) -> None:
    planes = scattered(seed, rows, columns, known, rough)
    valid, orientation, period, crests = read_slowly(bytes_of(planes), rows, columns)
    assert np.array_equal(valid, planes.valid)
    assert np.array_equal(orientation, planes.orientation)
    assert np.array_equal(period, planes.period)
    assert np.array_equal(crests, planes.crests)


def test_smooth_ridges_take_less_than_their_crests_alone() -> None:
    rows, columns = 24, 20
    y, x = np.mgrid[:rows, :columns]
    fine_y, fine_x = np.mgrid[: 3 * rows, : 3 * columns]
    valid = np.hypot(y - 12, x - 10) < 11
    crests = np.cos(1.9 * fine_x + 0.4 * fine_y + 0.01 * fine_x * fine_y) > 0
    planes = Planes(
        (128 + 3 * x - y + x * y // 8).astype(np.uint8) * valid,
        (140 + x % 3).astype(np.uint8) * valid,
        valid,
        crests & np.kron(valid, np.ones((3, 3), np.bool_)),
    )
    data = bytes_of(planes)
    assert all(map(np.array_equal, read_slowly(data, rows, columns), (valid, *planes[:2], planes.crests)))
    assert len(data) < 9 / 8 * valid.sum()


@pytest.mark.parametrize("data", [b"", b"\0" * 9, b"\xff" * 40])
def test_a_stream_that_ends_early_is_given_up_at_once(data: bytes) -> None:
    side = 300
    planes = Planes(
        np.zeros((side, side), np.uint8),
        np.zeros((side, side), np.uint8),
        np.zeros((side, side), np.bool_),
        np.zeros((3 * side, 3 * side), np.bool_),
    )
    stream = reader(CONTEXTS, data)
    code_ridges(planes, True, stream)
    assert consumed(stream) < len(data) + 4 * side  # not what a whole plane would take


@pytest.mark.parametrize("likely", [0.5, 0.1, 0.01])
def test_bits_take_little_more_than_their_entropy(likely: float) -> None:
    bits = (np.random.default_rng(1).random(20_000) < likely).astype(int)
    stream = writer(1, 4000)
    for bit in bits:
        code_bit(stream, 0, int(bit))
    share = bits.mean()
    entropy = -len(bits) * (share * np.log2(share) + (1 - share) * np.log2(1 - share)) / 8
    data = written(stream)
    assert isinstance(data, bytes)
    assert entropy - 1 < len(data) < 1.03 * entropy + 12
    stream = reader(1, data)
    assert [code_bit(stream, 0, 0) for _ in bits] == bits.tolist()
    assert consumed(stream) == len(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 12), st.integers(0, 12), st.booleans())
def test_any_bytes_are_some_evidence(data: bytes, rows: int, columns: int, with_crests: bool) -> None:
    shape, fine = (rows, columns), (3 * rows, 3 * columns)
    planes = Planes(
        np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, bool), np.zeros(fine, bool)
    )
    code_ridges(planes, with_crests, reader(CONTEXTS, data))
    assert not planes.orientation[~planes.valid].any()
    assert not (planes.crests & ~np.kron(planes.valid, np.ones((3, 3), np.bool_))).any()


def test_room_that_does_not_suffice_is_told() -> None:
    planes = scattered(3, 12, 12, 1.0, 128)
    stream = writer(CONTEXTS, 10)
    code_ridges(planes, True, stream)
    assert written(stream) == len(bytes_of(planes)) > 10
