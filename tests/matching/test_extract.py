"""Extraction as a whole: known minutiae, what may not matter, and images that are no fingers."""

import os
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from matching import iso19794
from matching.errors import BadImage
from matching.extract import Stages, extract, run_stages
from matching.image import read_image
from matching.pattern import DISLOCATIONS, PERIOD, ridge_pattern
from matching.quality import examine
from matching.template import BLOCK, MAXIMUM_MINUTIAE, Template

SIDE = 240


def matched(one: Template, other: Template, pixels: float = 4.0, degrees: float = 12.0) -> float:
    """Share of the minutiae of both templates that the other one has too."""
    a, b = one.minutiae, other.minutiae
    apart = np.hypot(a["x"][:, None] - b["x"], a["y"][:, None] - b["y"])
    turned = np.abs((a["angle"][:, None] - b["angle"] + np.pi) % (2 * np.pi) - np.pi)
    same = (apart <= pixels) & (turned <= np.radians(degrees))
    return (same.any(axis=1).sum() + same.any(axis=0).sum()) / (len(a) + len(b))


@pytest.fixture(scope="module")
def template() -> Template:
    return extract(ridge_pattern(SIDE))


def test_minutiae_are_where_the_pattern_has_its_dislocations(template):
    for across, down, _ in DISLOCATIONS:
        apart = np.hypot(template.minutiae["x"] - across * SIDE, template.minutiae["y"] - down * SIDE)
        assert apart.min() < 6  # a ridge ends within half a period of the place where phase turns
    assert len(template.minutiae) <= len(DISLOCATIONS) + 2


