"""Synthetic rolls: a strip that moves over a finger from nail to nail, files, the virtual platen."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fwtools.cli import main
from fwtools.errors import ToolError
from fwtools.synthesis.finger import HEIGHT, ROUND, WIDTH
from fwtools.synthesis.impressions import impression
from fwtools.synthesis.roll_files import pages
from fwtools.synthesis.rolled import Mishap, roll
from fwtools.virtual import slap
from fwtools.virtual.images import pictures_of_roll
from fwtools.virtual.models import MODELS
from fwtools.virtual.platen import Platen
from matching import iso19794
from matching.extract import extract
from matching.views import impressions
from tests.fwtools.rolls import flat_finger, rolled, round_finger
from tests.fwtools.synthetic import finger, needs_speed

pytestmark = needs_speed


def middles(mishap: Mishap) -> list[float]:
    """Return where the strip is in each picture, px; nan where nothing touches."""
    frames = rolled(1, 2, 1, mishap).frames
    return [
        float(np.nonzero(frame < 100)[1].mean()) if (frame < 100).sum() > 900 else np.nan for frame in frames
    ]


def test_the_flat_part_is_the_middle_of_the_round_finger() -> None:
    whole, flat = round_finger(), flat_finger()
    assert (whole.ridges.shape, flat.ridges.shape) == ((HEIGHT, ROUND), (HEIGHT, WIDTH))
    aside = (ROUND - WIDTH) // 2
    np.testing.assert_array_equal(flat.ridges, whole.ridges[:, aside : aside + WIDTH])
    assert 0 < len(flat.minutiae) < len(whole.minutiae)
    pixels, truth = impression(flat, 1, clean=True)
    assert len(truth.minutiae) > 20
    assert len(extract(pixels).minutiae) > 20


def test_the_strip_moves_over_the_finger_in_one_direction() -> None:
    way = np.diff(middles(Mishap.NONE))
    assert len(set(np.sign(way))) == 1
    assert 5 < np.abs(way).mean() < 25
    made = rolled()
    touched = (made.frames < 100).any(axis=0)
    strip = max(np.ptp(np.nonzero((frame < 100).any(axis=0))[0]) for frame in made.frames)
    assert np.ptp(np.nonzero(touched.any(axis=0))[0]) > 1.8 * strip
    assert len(made.template.minutiae) > 40


def test_each_mishap_is_what_it_says() -> None:
    back = np.diff(middles(Mishap.BACK))
    assert len(set(np.sign(back))) == 2
    assert np.nanmax(np.abs(np.diff(middles(Mishap.FAST)))) > 100
    assert np.isnan(middles(Mishap.LIFTED)).sum() == 3
    assert np.ptp(middles(Mishap.SHORT)) < np.ptp(middles(Mishap.NONE)) / 2
    whole, slipped = rolled(1, 2, 1).frames[-4], rolled(1, 2, 1, Mishap.SLIPPED).frames[-4]
    assert np.corrcoef(whole[:-45].ravel(), slipped[45:].ravel())[0, 1] > 0.5


def test_a_finger_that_is_not_round_cannot_be_rolled() -> None:
    with pytest.raises(ValueError, match="only a finger from nail to nail"):
        roll(finger(), 1)


def test_the_same_seed_gives_the_same_roll() -> None:
    np.testing.assert_array_equal(roll(round_finger(), 1).frames, rolled().frames)


def test_files_of_rolls_and_slaps_of_the_same_people(tmp_path: Path) -> None:
    few = "1,3,4,5,6,7,8,9,10"
    order = ["synthesise", "--subjects", "1", "--impressions", "1", "--seed", "1", "--missing", few]
    assert main([*order, "--rolled", "--slaps", str(tmp_path / "both")]) == 0
    names = sorted(str(p.relative_to(tmp_path / "both")) for p in (tmp_path / "both").rglob("*.*"))
    assert names == [
        "0001_02_1.tif",
        "0001_13_1.json",
        "0001_13_1.png",
        "truth/0001_02_1.fmr",
        "truth/0001_02_1.png",
    ]
    read = np.stack(pictures_of_roll(tmp_path / "both" / "0001_02_1.tif"))
    np.testing.assert_array_equal(read, rolled(1, 2).frames)
    record = (tmp_path / "both" / "truth" / "0001_02_1.fmr").read_bytes()
    assert impressions(record, 24, 1) == [1]
    assert len(iso19794.read(record).minutiae) == len(rolled(1, 2).template.minutiae)


def test_what_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = ["synthesise", "--subjects", "1", "--impressions", "1", "--seed", "1", str(tmp_path / "new")]
    for more, sentence in (
        (["--rolled", "--clean"], "--clean is for single fingers"),
        (["--rolled", "--turn", "5"], "--turn is for slaps"),
        (["--rolled", "--size", "300x400"], "--size is not for rolls"),
    ):
        assert main([*order, *more]) != 0
        assert sentence in capsys.readouterr().err


def test_each_lit_picture_shows_the_next_page_and_after_the_last_the_finger_is_gone(tmp_path: Path) -> None:
    frames = rolled().frames[:3]
    (tmp_path / "a.tif").write_bytes(pages(frames))
    plate = slap.Plate()
    platen = Platen(plate, (slap.HEIGHT, slap.WIDTH), (slap.ROLL_HEIGHT, slap.ROLL_WIDTH))
    platen.put(tmp_path / "a.tif", "a.tif")
    window = slice(375, 1125), slice(400, 1200)
    for frame in frames:
        platen.shoot(led=False)
        seen = np.frombuffer(platen.shoot(led=True), np.uint8).reshape(slap.HEIGHT, slap.WIDTH)
        np.testing.assert_array_equal(seen[window], frame)
    assert platen.image is None
    np.testing.assert_array_equal(np.frombuffer(platen.shoot(led=True), np.uint8), plate.empty.ravel())


def test_a_scanner_that_rolls_no_fingers_refuses_a_roll(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(pages(rolled().frames[:2]))
    model = MODELS["hamster"]
    with pytest.raises(ToolError, match="shows a roll of 800x750 pixels; this scanner takes none"):
        Platen(model.sight(1), model.size, model.window).put(tmp_path / "a.tif", "a.tif")
    Image.fromarray(rolled().frames[0][:100]).save(
        tmp_path / "b.tif", save_all=True, append_images=[Image.fromarray(rolled().frames[0])]
    )
    with pytest.raises(ToolError, match="different sizes"):
        pictures_of_roll(tmp_path / "b.tif")
