"""Two decoders in two threads never see each other's treatment of warnings, nor leave it behind."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matching.errors import BadImage, BadRecord
from matching.finger_image import PNG, FingerImage, pixels_of
from matching.image import read_image
from tests.matching.png import header_only

HUGE = header_only(10000, 10000)  # pillow warns of it


def of_a_record(_: int) -> str:
    with pytest.raises(BadRecord) as caught:
        pixels_of(FingerImage(HUGE, 100, 100, 500.0, PNG))
    return str(caught.value)


def test_records_and_files_decoded_at_once_are_each_refused_in_their_own_way(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(HUGE)

    def of_a_file(_: int) -> str:
        with pytest.raises(BadImage) as caught:
            read_image(path)
        return str(caught.value)

    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as threads:
        found = [
            (threads.submit(of_a_record, number), threads.submit(of_a_file, number)) for number in range(300)
        ]
        records, files = ({pair[side].result() for pair in found} for side in (0, 1))
    assert len(files) == 1
    assert "more than 25,000,000 pixels (10000 x 10000)" in files.pop()
    assert len(records) == 1
    assert "could be decompression bomb" in records.pop()
    assert list(warnings.filters) == before


def test_good_images_are_decoded_in_threads(tmp_path: Path) -> None:
    grey = np.arange(40 * 48, dtype=np.uint16).reshape(48, 40).astype(np.uint8)
    path = tmp_path / "good.png"
    Image.fromarray(grey).save(path)
    image = FingerImage(path.read_bytes(), 40, 48, 500.0, PNG)
    with ThreadPoolExecutor(4) as threads:
        for pixels in threads.map(lambda _: (pixels_of(image), read_image(path).pixels), range(50)):
            assert np.array_equal(pixels[0], grey)
            assert np.array_equal(pixels[1], grey)
