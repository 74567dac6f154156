"""vantay convert: what a record says is in the other one too, or is missed aloud."""

import os
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge import clock
from edge.cli import main
from matching import ansi378, fir2005, fir2011, iso19794
from matching.finger_image import PNG, RAW, FingerImage, compress, pixels_of
from matching.image import read_image
from tests.edge.programs import VANTAY
from tests.matching.templates import random_template

FORMATS = {"iso": iso19794, "ansi": ansi378, "fir2005": fir2005, "fir2011": fir2011}
Convert = Callable[..., int]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Convert bytes to tmp_path/out in a format; what main returns."""

    def run(data: bytes, form: str, *options: str) -> int:
        (tmp_path / "in").write_bytes(data)
        return main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--format", form, *options])

    return run


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 48), np.uint8)


def image_of(impression: int = 0, seed: int = 1, form: str = RAW) -> FingerImage:
    return FingerImage(compress(noise(seed), form), 48, 40, 500.0, form, 2, impression)


def minutiae(standard: str, *impressions: int) -> bytes:
    views = [replace(random_template(seed, 5), position=2) for seed in range(len(impressions))]
    write = iso19794.write if standard == "iso" else ansi378.write
    return write(*views, impressions=impressions)


def nibbles(data: bytes, start: int, count: int) -> list[int]:
    """The impression types of `count` views of five minutiae each."""
    return [data[start + 1 + index * (4 + 6 * 5 + 2)] & 15 for index in range(count)]


@pytest.mark.parametrize("source", ["iso", "ansi"])
@pytest.mark.parametrize(("target", "start"), [("iso", 24), ("ansi", 26)])
def test_each_views_impression_type_is_kept(
    tmp_path: Path, convert: Convert, source: str, target: str, start: int
) -> None:
    stated = (1, 0, 2, 3, 8)
    assert convert(minutiae(source, *stated), target) == 0
    assert nibbles((tmp_path / "out").read_bytes(), start, 5) == [*stated]


@pytest.mark.parametrize("source", [fir2005, fir2011])
@pytest.mark.parametrize("target", ["fir2005", "fir2011"])
def test_each_images_impression_type_is_kept(
    tmp_path: Path, convert: Convert, source: object, target: str
) -> None:
    stated = [0, 1, 2, 3, 7, 8, 9]
    data = source.write(*[image_of(impression) for impression in stated])  # type: ignore[attr-defined]
    assert convert(data, target) == 0
    found = FORMATS[target].read((tmp_path / "out").read_bytes())  # type: ignore[attr-defined]
    assert [image.impression for image in found] == stated


@pytest.mark.parametrize(
    ("number", "target", "known"),
    [
        (29, "fir2005", "0, 1, 2, 3, 7, 8, 9"),
        (24, "fir2005", "0, 1, 2, 3, 7, 8, 9"),
        (9, "iso", "0, 1, 2, 3, 8"),
    ],
)
def test_an_impression_type_that_the_target_lacks_is_refused_unless_another_is_named(
    tmp_path: Path,
    convert: Convert,
    capsys: pytest.CaptureFixture[str],
    number: int,
    target: str,
    known: str,
) -> None:
    data = minutiae("ansi", 0, number) if target == "iso" else fir2011.write(image_of(number))
    assert convert(data, target) == 2
    sentence = capsys.readouterr().err
    assert f"impression type {number} is not defined" in sentence
    assert f"--impression, one of {known}\n" in sentence
    assert sentence.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert convert(data, target, "--impression", "3") == 0
    written = (tmp_path / "out").read_bytes()
    if target == "fir2005":
        assert fir2005.read(written)[0].impression == 3
    else:
        assert nibbles(written, 24, 2) == [3, 3]
    assert convert(data, target, "--impression", "4") == 2


def test_a_format_without_impression_types_says_what_is_lost(
    convert: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("iso-compact", "iso-normal", "vantay"):
        assert convert(minutiae("iso", 1), form) == 0
        assert "warning: impression type 1 is lost" in capsys.readouterr().err
        assert convert(minutiae("iso", 0), form) == 0
        assert capsys.readouterr().err == ""
        assert convert(minutiae("iso", 0), form, "--impression", "1") == 2
        assert "leave --impression out" in capsys.readouterr().err


def test_what_the_reader_tolerated_is_told(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(minutiae("iso", 0) + bytes(9), "ansi") == 0
    assert capsys.readouterr().err == f"{tmp_path}/in: warning: 9 bytes after the last finger view\n"
    assert convert(fir2005.write(image_of()) + b"\0", "fir2011") == 0
    assert capsys.readouterr().err == f"{tmp_path}/in: warning: 1 bytes after the last image\n"


@pytest.mark.real_data
def test_records_of_mosip_become_those_of_2005(real_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.fir"
    for path in sorted((real_data / "records/mosip-mds").glob("*Index.iso")):
        command = ["convert", str(path), str(target), "--format", "fir2005"]
        assert main(command) == 2
        assert main([*command, "--impression", "0"]) == 0
        (image,) = fir2005.read(target.read_bytes())
        assert image.impression == 0
        assert np.array_equal(pixels_of(image), pixels_of(fir2011.read(path.read_bytes())[0]))


def written(standard: object, units: int = 1, rate: int = 500, count: int = 1) -> bytes:
    """A record of images at so many pixels an inch (1) or a centimetre (2)."""
    images = [image_of(seed=seed, form=PNG) for seed in range(count)]
    data = bytearray(standard.write(*images))  # type: ignore[attr-defined]
    assert count == 1 or rate == 500
    at = 19 if standard is fir2005 else 16 + 19 + 2
    data[at : at + 9] = bytes((units,)) + rate.to_bytes(2, "big") * 4
    return bytes(data)


@pytest.mark.parametrize("standard", [fir2005, fir2011])
@pytest.mark.parametrize(
    ("units", "rate", "a_metre", "ppi"),
    [(1, 500, 19685, 500), (2, 197, 19685, 500), (1, 1000, 39370, 1000), (2, 150, 15000, 381)],
)
def test_an_image_becomes_a_png_that_says_its_resolution(
    tmp_path: Path, convert: Convert, standard: object, units: int, rate: int, a_metre: int, ppi: int
) -> None:
    assert convert(written(standard, units, rate), "png") == 0
    data = (tmp_path / "out").read_bytes()
    at = data.index(b"pHYs") + 4
    assert struct.unpack_from(">IIB", data, at) == (a_metre, a_metre, 1)
    read = read_image(tmp_path / "out")
    assert np.array_equal(read.pixels, noise(0))
    assert read.ppi == ppi


@pytest.mark.parametrize("standard", [fir2005, fir2011])
def test_several_images_become_numbered_files(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str], standard: object
) -> None:
    (tmp_path / "in").write_bytes(written(standard, count=11))
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "f.png"), "--format", "png"]) == 0
    names = [f"f-{number:02}.png" for number in range(1, 12)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "in"]
    for seed, name in enumerate(names):
        assert np.array_equal(read_image(tmp_path / name).pixels, noise(seed))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{tmp_path}/in: position 2 to {tmp_path / name}" for name in names]


def test_all_files_are_written_or_none(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = replace(image_of(form=PNG), data=b"none")
    assert convert(fir2011.write(image_of(), bad), "png") == 2
    assert "png data cannot be decoded" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "no" / "f.png"), "--format", "png"]) == 2
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_what_cannot_become_a_png_is_refused(convert: Convert, capsys: pytest.CaptureFixture[str]) -> None:
    for data, options, words in (
        (minutiae("iso", 0), [], "holds minutiae, which cannot become PNG"),
        (iso19794.write(), [], "holds no image to become PNG"),
        (fir2005.write(image_of()), ["--impression", "1"], "leave --impression out"),
        (fir2005.write(replace(image_of(), depth=16, data=bytes(2 * 48 * 40))), [], "16 bits a pixel"),
    ):
        assert convert(data, "png", *options) == 2
        assert words in capsys.readouterr().err


@pytest.mark.real_data
def test_images_of_nist_and_mosip_become_png(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "records"
    target = tmp_path / "f.png"
    assert main(["convert", str(folder / "gen-fir2005/fir2005-raw.fir"), str(target), "--format", "png"]) == 0
    for number in (1, 2):
        with Image.open(folder / f"nfiq2/SFinGe_Test0{number}.pgm") as source:
            assert np.array_equal(read_image(tmp_path / f"f-{number}.png").pixels, np.asarray(source))
    mosip = folder / "mosip-mds/Registration_0001Left_Index.iso"
    assert main(["convert", str(mosip), str(target), "--format", "png"]) == 0
    assert np.array_equal(read_image(target).pixels, pixels_of(fir2011.read(mosip.read_bytes())[0]))


def test_a_database_is_never_written_over(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(fir2011.write(image_of()), "png") == 0
    with closing(sqlite3.connect(tmp_path / "booth.db")) as database:
        database.execute("CREATE TABLE journal (seq)")
    (tmp_path / "link.png").symlink_to("booth.db")
    before = (tmp_path / "booth.db").read_bytes()
    for name in ("booth.db", "link.png"):
        capsys.readouterr()
        assert main(["convert", str(tmp_path / "in"), str(tmp_path / name), "--format", "png"]) == 2
        assert "is a database, and never written over: name another file" in capsys.readouterr().err
    assert (tmp_path / "booth.db").read_bytes() == before


@pytest.mark.parametrize("form", ["png", "fir2005", "ansi"])
def test_a_pipe_takes_the_whole_file(tmp_path: Path, convert: Convert, form: str) -> None:
    data = minutiae("iso", 0) if form == "ansi" else fir2011.write(image_of())
    assert convert(data, form) == 0
    reading, writing = os.pipe()
    try:
        assert main(["convert", str(tmp_path / "in"), f"/dev/fd/{writing}", "--format", form]) == 0
        assert os.read(reading, 65536) == (tmp_path / "out").read_bytes()
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("source", ["iso", "ansi"])
@pytest.mark.parametrize("target", ["iso", "ansi", "iso-compact", "vantay"])
def test_a_device_number_that_is_lost_is_told(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str], source: str, target: str
) -> None:
    data = bytearray(minutiae(source, 0))
    at = 12 if source == "iso" else 14
    assert convert(bytes(data), target) == 0
    assert capsys.readouterr().err == "", "none was stated"
    data[at : at + 2] = (0x80A3).to_bytes(2, "big")  # 8: what it complies with
    assert convert(bytes(data), target) == 0
    lost = f"{tmp_path}/in: warning: the device's number 0A3 is lost: minutiae are written without one\n"
    assert capsys.readouterr().err == lost


def test_a_day_to_come_is_no_day_of_a_capture(
    tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC)  # when the next day has begun east of 12 hours
    monkeypatch.setattr(clock, "moment", lambda: noon)
    for day in ("2026-11-29", "2999-01-05"):
        assert convert(fir2011.write(image_of()), "nist14", "--captured", day) == 2
        sentence = f"vantay: --captured {day} is a day to come: name the day of the capture\n"
        assert capsys.readouterr().err == sentence
        assert not (tmp_path / "out").exists()
    for day in ("2026-11-28", "2026-11-27", "1999-01-05"):
        assert convert(fir2011.write(image_of()), "nist14", "--captured", day) == 0


@pytest.mark.parametrize("command", [["inspect"], ["convert", "--format", "png", "out"]])
def test_a_pipe_in_place_of_a_record_is_not_waited_for_and_a_shells_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    name, *options = command
    os.mkfifo(tmp_path / "pipe")
    assert main([name, str(tmp_path / "pipe"), *options]) == 2
    said = f"vantay: {tmp_path}/pipe: cannot be read: it is a pipe or a device, no file\n"
    assert capsys.readouterr().err == said
    (tmp_path / "in").write_bytes(fir2011.write(image_of()))
    words = f"cd '{tmp_path}' && '{VANTAY}' {name} <(cat in) {' '.join(options)}"
    subprocess.run(["bash", "-c", words], check=True, capture_output=True, timeout=60)
    assert name == "inspect" or np.array_equal(read_image(tmp_path / "out").pixels, noise(1))


def test_more_images_of_a_finger_than_a_format_numbers_are_one_sentence(
    tmp_path: Path, convert: Convert, capsys: pytest.CaptureFixture[str]
) -> None:
    one = fir2011.write(image_of())
    images = one[fir2011.HEADER.size :] * 257
    header = (fir2011.HEADER.size + len(images)).to_bytes(4, "big") + (257).to_bytes(2, "big")
    for target, words in (("fir2011", "257 images of position 2, 1 to 256 fit"), ("fir2005", "257 images")):
        assert convert(one[:8] + header + one[14:16] + images, target) == 2
        sentence = capsys.readouterr().err
        assert words in sentence
        assert sentence.count("\n") == 1
        assert not (tmp_path / "out").exists()
