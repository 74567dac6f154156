"""Children's fingers: ridges of half an adult's distance give the template an adult's would, smaller."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from matching.calibration import decide
from matching.compare import compare
from matching.extract import extract, run_stages, scale_for
from matching.parameters import EXTRACTION
from matching.quality import examine
from matching.template import BLOCK, Template
from tests.matching.impressions import picture

SMALLER = 0.62


def childs(seed: int, turn: float = 0.0, noise: int = 0) -> NDArray[np.uint8]:
    adult = Image.fromarray(picture(seed, turn, noise))
    size = (round(adult.width * SMALLER), round(adult.height * SMALLER))
    return np.asarray(adult.resize(size, Image.Resampling.LANCZOS))


def matches(one: Template, other: Template) -> bool:
    score = compare(one, other)
    return decide(score.value, 1e-4, score.kind).match


def test_scale_is_that_of_the_usual_period() -> None:
    fine = EXTRACTION.fine
    assert scale_for(np.full(5, fine.below, np.float32), fine) == 1
    assert scale_for(np.array([6, 6, 6, 12, 12], np.float32), fine) == pytest.approx(1.5)
    assert scale_for(np.full(5, 4, np.float32), fine) == fine.most
    assert scale_for(np.zeros(0, np.float32), fine) == 1  # no foreground


def test_minutiae_of_fine_ridges_are_where_they_are_in_the_image() -> None:
    pixels = childs(3)
    stages, template = run_stages(pixels), extract(pixels)
    assert 1.3 < stages.scale <= EXTRACTION.fine.most
    assert stages.image.shape[0] > 1.3 * pixels.shape[0]
    assert (template.width, template.height) == (pixels.shape[1], pixels.shape[0])
    large = extract(picture(3))
    assert abs(len(template.minutiae) - len(large.minutiae)) <= 0.2 * len(large.minutiae)
    places = np.stack([template.minutiae["x"], template.minutiae["y"]], 1)
    for x, y in zip(SMALLER * large.minutiae["x"], SMALLER * large.minutiae["y"], strict=True):
        near = np.hypot(*(places - (x, y)).T).min()
        assert near < 4 or not _inside(template, x, y)


def _inside(template: Template, x: float, y: float) -> bool:
    """Whether a place is well within the foreground."""
    assert template.ridges is not None
    row, column = int(y // BLOCK), int(x // BLOCK)
    around = template.ridges.valid[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4]
    return bool(around.all())


def test_ridge_evidence_of_fine_ridges_is_in_cells_of_the_image() -> None:
    pixels = childs(4)
    small, large = extract(pixels).ridges, extract(picture(4)).ridges
    assert small is not None
    assert large is not None
    assert small.crests is not None
    assert small.valid.shape[0] in (pixels.shape[0] // BLOCK, -(-pixels.shape[0] // BLOCK))
    assert small.crests.shape == (3 * small.valid.shape[0], 3 * small.valid.shape[1])
    both = list(np.argwhere(small.valid))
    apart, known = [], 0
    for row, column in both:
        there = int((row + 0.5) / SMALLER), int((column + 0.5) / SMALLER)
        if there[0] < large.valid.shape[0] and there[1] < large.valid.shape[1] and large.valid[there]:
            known += 1
            turn = abs(int(small.orientation[row, column]) - int(large.orientation[there]))
            apart.append(min(turn, 256 - turn) * 180 / 256)
    assert known > 0.8 * len(both)
    assert np.median(apart) < 5
    assert np.median(small.period[small.valid]) / 16 == pytest.approx(
        SMALLER * np.median(large.period[large.valid]) / 16, rel=0.12
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_child_matches_itself_and_nobody_else(seed: int) -> None:
    first, second = extract(childs(seed)), extract(childs(seed, turn=0.3, noise=9))
    assert matches(first, second)
    assert not matches(first, extract(childs(seed + 30)))
    assert examine(childs(seed))[1].score > 0