def test_directions_run_along_the_ridges_and_evidence_knows_flow_and_period(template):
    ridges = template.ridges
    assert ridges is not None
    rows, columns = ridges.valid.shape
    y, x = (np.mgrid[:rows, :columns] + 0.5) * BLOCK
    expected = np.arctan2(-(y - 1.6 * SIDE), x - 0.4 * SIDE) + np.pi / 2  # across the radius, y up
    apart = np.angle(np.exp(2j * (ridges.orientation * np.pi / 256 - expected))) / 2
    assert np.median(np.abs(apart[ridges.valid])) < np.radians(4)
    assert np.median(ridges.period[ridges.valid]) / 16 == pytest.approx(PERIOD, rel=0.06)
    for minutia in template.minutiae:
        along = ridges.orientation[int(minutia["y"]) // BLOCK, int(minutia["x"]) // BLOCK] * np.pi / 256
        assert abs(np.sin(float(minutia["angle"]) - along)) < np.sin(np.radians(20))


@pytest.mark.parametrize("ppi", [250.0, 400.0, 512.0, 1000.0])
def test_the_resolution_of_the_image_does_not_matter(template, ppi):
    other = extract(ridge_pattern(SIDE, ppi), ppi)
    assert matched(template, other, pixels=2.0, degrees=5.0) > 0.9
    assert abs(other.width - template.width) <= 1
    assert abs(other.height - template.height) <= 1


def test_a_shift_moves_the_minutiae_with_it(template):
    image = np.full((SIDE + 40, SIDE + 40), 255, np.uint8)
    image[21 : 21 + SIDE, 13 : 13 + SIDE] = ridge_pattern(SIDE)
    shifted = extract(image)
    shifted.minutiae["x"] -= 13
    shifted.minutiae["y"] -= 21
    assert matched(template, shifted) > 0.9


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_turns_the_minutiae(template, quarters):
    turned = extract(np.rot90(ridge_pattern(SIDE), quarters))
    for _ in range(quarters):  # back, clockwise
        x, y = turned.minutiae["x"].copy(), turned.minutiae["y"].copy()
        turned.minutiae["x"], turned.minutiae["y"] = SIDE - 1 - y, x
        turned.minutiae["angle"] = (turned.minutiae["angle"] - np.pi / 2) % (2 * np.pi)
    assert matched(template, turned) > 0.9


def test_contrast_brightness_and_a_little_noise_do_not_matter(template):
    rng = np.random.default_rng(1)
    image = ridge_pattern(SIDE) * 0.4 + 60 + rng.normal(0, 6, (SIDE, SIDE))
    assert matched(template, extract(image.astype(np.uint8))) > 0.9


def test_the_same_image_gives_the_same_bits():
    image = ridge_pattern(SIDE)
    first, second = run_stages(image), run_stages(np.asfortranarray(image))
    for field in fields(Stages):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def hostile() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x = np.arange(200)[None, :]
    images = {
        "black": np.zeros((200, 200)),
        "white": np.full((200, 200), 255),
        "one pixel": np.zeros((1, 1)),
        "tiny noise": rng.integers(0, 256, (7, 3)),
        "a line": rng.integers(0, 256, (2, 900)),
        "noise": rng.integers(0, 256, (200, 200)),
        "faint noise": rng.normal(128, 6, (200, 200)),
        "an edge": np.broadcast_to(np.where(x > 100, 255, 0), (200, 200)),
        "a slope": np.broadcast_to(x, (200, 200)),
        "sensor stripes": np.broadcast_to(128 + 40 * np.cos(x * 2 * np.pi / 9), (200, 200)),
        "salt": np.where(rng.random((200, 200)) < 0.02, 0, 255),
    }
    return {name: np.clip(image, 0, 255).astype(np.uint8) for name, image in images.items()}


@pytest.mark.parametrize("name", hostile())
def test_what_is_no_finger_has_hardly_any_minutiae_and_no_quality(name):
    template, quality = examine(hostile()[name])
    assert len(template.minutiae) <= 2
    assert quality.score <= 5
    assert template.quality == quality.score


def test_no_more_minutiae_than_a_record_can_hold_and_the_best_of_them():
    rng = np.random.default_rng(3)
    frequency = np.hypot(np.fft.fftfreq(640)[:, None], np.fft.fftfreq(640)[None])
    ridges = np.fft.ifft2(
        np.fft.fft2(rng.normal(size=(640, 640))) * np.exp(-(((frequency - 0.11) / 0.02) ** 2))
    )
    image = np.clip(128 + 60 * ridges.real / ridges.real.std(), 0, 255).astype(np.uint8)
    template = extract(image)
    assert len(run_stages(image).kept) > MAXIMUM_MINUTIAE
    assert len(template.minutiae) == MAXIMUM_MINUTIAE


@pytest.mark.parametrize(
    ("pixels", "ppi", "complaint"),
    [
        (np.zeros((9, 9, 3), np.uint8), 500.0, "8-bit grey"),
        (np.zeros((9, 9), np.uint16), 500.0, "8-bit grey"),
        (np.zeros((0, 9), np.uint8), 500.0, "8-bit grey"),
        (np.zeros((9, 9), np.uint8), 96.0, "outside 250 to 1000"),
        (np.zeros((9, 9), np.uint8), float("nan"), "outside 250 to 1000"),
    ],
)
def test_what_is_no_grey_image_is_refused(pixels, ppi, complaint):
    with pytest.raises(BadImage, match=complaint):
        extract(pixels, ppi)


PLAIN = """
import sys
import numpy as np
from matching.extract import extract
from matching.image import read_image
from matching.pattern import ridge_pattern
template = extract(ridge_pattern(88))
np.savez(sys.argv[1], minutiae=template.minutiae, orientation=template.ridges.orientation,
         period=template.ridges.period, valid=template.ridges.valid)
"""


def test_without_the_compiler_the_template_is_the_same(tmp_path):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", PLAIN, tmp_path / "plain.npz"], env=environment, check=True)
    plain = np.load(tmp_path / "plain.npz")
    compiled = extract(ridge_pattern(88))
    assert len(compiled.minutiae) >= 2
    np.testing.assert_array_equal(plain["minutiae"]["type"], compiled.minutiae["type"])
    for name in ("x", "y"):
        np.testing.assert_allclose(plain["minutiae"][name], compiled.minutiae[name], atol=0.01)
    np.testing.assert_allclose(plain["minutiae"]["angle"], compiled.minutiae["angle"], atol=1e-3)
    assert compiled.ridges is not None
    np.testing.assert_array_equal(plain["valid"], compiled.ridges.valid)
    np.testing.assert_array_equal(plain["period"], compiled.ridges.period)
    turned = plain["orientation"].astype(int) - compiled.ridges.orientation
    assert np.abs((turned + 128) % 256 - 128).max() <= 1


@pytest.mark.real_data
def test_minutiae_agree_in_place_and_direction_with_an_engine_that_is_not_ours(real_data):
    found = turned = total = 0
    for path in sorted((real_data / "records/fingerjet").glob("*.ist")):
        theirs = iso19794.read(path.read_bytes()).minutiae
        with Image.open(path.with_suffix(".pgm")) as image:
            ours = extract(np.array(image.convert("L"))).minutiae
        for minutia in theirs:
            apart = np.hypot(ours["x"] - minutia["x"], ours["y"] - minutia["y"])
            nearest = ours[apart.argmin()]
            total += 1
            found += apart.min() < 8
            turned += apart.min() < 8 and np.cos(nearest["angle"] - minutia["angle"]) > np.cos(np.radians(25))
    assert total > 400
    assert found > 0.7 * total
    assert turned > 0.9 * found


@pytest.mark.real_data
def test_every_finger_of_the_five_sets_can_be_extracted(real_data):
    images = sorted((real_data / "fingerprints").glob("fvc*/DB*/*_1.png"))
    assert len(images) == 50
    for path in images:
        template = extract(*read_image(path))
        assert 8 <= len(template.minutiae) <= 120, path


def test_an_image_larger_than_any_sensor_is_refused_before_it_is_resampled() -> None:
    pixels = np.broadcast_to(np.uint8(0), (4000, 4000))
    with pytest.raises(BadImage, match="4000 x 4000 pixels at 250 ppi is larger"):
        extract(pixels, 250)
