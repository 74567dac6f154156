"""Lines of known pitch are measured, whatever the scanner; what is no target is none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fwtools.calibration.pitch import PURE, Pixels, look
from fwtools.calibration.verdict import check, resolution_of
from fwtools.errors import ToolError
from fwtools.synthesis.target import GRID, RULING, Target, picture_of
from matching.pattern import ridge_pattern

WIDTH, HEIGHT = 384, 290
CLOSE = 0.003  # of the resolution


def axis(ppi: float, measured: float) -> bool:
    return abs(measured - ppi) <= CLOSE * ppi


@settings(max_examples=40, deadline=None)
@given(
    ppi=st.tuples(st.floats(480, 520), st.floats(480, 520)),
    tilt=st.floats(-5, 5),
    noise=st.floats(0, 25),
    blur=st.floats(0, 1.5),
    lines=st.sampled_from([1.0, 1.5, 2.0, 2.5, 3.0, 4.0]),
    duty=st.floats(0.3, 0.7),
    shift=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_grid_is_measured_along_both_axes(
    ppi: tuple[float, float],
    tilt: float,
    noise: float,
    blur: float,
    lines: float,
    duty: float,
    shift: tuple[float, float],
    seed: int,
) -> None:
    target = Target(lines, GRID, tilt, duty, shift, ppi, min(blur, 3 / lines), noise)
    seen = look(picture_of(target, WIDTH, HEIGHT, seed), lines)
    check("it", seen, lines)
    found = resolution_of([seen], 0.0)
    assert axis(ppi[0], found.ppi_x)
    assert axis(ppi[1], found.ppi_y)
    assert abs(found.ppi_x - ppi[0]) <= found.error_x + 0.001 * ppi[0], "the uncertainty is no lie"
    assert seen.x
    assert abs(seen.x.tilt - tilt) < 0.5


@pytest.mark.parametrize("ppi", [(480.0, 520.0), (500.0, 500.0), (512.0, 496.0)])
@pytest.mark.parametrize("tilt", [-5.0, 0.0, 5.0])
def test_a_ruling_is_laid_twice(ppi: tuple[float, float], tilt: float) -> None:
    upright = picture_of(Target(kind=RULING, tilt=tilt, ppi=ppi, noise=10), WIDTH, HEIGHT, 1)
    turned = np.ascontiguousarray(
        picture_of(Target(kind=RULING, tilt=tilt, ppi=ppi[::-1], noise=10), HEIGHT, WIDTH, 2).T
    )
    seen = [look(one, 2.0) for one in (upright, turned)]
    assert (seen[0].y, seen[1].x) == (None, None)
    found = resolution_of(seen, 0.001)
    assert axis(ppi[0], found.ppi_x)
    assert axis(ppi[1], found.ppi_y)
    assert found.error_x >= 0.001 * ppi[0], "the target's own"
    with pytest.raises(ToolError, match="down the picture: lay a grid, or the ruling once more"):
        resolution_of(seen[:1], 0.0)


def test_a_target_that_covers_a_part_of_the_platen_is_measured() -> None:
    picture = np.full((HEIGHT, WIDTH), 250, np.uint8)
    picture[:, 40:345] = picture_of(Target(ppi=(503, 498), tilt=2), 305, HEIGHT, 3)
    found = resolution_of([look(picture, 2.0)], 0.0)
    assert axis(503, found.ppi_x)
    assert axis(498, found.ppi_y)


def refusal(pixels: Pixels, lines: float = 2.0) -> str:
    with pytest.raises(ToolError) as refused:
        check("picture 1", look(pixels, lines), lines)
    return str(refused.value)


def blank() -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH), 250, np.uint8)


def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)


def waves() -> NDArray[np.uint8]:
    """Lines whose pitch grows by a sixth from left to right: a picture of a bent target."""
    x = np.arange(WIDTH)
    at = x / 9.84 * (1 - x / WIDTH / 12)
    return np.broadcast_to(np.where(at % 1 < 0.5, 40, 230), (HEIGHT, WIDTH)).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [blank(), noise(), ridge_pattern(), picture_of(Target(lines_per_mm=2.9), WIDTH, HEIGHT, 1), waves()],
    ids=["blank", "noise", "ridges", "another pitch", "bent"],
)
def test_what_is_no_target_is_refused(picture: NDArray[np.uint8]) -> None:
    assert "shows no lines of 2 per mm" in refusal(picture) or "not the same in all parts" in refusal(picture)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1, 60), cell=st.integers(1, 12))
def test_random_blotches_are_refused(seed: int, scale: float, cell: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(128, scale, (HEIGHT // cell + 1, WIDTH // cell + 1))
    picture = coarse.repeat(cell, 0).repeat(cell, 1)[:HEIGHT, :WIDTH]
    assert refusal(np.clip(picture, 0, 255).astype(np.uint8))


def test_a_target_that_lies_askew_is_refused_and_says_by_how_much() -> None:
    assert "the target lies 9.0° askew" in refusal(picture_of(Target(tilt=9), WIDTH, HEIGHT, 1))
    assert "shows no lines" in refusal(picture_of(Target(tilt=40), WIDTH, HEIGHT, 1))


def test_lines_that_do_not_cross_at_right_angles_are_no_grid() -> None:
    across = picture_of(Target(kind=RULING, tilt=3), WIDTH, HEIGHT, 1)
    down = picture_of(Target(kind=RULING, tilt=3), HEIGHT, WIDTH, 1).T
    assert "right angles (+3.0° and -3.0°)" in refusal(np.minimum(across, down))


def test_synthetic_fingers_are_no_targets(tmp_path: Path) -> None:
    from PIL import Image

    from fwtools.cli import main as fwtools

    assert fwtools(["synthesise", "--subjects", "2", "--impressions", "1", "--seed", "5", str(tmp_path)]) == 0
    images = sorted(tmp_path.rglob("*.png"))
    assert len(images) >= 10
    for path in images:
        pixels = np.asarray(Image.open(path).convert("L"))
        for lines in (1.5, 2.0, 2.5):
            assert look(pixels, lines).pure < PURE
            assert refusal(pixels, lines)


@pytest.mark.real_data
def test_real_fingers_are_no_targets(real_data: Path) -> None:
    from PIL import Image

    paths = sorted((real_data / "fingerprints").rglob("*.png"))[::60]
    assert paths
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("L"))
        for lines in (1.5, 2.0, 2.5):
            assert look(pixels, lines).pure < PURE, path.name
            assert refusal(pixels, lines)
