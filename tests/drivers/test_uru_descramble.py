"""Descrambling against a slow twin, bit by bit as the register is described; whatever a transfer may hold."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.uru_descramble import HEAD_BYTES, HEIGHT, TRANSFER_BYTES, WIDTH, BadPicture, Picture, keystream

RECORDED = [(2, 72), (0, 1), (2, 49), (1, 1), (0, 1), (2, 49), (0, 1), (2, 116)]
KEYS = st.integers(0, 2**32 - 1)


def slow_step(register: list[int]) -> list[int]:
    """The register's 32 bits, the lowest first, after one step; taps are counted from 1, the lowest bit."""
    feedback = 0
    for tap in (1, 3, 4, 7, 11, 13, 20, 23, 26, 29, 32):
        feedback ^= register[tap - 1]
    return [*register[1:], feedback]


def slow_byte(register: list[int]) -> int:
    return sum(register[place] << bit for bit, place in enumerate((4, 8, 11, 14, 18, 21, 24, 29)))


def register_of(key: int) -> list[int]:
    return [key >> bit & 1 for bit in range(32)]


def slow_picture(data: bytes, keys: list[int]) -> bytes:
    """The 290 rows that one transfer makes, byte after byte."""
    rows = bytearray(data[HEAD_BYTES:])
    blocks = [(data[16 + 2 * n], data[17 + 2 * n]) for n in range(15)]
    register, source = register_of(keys[0]), 0
    turn = 0
    for flags, count in blocks:
        if count == 0:
            break
        if flags & 0x80:
            turn += 1
            register = register_of(keys[turn])
        for place in range(source * WIDTH, (source + count) * WIDTH):
            if flags & 6 == 2:
                last = place == (source + count) * WIDTH - 1
                rows[place] = 0 if last else rows[place + 1] ^ slow_byte(register)
            if not flags & 4:
                register = slow_step(register)
        if not flags & 1:
            source += count
    whole, source = b"", 0
    for flags, count in blocks:
        if count == 0:
            break
        whole += rows[source * WIDTH : (source + count) * WIDTH]
        if not flags & 1:
            source += count
    return whole


def transfer(blocks: list[tuple[int, int]], seed: int, number: int = 0) -> bytes:
    """A transfer of noise."""
    count = sum(rows for flags, rows in blocks if not flags & 1)
    table = b"".join(bytes(block) for block in blocks).ljust(30, b"\0")
    pixels = np.random.default_rng(seed).integers(0, 256, count * WIDTH, np.uint8).tobytes()
    return bytes(4) + count.to_bytes(2, "little") + bytes([number]) + bytes(9) + table + bytes(18) + pixels


@given(KEYS)
@example(0x544409D6)
def test_a_keys_stream_is_what_the_register_gives_step_by_step(key: int) -> None:
    stream, register = keystream(key), register_of(key)
    assert stream.shape == (WIDTH * HEIGHT,)
    for n in range(500):
        assert stream[n] == slow_byte(register), n
        register = slow_step(register)


@given(KEYS, KEYS)
def test_streams_are_linear_to_their_last_byte(a: int, b: int) -> None:
    np.testing.assert_array_equal(keystream(a) ^ keystream(b), keystream(a ^ b))


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Blocks of 290 rows, at least one absent, as a device may send them."""
    before = draw(st.integers(40, 250))
    absent = draw(st.integers(1, 5))
    blocks: list[tuple[int, int]] = []
    left = before
    while left:
        rows = left if len(blocks) == 6 else draw(st.integers(1, left))
        blocks.append((draw(st.sampled_from([0x02, 0x00, 0x04, 0x06, 0x82, 0x80])), rows))
        left -= rows
    blocks.append((0x01, absent))
    after = HEIGHT - before - absent
    blocks.append((draw(st.sampled_from([0x02, 0x00])), after))
    return blocks


@settings(max_examples=6)
@given(tables(), st.lists(KEYS, min_size=10, max_size=10), st.integers(0, 99))
@example(RECORDED, [0x544409D6], 1)
def test_a_picture_is_what_the_slow_twin_makes_of_it(
    blocks: list[tuple[int, int]], keys: list[int], seed: int
) -> None:
    data = transfer(blocks, seed, 254)
    picture = Picture.parse(data)
    assert picture.scrambled
    numbers = picture.key_numbers
    assert numbers == [254, 255, 0, 1, 2, 3, 4, 5, 6, 7][: len(numbers)]
    assert len(numbers) == 1 + sum(flags & 0x80 != 0 for flags, _ in blocks)
    whole = picture.assemble(picture.descramble(keys[: len(numbers)]))
    assert whole.shape == (HEIGHT, WIDTH)
    assert whole.tobytes() == slow_picture(data, keys)


def test_quiet_rows_are_not_scrambled() -> None:
    data = bytearray(transfer(RECORDED, 1))
    data[HEAD_BYTES : HEAD_BYTES + 2 * WIDTH] = bytes([9, 40] * WIDTH)
    assert not Picture.parse(bytes(data)).scrambled


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        ([(2, 72)], "blocks have 72 rows, not 290"),
        ([(2, 255), (2, 255)], "claims 510 rows"),
        ([(2, 200), (2, 90)], "claims 290 rows"),
        ([(2, 200), (2, 20), (1, 70)], "need more than its 220 rows"),
        ([(2, 200), (3, 10), (2, 80)], "scrambled and not there"),
        ([], "claims 0 rows"),
    ],
)
def test_a_table_that_does_not_make_a_picture(blocks: list[tuple[int, int]], wrong: str) -> None:
    with pytest.raises(BadPicture, match=wrong):
        Picture.parse(transfer(blocks, 1))


def test_a_picture_that_was_cut_off() -> None:
    whole = transfer(RECORDED, 1)
    assert len(whole) == 111_040 < TRANSFER_BYTES
    Picture.parse(whole)
    for length in (0, 1, HEAD_BYTES - 1, HEAD_BYTES, len(whole) - 1):
        with pytest.raises(BadPicture, match=f"a picture of {length} bytes"):
            Picture.parse(whole[:length])


@given(st.binary(max_size=HEAD_BYTES + 64), st.integers(0, HEAD_BYTES), st.integers(0, TRANSFER_BYTES))
def test_whatever_comes_is_a_picture_or_named(noise: bytes, at: int, length: int) -> None:
    data = bytearray(transfer(RECORDED, 2))
    data[at : at + len(noise)] = noise
    with suppress(BadPicture):
        picture = Picture.parse(bytes(data[:length]))
        keys = list(range(len(picture.key_numbers)))
        assert picture.assemble(picture.descramble(keys)).shape == (HEIGHT, WIDTH)
