"""Each kernel of comparison against a twin in plain NumPy and Python that shares no code with it."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compare_parameters import COMPARISON, CYLINDER, Shortlist
from matching.kernels._jit import count_bits, kernel
from matching.kernels.agreement import backwards, count_covered, spaciousness
from matching.kernels.alignment import Motion, fit_motion
from matching.kernels.comparison import Parts, compare_prepared
from matching.kernels.coverage import convex_hull, mark_near
from matching.kernels.cylinders import encode_cylinders, section_table
from matching.kernels.flow_codes import circular_codes, encode_flows, ring_points
from matching.kernels.laying import Evidence, lay_ridges
from matching.kernels.packed import pack, unpacked
from matching.kernels.pairing import pair_outward, room_for
from matching.kernels.prepared import PreparedTemplate
from matching.kernels.relaxation import mutual_support, relax
from matching.kernels.scoring import score_one_to_many, score_pair, score_pairs, terms_of
from matching.kernels.shortlist import shortlist
from matching.kernels.similarity import compare_surroundings
from matching.prepare import prepare
from matching.template import Template
from tests.matching.impressions import finger, worn
from tests.matching.templates import random_template

SEEDS = pytest.mark.parametrize("seed", [0, 1, 2])


def frame(seed: int, count: int = 14) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    places = rng.uniform([[30], [30], [-math.pi]], [[210], [190], [math.pi]], (3, count))
    return places[:, np.argsort(places[1])].astype(np.float32)


def mates(seed: int) -> tuple[PreparedTemplate, PreparedTemplate]:
    one = finger(seed, 14)
    return prepare(one), prepare(worn(one, seed, 0.15, 2))


def ones(word: object) -> int:
    return bin(int(word)).count("1")  # type: ignore[call-overload]


@kernel
def bits_of(words: NDArray[np.uint64]) -> int:
    total = 0
    for word in words:
        total += np.int64(count_bits(word))
    return total


@given(st.lists(st.integers(0, 2**64 - 1), max_size=9))
def test_count_bits(words: list[int]) -> None:
    assert bits_of(np.array(words, np.uint64)) == sum(ones(word) for word in words)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=9), st.integers(0, 30)
)
def test_hull_and_margin(points: list[tuple[int, int]], margin: int) -> None:
    x, y = np.array(points, np.float32).T
    corners = convex_hull(x, y)
    assert set(map(tuple, corners)) <= set(map(tuple, np.array(points, float)))
    inside = np.zeros((14, 14), np.bool_)
    margin += 0.3713  # so that no centre of a cell lies exactly on the limit
    mark_near(corners, margin, inside)
    expected = np.ones((14, 14), np.bool_)
    for first in points:  # every line through two points that has all others on one side is an edge
        for second in points:
            if first != second:
                edge = complex(second[0] - first[0], second[1] - first[1])
                normal = edge / abs(edge) * 1j
                sides = [((complex(*point) - complex(*first)) * normal.conjugate()).real for point in points]
                if min(sides) >= -1e-9:
                    centres = (np.arange(14) * 8 + 4)[None, :] + 1j * (np.arange(14) * 8 + 4)[:, None]
                    expected &= ((centres - complex(*first)) * normal.conjugate()).real >= -margin - 1e-9
    assert np.array_equal(inside, expected)


def cylinder_twin(
    minutiae: NDArray[np.float32], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return (n, 6, 64) contributions and (n, 64) valid cells."""
    x, y, angle = minutiae.astype(float)
    count, shape = len(x), CYLINDER
    pitch = 2 * shape.radius / 8
    centre = (np.arange(8) + 0.5) * pitch - shape.radius
    along, across = np.tile(centre, 8), np.repeat(centre, 8)
    filled, valid = np.zeros((count, 6, 64)), np.zeros((count, 64), np.bool_)
    for own in range(count):
        place = complex(x[own], y[own]) + (along + 1j * across) * cmath.exp(1j * angle[own])
        for cell in range(64):
            row, column = math.floor(place[cell].imag / 8), math.floor(place[cell].real / 8)
            on_grid = 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]
            near = math.hypot(along[cell], across[cell]) <= shape.radius
            valid[own, cell] = near and on_grid and bool(inside[row, column])
        for other in set(range(count)) - {own}:
            local = (complex(x[other] - x[own], y[other] - y[own])) * cmath.exp(-1j * angle[own])
            off_along, off_across = along - local.real, across - local.imag
            box = (np.abs(off_along) <= 3 * shape.spread) & (np.abs(off_across) <= 3 * shape.spread)
            near_weight = np.exp(-(off_along**2 + off_across**2) / (2 * shape.spread**2)) * box
            near_weight /= shape.spread * math.sqrt(2 * math.pi)
            step = math.floor((angle[other] - angle[own]) * 128 / math.pi + 0.5) % 256
            for section in range(6):
                middle = (step / 256 - (section + 0.5) / 6 + 0.5) % 1 - 0.5  # of a turn
                samples = (middle + (np.arange(400) + 0.5) / 2400 - 1 / 12) * 2 * math.pi
                density = np.exp(-(samples**2) / (2 * shape.turn**2)) / (shape.turn * math.sqrt(2 * math.pi))
                filled[own, section] += near_weight * density.mean() * math.pi / 3
    return filled, valid


