"""WSQ: NIST's decoder bit for bit, and what it does with data that is cut, tampered with or missing."""

import io
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matching import fir2005, fir2011
from matching.errors import BadRecord
from matching.finger_image import WSQ, FingerImage, pixels_of
from matching.wsq_decoding import decode, has_wsq

NO_WSQ = "wsq is not installed: it is built for x86-64 only"
SHAPE = (64, 80)


@pytest.fixture(scope="module")
def waves() -> bytes:
    """A picture of waves, as WSQ by NIST's encoder."""
    pytest.importorskip("wsq", reason=NO_WSQ)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    buffer = io.BytesIO()
    Image.fromarray((128 + 100 * np.sin(x / 2 + y / 5)).astype(np.uint8)).save(buffer, "WSQ")
    return buffer.getvalue()


def test_a_picture_comes_back_but_for_the_loss(waves: bytes) -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = decode(waves, 80, 64)
    assert (pixels.shape, pixels.dtype) == (SHAPE, np.uint8)
    assert np.abs(pixels - (128 + 100 * np.sin(x / 2 + y / 5))).mean() < 7


def refusal(data: bytes, width: int = 80, height: int = 64) -> str:
    """What the decoder says of data, the empty string when it gives pixels."""
    try:
        assert decode(data, width, height).shape == (height, width)
    except BadRecord as error:
        return str(error)
    return ""


def test_another_size_is_refused_before_anything_is_decoded(waves: bytes) -> None:
    assert refusal(waves, 80, 65) == "finger image: 80 x 65 declared, the wsq data holds 80 x 64"
    at = waves.index(b"\xff\xa2") + 6
    huge = waves[:at] + b"\x20\0\x20\0" + waves[at + 4 :]
    assert refusal(huge) == "finger image: 80 x 64 declared, the wsq data holds 8192 x 8192"
    with pytest.raises(BadRecord, match="at most"):
        pixels_of(FingerImage(huge, 8192, 8192, 500.0, WSQ))


def test_cut_data_is_refused_wherever_it_is_cut(waves: bytes) -> None:
    for length in (*range(0, len(waves), 90), len(waves) - 2, len(waves) - 1):
        said = refusal(waves[:length])
        assert said.startswith("finger image: the wsq data cannot be decoded: "), length
        assert said.isprintable()


def test_tampered_data_ends_the_decoders_process_and_not_this_one(waves: bytes) -> None:
    chosen = random.Random(1)
    places = [(1044, 107), (647, 105)]  # these have it write beyond its memory
    places += [(chosen.randrange(len(waves)), chosen.randrange(256)) for _ in range(12)]
    for at, value in places:
        said = refusal(waves[:at] + bytes((value,)) + waves[at + 1 :])
        assert said.isprintable()
        assert "object at 0x" not in said


def test_zeros_are_no_image(waves: bytes) -> None:
    assert "does not begin as WSQ data" in refusal(bytes(len(waves)))
    assert "does not begin as WSQ data" in refusal(b"")


def test_without_its_package_wsq_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wsq", None)
    assert not has_wsq()
    with pytest.raises(BadRecord, match="optional package 'wsq' is not installed"):
        pixels_of(FingerImage(b"any", 9, 9, 500.0, WSQ))


@pytest.mark.real_data
def test_a_real_wsq_file_decodes_bit_for_bit(real_data: Path) -> None:
    pytest.importorskip("wsq", reason=NO_WSQ)
    folder = real_data / "records/sourceafis"
    data = (folder / "wsq-original.wsq").read_bytes()
    with Image.open(folder / "wsq-converted.png") as expected:
        image = FingerImage(data, *expected.size, 500.0, WSQ, 2)
        assert np.array_equal(pixels_of(image), np.asarray(expected.convert("L")))
    for standard in (fir2005, fir2011):
        (found,) = standard.read(standard.write(image))
        assert found == replace(image, quality=None)
    for length in range(1, len(data), 3500):
        assert "cannot be decoded" in refusal(data[:length], 832, 768)


@pytest.mark.real_data
def test_wsq_of_nist_and_mosip_shows_what_the_lossless_record_shows(real_data: Path) -> None:
    pytest.importorskip("wsq", reason=NO_WSQ)
    folder = real_data / "records"
    views = fir2005.read((folder / "gen-fir2005/fir2005-wsq.fir").read_bytes())
    for number, view in enumerate(views, 1):
        with Image.open(folder / f"nfiq2/SFinGe_Test0{number}.pgm") as source:
            assert np.abs(pixels_of(view) - np.asarray(source, float)).mean() < 12
    paths = sorted((folder / "mosip-mds").glob("*.wsq.iso"))
    assert len(paths) == 10
    for path in paths:
        (image,) = fir2011.read(path.read_bytes())
        assert (image.compression, pixels_of(image).shape) == (WSQ, (image.height, image.width))
    small = (folder / "libbiomeval/img.wsq").read_bytes()
    assert b"PIX_WIDTH 256\nPIX_HEIGHT 256\n" in small
    assert decode(small, 256, 256).std() > 20
