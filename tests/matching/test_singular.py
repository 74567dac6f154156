"""Cores, deltas and pattern classes: on analytic fields, and on synthetic fingers whose truth is known."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fwtools.synthesis.finger import HEIGHT, WIDTH
from fwtools.synthesis.impressions import impression
from fwtools.synthesis.patterns import Layout, draw_layout, draw_pattern
from fwtools.synthesis.people import stream
from matching.extract import extract
from matching.parameters import EXTRACTION
from matching.singular import classify, find_singular
from matching.template import CORE, DELTA, PATTERNS, SINGULAR, UNKNOWN_PATTERN, Template
from tests.fwtools.synthetic import finger, needs_speed

ROWS, COLUMNS = 40, 36
WHOLE = np.ones((ROWS, COLUMNS), np.bool_)
P = EXTRACTION.singular


def field(points: list[tuple[float, float, int]], turn: float = 0.0) -> NDArray[np.float32]:
    """The flow of points (x, y in pixels, +1 core, -1 delta): Sherlock and Monro's zero-pole model."""
    y, x = (np.mgrid[:ROWS, :COLUMNS] + 0.5) * 8 - 0.5
    doubled = np.full(x.shape, turn)
    for at_x, at_y, sign in points:
        doubled = doubled + sign * np.arctan2(at_y - y, x - at_x)
    return np.stack([np.cos(doubled), np.sin(doubled)]).astype(np.float32)


@given(st.floats(60, 220), st.floats(60, 250), st.sampled_from([1, -1]), st.floats(-3, 3))
def test_a_point_is_found_where_it_is(x: float, y: float, sign: int, turn: float) -> None:
    (point,) = find_singular(field([(x, y, sign)], turn), WHOLE, P)
    assert point["kind"] == (CORE if sign > 0 else DELTA)
    assert np.hypot(point["x"] - x, point["y"] - y) < 2.0  # a quarter of a cell
    if sign > 0:  # ridges come in from where it opens to: there the flow points at the core
        assert abs(np.angle(np.exp(1j * (float(point["angle"]) - turn)))) < 0.05
    else:
        assert abs(np.sin(1.5 * float(point["angle"]) - 0.5 * turn)) < 0.05


def test_along_the_angle_of_a_point_ridges_run_towards_it() -> None:
    for sign in (1, -1):
        flow = field([(144.0, 160.0, sign)], 0.7)
        (point,) = find_singular(flow, WHOLE, P)
        angle = float(point["angle"])
        column, row = int((144 + 60 * np.cos(angle)) / 8), int((160 - 60 * np.sin(angle)) / 8)
        along = 0.5 * np.arctan2(flow[1, row, column], flow[0, row, column])
        assert abs(np.sin(along - angle)) < 0.15


def test_a_core_and_a_delta_close_together_undo_each_other() -> None:
    near = find_singular(field([(140.0, 150.0, 1), (158.0, 150.0, -1)]), WHOLE, P)
    far = find_singular(field([(100.0, 150.0, 1), (190.0, 150.0, -1)]), WHOLE, P)
    assert len(near) == 0
    assert sorted(far["kind"]) == [CORE, DELTA]


