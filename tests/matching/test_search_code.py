"""The short form of a finger and the first stage of a search."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compare_parameters import RANKING
from matching.errors import BadRecord
from matching.kernels.ranking import KEPT, LANES, WORDS, rank
from matching.prepare import prepare
from matching.search_code import (
    LENGTH,
    SearchCode,
    encode,
    from_bytes,
    of_words,
    qualities_of,
    to_bytes,
    words_of,
)
from matching.template import Template
from tests.matching.impressions import finger, worn
from tests.matching.templates import random_template


def code_of(template: Template, kept: int = KEPT) -> SearchCode:
    return encode(prepare(template), qualities_of(template), kept)


def side_by_side(codes: list[SearchCode]) -> NDArray[np.uint32]:
    """Blocks of a gallery; places beyond the codes are full of what must not be looked at."""
    blocks = np.full((-(-len(codes) // LANES), KEPT, WORDS, LANES), 0xFFFFFFFF, np.uint32)
    for row, code in enumerate(codes):
        blocks[row // LANES, :, :, row % LANES] = words_of(code)
    return blocks


@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_bytes_lose_nothing(seed: int, count: int, ridges: bool) -> None:
    template = random_template(seed, count)
    if not ridges:
        template = Template(template.minutiae, template.width, template.height)
    code = code_of(template)
    data = to_bytes(code)
    assert len(data) == LENGTH
    back = from_bytes(data)
    assert back.has_flow == code.has_flow == ridges
    assert all(np.array_equal(a, b) for a, b in zip(back[:3], code[:3], strict=True))
    assert to_bytes(of_words(words_of(code), ridges)) == data


@given(st.binary(max_size=LENGTH + 9))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    for altered in (data, b"VNTS" + data, b"VNTS\x01" + data):
        with pytest.raises(BadRecord):
            from_bytes(altered)


def test_every_flipped_bit_truncation_and_version_is_refused() -> None:
    data = to_bytes(code_of(finger(1)))
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadRecord):
            from_bytes(bytes(altered))
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            from_bytes(data[:length])
    with pytest.raises(BadRecord, match="version 2 at offset 4, this program reads version 1"):
        from_bytes(data[:4] + b"\x02" + data[5:])
    flags = data[:5] + b"\x04" + data[6:-4]
    with pytest.raises(BadRecord, match="flags 4"):
        from_bytes(flags + zlib.crc32(flags).to_bytes(4, "little"))


def test_a_finger_takes_less_than_768_bytes() -> None:
    code = code_of(random_template(1, 255))
    assert words_of(code).nbytes == 640 < 768
    assert LENGTH < 768


def test_the_code_is_of_the_minutiae_that_say_most() -> None:
    template = finger(3, 40)
    template.minutiae["quality"] = np.arange(40)
    prepared, qualities = prepare(template), qualities_of(template)
    words = prepared.flows.T.tolist()
    worth = [
        sum(bin(word).count("1") for word in row[4:]) / 8 + 0.2 * quality
        for row, quality in zip(words, qualities.tolist(), strict=True)
    ]
    order = sorted(range(40), key=lambda index: (-worth[index], index))
    code = encode(prepared, qualities)
    for place, index in enumerate(order[:KEPT]):
        for point in range(32):
            byte = words[index][point // 8] >> 8 * (point % 8) & 255
            valid = words[index][4 + point // 8] >> 8 * (point % 8) & 1
            assert int(code.known[place]) >> point & 1 == valid
            for plane, bit in enumerate((1, 3, 5, 7)):
                word = int(code.flows[plane // 2, place])
                assert word >> (32 * (plane % 2) + point) & 1 == byte >> bit & 1
        cells = int(np.bitwise_or.reduce(prepared.cylinders[:6, index]))
        assert int(code.around[place]) == cells


def likeness_of(own: int, place: int, probe: SearchCode, other: SearchCode) -> np.float32:
    """Each step in single precision, from bits counted as text."""
    points = int(probe.known[own]) & int(other.known[place])
    count = bin(points).count("1")
    if count < RANKING.least_points:
        return np.float32(0)
    mask = points << 32 | points
    off = sum(
        bin((int(probe.flows[word, own]) ^ int(other.flows[word, place])) & mask).count("1")
        for word in range(2)
    )
    first, second = int(probe.around[own]), int(other.around[place])
    filled = np.float32(max(bin(first).count("1") + bin(second).count("1"), 1))
    apart, weight = np.float32(bin(first ^ second).count("1")), np.float32(RANKING.neighbours)
    flow = np.float32(1) - np.float32(off) / np.float32(2 * count)
    return np.float32(flow + (weight - weight * apart / filled))


def rank_twin(probe: SearchCode, other: SearchCode) -> np.float32:
    best = [np.float32(0)] * RANKING.best
    for own in range(len(probe.known)):
        best.append(max(likeness_of(own, place, probe, other) for place in range(len(other.known))))
    return sum(sorted(best, reverse=True)[: RANKING.best], np.float32(0)) / np.float32(RANKING.best)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ranking_to_the_last_bit(seed: int) -> None:
    fingers = [finger(seed), worn(finger(seed), 4), finger(50 + seed), random_template(seed, 9)]
    codes = [code_of(one) for one in fingers]
    empty = code_of(Template(finger(1).minutiae[:0], 240, 240, finger(1).ridges))
    gallery = [*codes, empty, *codes[::-1], *codes, empty, *codes[::-1]]  # in two blocks
    for probe in (code_of(worn(finger(seed), 9), 48), code_of(random_template(seed, 5), 48), empty):
        likeness = np.full((2, LANES), np.nan, np.float32)
        rank(words_of(probe), side_by_side(gallery), np.array([1, 0]), RANKING, likeness)
        found = likeness[::-1].ravel()[: len(gallery)]
        assert found.tolist() == [rank_twin(probe, one) for one in gallery]


def test_mates_rank_above_strangers() -> None:
    gallery = side_by_side([code_of(finger(seed)) for seed in range(2 * LANES)])
    for seed in range(0, 2 * LANES, 7):
        likeness = np.zeros((2, LANES), np.float32)
        rank(words_of(code_of(worn(finger(seed), seed + 1), 48)), gallery, np.arange(2), RANKING, likeness)
        assert int(likeness.argmax()) == seed
