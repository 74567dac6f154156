"""Comparison as a whole: what must match, what must not, and what may not matter."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matching import iso19794
from matching.calibration import decide
from matching.compare import FULL, MINUTIAE_ONLY, compare, prepare
from matching.errors import BadRecord
from matching.extract import extract
from matching.template import MINUTIA, Template
from tests.matching.impressions import finger, moved, worn
from tests.matching.templates import minutiae_of, random_template

STRANGER = 6.0  # what two made-up strangers stay below, and mates come above


def bare(template: Template) -> Template:
    return iso19794.read(iso19794.write(template))


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_a_turned_and_worn_impression_matches(degrees: int) -> None:
    one = finger(1)
    other = worn(moved(one, np.radians(degrees), (9, -14)), degrees)
    assert compare(one, other).value > 2 * STRANGER
    assert compare(bare(one), bare(other)).value > 2 * STRANGER


def test_strangers_do_not_match() -> None:
    fingers = [prepare(finger(seed)) for seed in range(12)]
    bares = [prepare(bare(finger(seed))) for seed in range(12)]
    for index in range(12):
        for other in range(index):
            assert compare(fingers[index], fingers[other]).value < STRANGER
            assert compare(bares[index], bares[other]).value < STRANGER


def test_partial_overlap_still_matches() -> None:
    whole = finger(2, count=40, side=360)
    left = Template(whole.minutiae[whole.minutiae["x"] < 240], 360, 360, whole.ridges)
    right = Template(whole.minutiae[whole.minutiae["x"] > 110], 360, 360, whole.ridges)
    assert compare(left, moved(right, 0.7)).value > STRANGER


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 40), st.integers(0, 40))
def test_probe_and_candidate_can_be_exchanged(first: int, second: int, count: int, other: int) -> None:
    one, two = prepare(random_template(first, count)), prepare(random_template(second, other))
    forth, back = compare(one, two), compare(two, one)
    assert forth.value == back.value
    assert forth.parts["probe_overlap"] == back.parts["candidate_overlap"]
    assert forth.value >= 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3.1, 3.1), st.floats(-200, 200), st.floats(-200, 200))
def test_a_motion_changes_nothing_but_rounding(seed: int, turn: float, dx: float, dy: float) -> None:
    one = bare(finger(seed))
    other = worn(one, seed)
    still = compare(one, other).value
    assert compare(one, moved(other, turn, (dx, dy))).value == pytest.approx(still, rel=0.15, abs=1.5)


def test_scores_are_the_same_from_run_to_run() -> None:
    one, other = finger(3), worn(finger(3), 9)
    values = {compare(one, other).value for _ in range(5)}
    assert len(values) == 1


def test_the_order_of_minutiae_does_not_matter() -> None:
    one, other = finger(4), worn(finger(4), 5)
    shuffled = Template(np.random.default_rng(1).permutation(other.minutiae), 240, 240, other.ridges)
    assert compare(one, shuffled).value == compare(one, other).value


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_minutiae_score_nothing(count: int) -> None:
    few = Template(finger(5).minutiae[:count], 240, 240, finger(5).ridges)
    for other in (few, finger(5), bare(finger(5))):
        score = compare(few, other)
        assert score.value == 0
        assert score.parts["pairs"] == 0


def test_255_minutiae_are_compared_and_256_refused() -> None:
    crowd = random_template(6, 255, 500, 500)
    assert compare(crowd, crowd).value > STRANGER
    assert compare(crowd, random_template(7, 255, 500, 500)).value < 2 * STRANGER
    with pytest.raises(BadRecord, match="256 minutiae"):
        prepare(random_template(6, 256))


def test_minutiae_that_are_all_the_same_do_not_match_everything() -> None:
    heap = Template(minutiae_of([(100, 100, 1.0, 1, 50)] * 30), 240, 240)
    line = Template(minutiae_of([(100 + 3 * step, 100, 1.0, 1, 50) for step in range(30)]), 240, 240)
    for odd in (heap, line):
        for other in (heap, line, finger(8), bare(finger(8))):
            if other is not odd:
                assert compare(odd, other).value < STRANGER


def test_a_minutia_that_is_no_number_is_refused() -> None:
    minutiae = finger(1).minutiae.copy()
    minutiae["x"][3] = np.nan
    with pytest.raises(BadRecord, match="not a finite number"):
        prepare(Template(minutiae, 240, 240))


def test_minutiae_too_far_apart_are_refused() -> None:
    minutiae = finger(1).minutiae.copy()
    minutiae["x"][3] = 1e30
    with pytest.raises(BadRecord, match="pixels apart"):
        prepare(Template(minutiae, 240, 240))


def test_minutiae_outside_the_image_are_harmless() -> None:
    one = finger(9)
    away = one.minutiae.copy()
    away["x"] -= 5000
    assert compare(Template(away, 10, 10), bare(one)).value > STRANGER


def test_ridge_evidence_on_one_side_is_a_comparison_of_minutiae() -> None:
    one, other = finger(10), worn(finger(10), 2)
    assert compare(one, other).kind == FULL
    mixed = compare(one, bare(other))
    assert mixed.kind == MINUTIAE_ONLY
    assert mixed.value == compare(Template(one.minutiae, 240, 240), bare(other)).value


def test_an_empty_template_can_be_prepared() -> None:
    nothing = prepare(Template(np.zeros(0, MINUTIA), 0, 0))
    assert nothing.minutiae.shape == (3, 0)


PLAIN = """
from matching.calibration import decide
from matching.compare import compare
from tests.matching.impressions import finger, worn
from matching.template import Template
for seed in range(3):
    one, other = finger(seed, 12), worn(finger(seed, 12), seed, 0.1, 2)
    for probe in (one, Template(one.minutiae, 240, 240)):
        for candidate in (other, finger(seed + 50, 12)):
            print(repr(compare(probe, candidate).value))
"""


@pytest.mark.real_data
def test_records_of_another_extractor_match_ours(real_data: Path) -> None:
    for path in (real_data / "records/fingerjet").glob("*.ist"):
        with Image.open(path.with_suffix(".pgm")) as image:
            ours = extract(np.array(image.convert("L")), 500)
        score = compare(ours, iso19794.read(path.read_bytes()))
        assert decide(score.value, 1e-4, score.kind).match


def test_plain_execution_gives_the_same_scores() -> None:
    answers = []
    for plain in ("0", "1"):
        environment = os.environ | {"NUMBA_DISABLE_JIT": plain, "PYTHONPATH": str(Path.cwd())}
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", PLAIN], capture_output=True, text=True, env=environment
        )
        assert run.returncode == 0, run.stderr
        answers.append([float(line) for line in run.stdout.split()])
    assert answers[0] == pytest.approx(answers[1], rel=1e-3, abs=1e-3)
    assert max(answers[0]) > STRANGER