def test_nothing_is_found_at_the_edge_or_without_a_foreground() -> None:
    flow = field([(140.0, 150.0, 1)])
    assert len(find_singular(flow, np.zeros_like(WHOLE), P)) == 0
    half = WHOLE.copy()
    half[:, 19:] = False
    assert len(find_singular(flow, half, P)) == 0
    assert len(find_singular(np.zeros((2, 1, 1), np.float32), np.ones((1, 1), np.bool_), P)) == 0


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(140.0, 100.0, CORE, -1.57), (140.0, 130.0, CORE, 1.57)], "whorl"),
        ([(140.0, 100.0, CORE, -1.57), (80.0, 200.0, DELTA, 0.0), (200.0, 200.0, DELTA, 0.0)], "whorl"),
        ([(140.0, 100.0, CORE, -1.9), (200.0, 180.0, DELTA, 0.0)], "left loop"),
        ([(140.0, 100.0, CORE, -1.2), (80.0, 180.0, DELTA, 0.0)], "right loop"),
        ([(140.0, 100.0, CORE, -1.57), (142.0, 180.0, DELTA, 0.0)], "tented arch"),
        ([(140.0, 100.0, CORE, -1.9)], "left loop"),
        ([(140.0, 100.0, CORE, -1.2)], "right loop"),
        ([(140.0, 100.0, CORE, -1.57)], "unknown"),
        ([(140.0, 100.0, DELTA, 0.0)], "unknown"),
        ([(140.0, 40.0 * n, CORE, 0.0) for n in range(1, 4)], "unknown"),
        ([], "unknown"),
    ],
)
def test_classes_follow_from_the_points(points: list[tuple[float, float, int, float]], expected: str) -> None:
    rows = np.array([(x, y, angle, kind) for x, y, kind, angle in points], SINGULAR)
    level = np.stack([np.ones((ROWS, COLUMNS)), np.zeros((ROWS, COLUMNS))]).astype(np.float32)
    assert PATTERNS[classify(rows, level, WHOLE, P)] == expected


def test_an_arch_rises_and_falls_over_enough_of_a_finger() -> None:
    _, x = np.mgrid[:ROWS, :COLUMNS]
    doubled = 1.2 * (COLUMNS / 2 - x) / COLUMNS
    flow = np.stack([np.cos(doubled), np.sin(doubled)]).astype(np.float32)
    assert PATTERNS[classify(np.zeros(0, SINGULAR), flow, WHOLE, P)] == "arch"
    part = np.zeros_like(WHOLE)
    part[10:20, 10:20] = True
    assert classify(np.zeros(0, SINGULAR), flow, part, P) == UNKNOWN_PATTERN


FINGERS = [(1, 2), (2, 6), (3, 8), (1, 3), (3, 2), (3, 3), (3, 4)]  # of every class


@lru_cache
def known(subject: int, position: int) -> tuple[Layout, Template, Template]:
    """The truth, and what extraction finds in a whole and in an ordinary impression."""
    made = finger(subject, position)
    rng = stream(made.seed, subject, position)
    layout = draw_layout(rng, draw_pattern(rng, position))  # as the finger was drawn
    assert layout.pattern is made.pattern
    whole, _ = impression(made, 1, size=(WIDTH, HEIGHT), clean=True)
    plain, _ = impression(made, 1)
    return layout, extract(whole), extract(plain)


@needs_speed
def test_cores_and_deltas_of_synthetic_fingers_are_found() -> None:
    missed = invented = 0
    # a core is found about a period above the zero of the field that the ridges grew along
    for subject, position in FINGERS:
        layout, template, _ = known(subject, position)
        for kind, truth, near in (
            (
                CORE,
                [(core.x, core.y) for core in layout.cores],
                20.0,
            ),
            (DELTA, list(layout.deltas), 10.0),
        ):
            found = template.singular[template.singular["kind"] == kind]
            places = [(x + (WIDTH - 1) / 2, (HEIGHT - 1) / 2 - y) for x, y in truth]
            inside = [(x, y) for x, y in places if 30 < x < WIDTH - 30 and 30 < y < HEIGHT - 30]
            missed += sum(np.hypot(found["x"] - x, found["y"] - y).min(initial=99) > near for x, y in inside)
            invented += max(0, len(found) - len(places))
    assert (missed, invented) == (0, 0)


@needs_speed
def test_the_classes_of_synthetic_fingers_are_known() -> None:
    classes = {known(*which)[0].pattern for which in FINGERS}
    assert len(classes) == 5
    for which in FINGERS:
        layout, whole, plain = known(*which)
        assert PATTERNS[whole.pattern] == layout.pattern.value
        assert PATTERNS[plain.pattern] in (layout.pattern.value, "unknown")
