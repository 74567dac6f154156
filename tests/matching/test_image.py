"""Reading image files: every form gives the same grey levels, every bad file one sentence."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matching.errors import BadImage
from matching.image import LEAST_SIDE, MOST_PIXELS, read_image
from tests.matching.png import header_only

GREY = (np.arange(48)[:, None] * 5 + np.arange(40)[None, :]).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
@pytest.mark.parametrize("ppi", [250, 500, 512, 1000])
def test_formats_and_their_own_resolution(tmp_path, suffix, ppi):
    path = tmp_path / f"finger.{suffix}"
    Image.fromarray(GREY).save(path, dpi=(ppi, ppi))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert image.ppi == ppi
    assert read_image(path, 333.0).ppi == 333.0


@pytest.mark.parametrize("stated", [None, (72, 72), (96, 96), (1200, 1200), (500, 400)])
def test_a_resolution_that_cannot_be_meant_is_500(tmp_path, stated):
    path = tmp_path / "finger.png"
    Image.fromarray(GREY).save(path, **({} if stated is None else {"dpi": stated}))
    assert read_image(path).ppi == 500.0


def test_modes_give_the_same_grey_levels(tmp_path):
    grey = Image.fromarray(GREY)
    wide = Image.fromarray(GREY.astype(np.uint16) * 257)
    opaque = Image.merge("RGBA", [grey, grey, grey, Image.new("L", grey.size, 255)])
    images = {"RGB": grey.convert("RGB"), "palette": grey.convert("P"), "sixteen": wide, "RGBA": opaque}
    for name, image in images.items():
        image.save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png").pixels, GREY, err_msg=name)


def test_what_is_transparent_is_white(tmp_path):
    clear = Image.new("RGBA", (40, 48), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png").pixels == 255).all()


def test_one_bit_is_black_and_white(tmp_path):
    Image.fromarray(GREY > 100).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_image(tmp_path / "bits.png").pixels, np.where(GREY > 100, 255, 0))


def saved(path: Path) -> bytes:
    Image.fromarray(GREY).save(path)
    return path.read_bytes()


BAD = {
    "empty": (lambda path: b"", "the file is empty"),
    "text": (lambda path: b"this is no picture\n" * 40, "not a PNG, TIFF or BMP image"),
    "half": (lambda path: saved(path)[:-60], "truncated or damaged"),
    "beginning": (lambda path: saved(path)[:20], "truncated or damaged"),
    "header": (lambda path: header_only(400, 400), "truncated or damaged"),
    "huge": (lambda path: header_only(10000, 10000), f"more than {MOST_PIXELS:,} pixels"),
    "monstrous": (lambda path: header_only(60000, 60000), f"more than {MOST_PIXELS:,} pixels"),
    "tiny": (lambda path: header_only(1, 1), f"at least {LEAST_SIDE} each way"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path, name):
    make, complaint = BAD[name]
    path = tmp_path / f"{name}.png"
    path.write_bytes(make(path))
    with pytest.raises(BadImage) as caught:  # and no warning, which would be an error here
        read_image(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_threads_may_read_at_once(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(header_only(10000, 10000))

    def complaint(_: int) -> str:
        with pytest.raises(BadImage) as caught:
            read_image(path)
        return str(caught.value)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(complaint, range(400)))) == 1


def test_a_damaged_byte_is_refused_or_changes_nothing_else(tmp_path):
    whole = saved(tmp_path / "whole.png")
    for place in range(8, len(whole), 7):
        path = tmp_path / "damaged.png"
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(BadImage):  # nothing else may come out
            assert read_image(path).pixels.dtype == np.uint8


def test_missing_files_folders_and_impossible_resolutions(tmp_path):
    with pytest.raises(BadImage, match="no such file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(BadImage, match="a folder"):
        read_image(tmp_path)
    saved(tmp_path / "finger.png")
    with pytest.raises(BadImage, match="outside 250 to 1000"):
        read_image(tmp_path / "finger.png", 96.0)


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(BadImage, match="more than 16 bits"):
        read_image(tmp_path / "float.tif")