@SEEDS
def test_cylinders(seed: int) -> None:
    minutiae = frame(seed)
    inside = np.random.default_rng(seed).random((26, 28)) < 0.9
    words = encode_cylinders(minutiae, inside, section_table(CYLINDER), CYLINDER)
    filled, valid = cylinder_twin(minutiae, inside)
    for own in range(minutiae.shape[1]):
        for cell in range(64):
            assert int(words[6, own]) >> cell & 1 == valid[own, cell]
            for section in range(6):
                if abs(filled[own, section, cell] - CYLINDER.full) > 1e-5:
                    full = filled[own, section, cell] > CYLINDER.full and valid[own, cell]
                    assert int(words[section, own]) >> cell & 1 == full


def test_circular_codes_have_circular_hamming_distances() -> None:
    codes = circular_codes()
    for first in range(16):
        for second in range(16):
            apart = abs(first - second)
            assert ones(codes[first] ^ codes[second]) == min(apart, 16 - apart)


@SEEDS
def test_flow_codes(seed: int) -> None:
    minutiae = frame(seed)
    orientation = np.random.default_rng(seed).integers(-40, 256, (26, 28)).clip(-1).astype(np.int16)
    words = encode_flows(minutiae, orientation, ring_points(), circular_codes())
    codes = [int(code) for code in circular_codes()]
    for own, (x, y, angle) in enumerate(minutiae.T.astype(float)):
        step = math.floor(angle / math.pi * 256 + 0.5)
        for point, offset in enumerate(ring_points().astype(float)):
            place = complex(x, y) + complex(*offset) * cmath.exp(1j * angle)
            row, column = math.floor(place.imag / 8), math.floor(place.real / 8)
            known = 0 <= row < 26 and 0 <= column < 28 and orientation[row, column] >= 0
            code = int(words[point // 8, own]) >> 8 * (point % 8) & 255
            mask = int(words[4 + point // 8, own]) >> 8 * (point % 8) & 255
            assert mask == (255 if known else 0)
            if known:
                turned = (int(orientation[row, column]) - step) / 256 % 1
                assert code == codes[math.floor(turned * 16 + 0.5) % 16]
            else:
                assert code == 0


@SEEDS
@pytest.mark.parametrize("bare", [False, True])
def test_similarity(seed: int, bare: bool) -> None:
    probe, candidate = mates(seed)
    probe = probe._replace(has_flow=not bare)
    constants = COMPARISON.similarity
    alike = np.zeros((probe.minutiae.shape[1], candidate.minutiae.shape[1]), np.float32)
    compare_surroundings(probe, candidate, constants, alike)
    for row in range(alike.shape[0]):
        for column in range(alike.shape[1]):
            first, second = (
                [int(word) for word in side]
                for side in (probe.cylinders[:, row], candidate.cylinders[:, column])
            )
            mask = first[6] & second[6]
            counts = [sum(ones(a & mask) for a in side[:6]) for side in (first, second)]
            differing = sum(ones((a ^ b) & mask) for a, b in zip(first[:6], second[:6], strict=True))
            norm = math.sqrt(counts[0]) + math.sqrt(counts[1])
            cylinder = 1 - math.sqrt(differing) / norm if ones(mask) >= constants.least_cells and norm else -1
            expected = constants.bare_offset + constants.bare_slope * cylinder
            if not bare:
                first, second = (
                    [int(word) for word in side] for side in (probe.flows[:, row], candidate.flows[:, column])
                )
                both = [a & b for a, b in zip(first[4:], second[4:], strict=True)]
                known = sum(map(ones, both))
                off = sum(ones((a ^ b) & m) for a, b, m in zip(first, second, both, strict=False))
                flow = 1 - 2 * off / known if known >= 8 * constants.least_points else -1
                expected = (
                    constants.offset + constants.cylinder_slope * cylinder + constants.flow_slope * flow
                )
                if cylinder < 0 or flow < constants.flow_gate:
                    expected = 0.0
            assert alike[row, column] == pytest.approx(min(max(expected, 0), 1), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 30), st.integers(1, 12))
def test_shortlist(seed: int, height: int, width: int, pool: int, size: int) -> None:
    alike = np.random.default_rng(seed).integers(0, 12, (height, width)).astype(np.float32) / 11  # many ties
    rows, columns = np.zeros(size, np.int32), np.zeros(size, np.int32)
    kept = shortlist(alike, Shortlist(pool, size), rows, columns)
    expected: list[tuple[int, int]] = []
    ranked = sorted(np.ndindex(height, width), key=lambda place: (-alike[place], place))[:pool]
    for row, column in ranked:
        fresh = all(row != other_row and column != other for other_row, other in expected)
        if alike[row, column] > 0 and fresh and len(expected) < size:
            expected.append((row, column))
    assert list(zip(rows[:kept], columns[:kept], strict=True)) == expected


@SEEDS
def test_support_and_relaxation(seed: int) -> None:
    probe, candidate = mates(seed)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(12)[:9].astype(np.int32)
    columns = rng.permutation(12)[:9].astype(np.int32)
    rows[:4], columns[:4] = np.arange(4), np.arange(4)
    rows[4:], columns[4:] = np.arange(4, 9), rng.permutation(np.arange(4, 9))
    constants = COMPARISON.relaxation
    support = mutual_support(probe, candidate, rows, columns, constants)
    p = probe.minutiae[0, rows] + 1j * probe.minutiae[1, rows].astype(complex)
    q = candidate.minutiae[0, columns] + 1j * candidate.minutiae[1, columns].astype(complex)
    turns = candidate.minutiae[2, columns].astype(float) - probe.minutiae[2, rows]
    for first in range(9):
        for second in range(9):
            misturn = cmath.phase(cmath.exp(1j * (turns[second] - turns[first])))
            middle = cmath.exp(1j * (turns[first] + misturn / 2))
            vector, target = p[second] - p[first], q[second] - q[first]
            scale = constants.distance + constants.stretch * (abs(vector) + abs(target)) / 2
            misfit = abs(vector * middle - target) / scale
            expected = 1 / ((1 + misfit**4) * (1 + (misturn / constants.turn) ** 4))
            if first == second or misfit > 2 or abs(misturn) > 2 * constants.turn:
                expected = 0.0
            assert support[first, second] == pytest.approx(expected, abs=2e-3)
    likeness = rng.random(9).astype(np.float32)
    relaxed = likeness.copy()
    relax(relaxed, support, constants)
    vector = likeness.astype(float)
    step = constants.memory * np.eye(9) + (1 - constants.memory) * constants.gain / 8 * support
    assert relaxed == pytest.approx(np.linalg.matrix_power(step, constants.rounds) @ vector, rel=1e-4)


@SEEDS
def test_motion_is_the_least_squares_one(seed: int) -> None:
    probe, candidate = mates(seed)
    rng = np.random.default_rng(seed)
    rows, columns = (rng.permutation(12)[:7].astype(np.int32) for _ in range(2))
    weights = rng.random(7).astype(np.float32)
    motion = fit_motion(probe, candidate, rows, columns, weights, 20.0)
    sides = []
    for one, chosen in ((probe, rows), (candidate, columns)):
        places = one.minutiae[:2, chosen].T.astype(float)
        centred = places - np.average(places, axis=0, weights=weights)
        angle = one.minutiae[2, chosen].astype(float)
        sides.append(np.concatenate([centred, 20 * np.stack([np.cos(angle), np.sin(angle)], 1)]))
    doubled = np.concatenate([weights, weights])
    u, _, vt = np.linalg.svd((sides[0] * doubled[:, None]).T @ sides[1])
    rotation = vt.T @ np.diag([1, np.linalg.det(vt.T @ u.T)]) @ u.T
    assert (motion.cosine, motion.sine) == pytest.approx((rotation[0, 0], rotation[1, 0]), abs=1e-5)
    pivot = np.average(probe.minutiae[:2, rows], axis=1, weights=weights)
    target = np.average(candidate.minutiae[:2, columns], axis=1, weights=weights)
    assert (motion.pivot_x, motion.pivot_y) == pytest.approx(pivot, rel=1e-5)
    assert (motion.target_x, motion.target_y) == pytest.approx(target, rel=1e-5)


def pairing_twin(
    probe: PreparedTemplate, candidate: PreparedTemplate, motion: Motion
) -> list[tuple[int, int, float]]:
    constants = COMPARISON.pairing
    places = probe.minutiae[0] + 1j * probe.minutiae[1].astype(complex)
    others = candidate.minutiae[0] + 1j * candidate.minutiae[1].astype(complex)
    rotation = complex(motion.cosine, motion.sine)
    pivot, target = complex(motion.pivot_x, motion.pivot_y), complex(motion.target_x, motion.target_y)
    rigid = (places - pivot) * rotation + target
    paired: list[tuple[int, int, float]] = []
    for index in np.argsort(np.abs(places - pivot), kind="stable"):
        expected, reach = rigid[index], constants.reach
        if paired:
            mine = np.array([one for one, _, _ in paired])
            away = np.abs(places[mine] - places[index])
            weights = (away**2 + constants.soften) ** -2.0
            off = others[[other for _, other, _ in paired]] - rigid[mine]
            expected += (weights * off).sum() / (weights.sum() + 1e-12)
            reach = min(constants.tight + constants.loosen * away.min(), constants.loose)
        best = (1.0, -1)
        for other in set(range(len(others))) - {other for _, other, _ in paired}:
            misfit = abs(others[other] - expected) / reach
            turned = candidate.minutiae[2, other] - probe.minutiae[2, index] - cmath.phase(rotation)
            misturn = abs(cmath.phase(cmath.exp(1j * turned))) / constants.turn
            if misfit < 1 and misturn < 1:
                best = min(best, (0.6 * misfit**2 + 0.4 * misturn**2, other))
        if best[1] >= 0:
            paired.append((int(index), best[1], 1 - best[0]))
    return paired


@SEEDS
@pytest.mark.parametrize("turn", [0.0, 0.06, 2.5])
def test_pairing(seed: int, turn: float) -> None:
    probe, candidate = mates(seed)
    middle = probe.minutiae[:2].mean(axis=1)
    shift = candidate.minutiae[:2].mean(axis=1)
    motion = Motion(math.cos(turn), math.sin(turn), *map(float, middle), *map(float, shift))
    pairs = room_for(probe.minutiae.shape[1])
    count = pair_outward(probe, candidate, motion, COMPARISON.pairing, pairs)
    expected = pairing_twin(probe, candidate, motion)
    assert list(zip(pairs.rows[:count], pairs.columns[:count], strict=True)) == [
        pair[:2] for pair in expected
    ]
    assert pairs.closeness[:count] == pytest.approx([pair[2] for pair in expected], abs=1e-3)


@SEEDS
def test_overlap(seed: int) -> None:
    probe, candidate = mates(seed)
    motion = Motion(math.cos(0.4), math.sin(0.4), 120.0, 110.0, 140.0, 100.0)
    paired = np.array([0, 3], np.int32)
    x, y = probe.minutiae[:2].astype(float)
    moved = (x + 1j * y - (120 + 110j)) * cmath.exp(0.4j) + (140 + 100j)
    row, column = (moved.imag // 8).astype(int), (moved.real // 8).astype(int)
    rows, columns = candidate.covered.shape
    within = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    within[within] = candidate.covered[row[within], column[within]]
    within[paired] = True
    assert count_covered(probe.minutiae, candidate.covered, motion, paired) == within.sum()
    assert backwards(backwards(motion)) == motion


@given(st.integers(1, 255), st.integers(0, 2**16), st.integers(1, 12), st.integers(1, 12))
def test_spaciousness(count: int, seed: int, rows: int, columns: int) -> None:
    covered = np.random.default_rng(seed).random((rows, columns)) < 0.7
    expected = min(1.0, float(covered.sum()) * 64 / (count * 130.0))
    assert spaciousness(count, covered, 130.0) == pytest.approx(expected)


def test_packed_impressions_come_back() -> None:
    templates = [
        prepare(finger(1, 9)),
        prepare(Template(finger(2).minutiae[:0], 9, 9)),
        prepare(finger(3, 5)),
    ]
    packed = pack(templates)
    for index, one in enumerate(templates):
        for mine, field in zip(unpacked(packed, index), one, strict=True):
            assert np.array_equal(mine, field)
    assert len(pack([]).heads) == 0


def test_many_at_once_score_as_one_by_one() -> None:
    templates = [prepare(finger(seed, 12)) for seed in range(4)] + [prepare(worn(finger(1, 12), 3))]
    packed = pack(templates)
    pairs = np.array([(a, b) for a in range(5) for b in range(5)], np.int64)
    rows = score_pairs(packed, pairs, COMPARISON)
    for (probe, candidate), row in zip(pairs, rows, strict=True):
        value, parts = score_pair(templates[probe], templates[candidate], COMPARISON)
        assert row[0] == value
        assert tuple(row[1:]) == terms_of(parts, COMPARISON)
    scores, merits = score_one_to_many(templates[1], packed, COMPARISON)
    assert list(scores) == [row[0] for row in rows[5:10]]
    assert list(np.log1p(merits)) == pytest.approx([row[2] for row in rows[5:10]])


def test_score_is_the_weighted_sum_of_its_terms() -> None:
    probe, candidate = mates(1)
    value, parts = score_pair(probe, candidate, COMPARISON)
    evidence, weights = COMPARISON.evidence, COMPARISON.full
    overlap = math.sqrt(parts.probe_overlap * parts.candidate_overlap)
    expected = weights.support * math.log(1 + parts.supported / evidence.faint)
    expected += weights.merit * math.log(1 + parts.strength**2 / (overlap + evidence.few))
    expected += weights.overlap * math.log(1 + overlap) + weights.ridges * parts.ridges
    assert value == pytest.approx(max(expected, 0.0))
    assert parts.pairs >= 8
    nothing = Parts(0.5, 0.01, 0, 0.0, 0, 0, 0.0)
    assert terms_of(nothing, COMPARISON) == (0.0, 0.0, 0.0, 0.0)
    lonely = prepare(random_template(1, 2))
    assert compare_prepared(lonely, probe, COMPARISON) == Parts(0.0, 0.0, 0, 0.0, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("left", "top", "rows", "columns"), [(-2, -3, 12, 9), (1, 2, 3, 4), (5, -1, 9, 9), (8, 0, 3, 3)]
)
@pytest.mark.parametrize("with_crests", [True, False])
def test_ridges_are_laid_where_they_lay_in_the_image(
    left: int, top: int, rows: int, columns: int, with_crests: bool
) -> None:
    rng = np.random.default_rng(rows)
    turns, valid = rng.integers(0, 256, (7, 8), np.uint8), rng.random((7, 8)) < 0.7
    points = rng.random((21, 24)) < 0.5
    orientation, crests = np.full((rows, columns), -1, np.int16), np.zeros((3 * rows, 3 * columns), np.int8)
    evidence = Evidence(turns, valid, points if with_crests else np.zeros((0, 0), np.bool_))
    lay_ridges(evidence, left, top, orientation, crests)
    seen = {
        (y, x): (256 - int(turns[y, x])) % 256
        for y, x in zip(*map(np.ndarray.tolist, np.nonzero(valid)), strict=True)
    }
    for y, x in np.ndindex(rows, columns):
        assert orientation[y, x] == seen.get((y + top, x + left), -1)
    for y, x in np.ndindex(3 * rows, 3 * columns):
        known = with_crests and (y // 3 + top, x // 3 + left) in seen
        assert crests[y, x] == (2 * int(points[y + 3 * top, x + 3 * left]) - 1 if known else 0)
