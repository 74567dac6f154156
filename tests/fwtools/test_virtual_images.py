"""Images laid on the platen: resolution, size, position, files that are none."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fwtools.errors import ToolError
from fwtools.virtual.images import finger_on_platen, list_images
from tests.drivers.bench import ridges


def save(path: Path, pixels: NDArray[np.uint8], ppi: float | None = None) -> Path:
    Image.fromarray(pixels).save(path, **({} if ppi is None else {"dpi": (ppi, ppi)}))
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.TIFF"])
def test_a_platen_sized_image_stays_as_it_is(tmp_path: Path, name: str) -> None:
    assert np.array_equal(finger_on_platen(save(tmp_path / name, ridges())), ridges())


@pytest.mark.parametrize("ppi", [250, 600, 1000])
def test_another_resolution_is_resampled(tmp_path: Path, ppi: int) -> None:
    size = (300 * ppi // 500, 400 * ppi // 500)
    scaled = np.asarray(Image.fromarray(ridges()).resize(size, Image.Resampling.LANCZOS))
    platen = finger_on_platen(save(tmp_path / "a.png", scaled, ppi))
    assert platen.shape == (400, 300)
    assert np.corrcoef(platen.ravel(), ridges().ravel())[0, 1] > 0.97


@pytest.mark.parametrize("ppi", [72, 249, 1001, 2000])
def test_a_resolution_nobody_believes_is_500(tmp_path: Path, ppi: int) -> None:
    assert np.array_equal(finger_on_platen(save(tmp_path / "a.png", ridges(), ppi)), ridges())


def test_a_small_image_lies_in_the_middle_of_its_own_background(tmp_path: Path) -> None:
    small = np.full((200, 100), 230, np.uint8)
    small[50:150, 25:75] = 40
    platen = finger_on_platen(save(tmp_path / "a.png", small))
    assert np.array_equal(platen[100:300, 100:200], small)
    assert (platen[:100] == 230).all()
    assert (platen[:, 200:] == 230).all()


def test_of_a_big_image_the_part_with_the_finger_is_kept(tmp_path: Path) -> None:
    big = np.full((500, 640), 240, np.uint8)
    big[90:490, 320:620] = ridges()
    platen = finger_on_platen(save(tmp_path / "a.png", big))
    y, x = np.argwhere(ridges() < 100).mean(0)
    assert np.allclose(np.argwhere(platen < 100).mean(0), (y, x), atol=40)
    assert (platen < 100).sum() == (ridges() < 100).sum(), "nothing of the finger is cut off"


def test_colour_and_16_bit_become_grey(tmp_path: Path) -> None:
    colour = np.repeat(ridges()[:, :, None], 3, axis=2)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(ridges().astype(np.uint16) * 257).save(tmp_path / "deep.png")
    for path in list_images(tmp_path):
        assert np.array_equal(finger_on_platen(path), ridges())


def test_images_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b_1.png", "a_2.tif", "a_1.bmp"):
        save(tmp_path / name, ridges())
    (tmp_path / "truth.txt").write_text("no image, and not asked to be one")
    assert [path.name for path in list_images(tmp_path)] == ["a_1.bmp", "a_2.tif", "b_1.png"]


def test_a_folder_that_is_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"there is no folder .*nowhere: name the folder"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(ToolError, match="holds no image"):
        list_images(tmp_path)


@pytest.mark.parametrize("damage", ["text", "truncated", "empty"])
def test_a_bad_image_is_named(tmp_path: Path, damage: str) -> None:
    save(tmp_path / "a.png", ridges())
    whole = save(tmp_path / "b.png", ridges()).read_bytes()
    bad = {"text": b"this is no picture\n", "truncated": whole[: len(whole) // 2], "empty": b""}[damage]
    (tmp_path / "b.png").write_bytes(bad)
    with pytest.raises(ToolError, match=r"b\.png is not a readable image: ") as error:
        list_images(tmp_path)
    assert "\n" not in str(error.value)
