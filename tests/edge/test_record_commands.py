"""vantay inspect and convert: exit codes, sentences, and files that strangers' readers take."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from edge.packet import PACKET_MAGIC
from edge.records import NAMES
from matching import ansi378, card, fir2005, fir2011, iso19794
from matching.finger_image import FingerImage, pixels_of
from matching.template import CORE, DELTA, SINGULAR
from tests.matching.templates import random_template


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "one.fmr"
    path.write_bytes(iso19794.write(random_template(1, 9)))
    return path


def test_inspect_says_what_a_good_record_is(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record.write_bytes(record.read_bytes() + b"\0")
    assert main(["inspect", str(record), "--minutiae"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "19794-2:2005: length 84 of 85 bytes" in lines[0]
    assert "300 x 300 pixels, 197 x 197 px/cm" in lines[0]
    assert "position 2, impression 0, quality 80, 9 minutiae" in lines[1]
    assert len([line for line in lines if line.startswith("  x ")]) == 9
    assert lines[-1] == "warning: 1 bytes after the last finger view"


def test_inspect_names_cores_and_deltas(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = np.array([(10, 20, 1, CORE), (30, 40, 2, DELTA)], SINGULAR)
    record.write_bytes(iso19794.write(replace(random_template(1, 9), singular=points)))
    assert main(["inspect", str(record)]) == 0
    assert "9 minutiae, core at 10, 20; delta at 30, 40; 300 x 300" in capsys.readouterr().out


def test_inspect_ends_with_1_and_one_sentence_for_a_bad_record(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = record.read_bytes()
    for length in range(len(whole)):
        record.write_bytes(whole[:length])
        assert main(["inspect", str(record)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (PACKET_MAGIC + bytes(99), [], "this is a sealed packet of Vantay: only the ministry's key opens it"),
        (
            b"FMR\x00030\0" + bytes(99),
            [],
            "is b'030\\x00' (ISO/IEC 19794-2:2011 or ANSI/INCITS 378-2009), only",
        ),
        (b"FMR\x00035\0" + bytes(99), [], "(ANSI/INCITS 378-2009 with amendment 1), only b' 20\\x00'"),
        (b"FMR\x00999\0" + bytes(99), [], "FMR version at offset 4 is b'999\\x00', only b' 20\\x00'"),
        (
            b"FIR\x00030\0" + bytes(99),
            [],
            "FIR version at offset 4 is b'030\\x00', only b'010\\x00' (ISO/IEC",
        ),
        (b"FIR\x00010\0" + b"\0\0\0\0\0\x20" + bytes(18), [], "the number of images at offset 18 is zero"),
        (b"FIR\x00020\0" + b"\0\0\0\x10" + bytes(4), [], "the number of images at offset 12 is zero"),
        (b"GIF89a" + bytes(99), [], "which is no record read here"),
        (b"", [], "the file is empty"),
        *[(b"", ["--format", form], "the file is empty") for form in NAMES],
    ],
)
def test_what_is_not_read_is_called_by_its_name(
    record: Path, capsys: pytest.CaptureFixture[str], data: bytes, options: list[str], words: str
) -> None:
    record.write_bytes(data)
    assert main(["inspect", str(record), *options]) == 1
    out, err = capsys.readouterr()
    assert words in err
    assert (out, err.count("\n")) == ("", 1)
    options = ["--from", *options[1:]] if options else []
    assert main(["convert", str(record), str(record.with_name("out")), "--format", "iso", *options]) == 2
    assert words in capsys.readouterr().err


def test_headerless_card_formats_need_format(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = record.with_name("card")
    assert main(["convert", str(record), str(target), "--format", "iso-compact"]) == 0
    assert target.read_bytes() == card.write(iso19794.read(record.read_bytes()), card.COMPACT)
    assert main(["inspect", str(target)]) == 1
    assert "needs --format" in capsys.readouterr().err
    assert main(["inspect", str(target), "--format", "iso-compact"]) == 0
    assert "9 minutiae" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["iso-compact", "iso-normal"])
def test_a_template_for_a_card_is_written_and_read_wrapped(
    record: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    bare, whole, back = (record.with_name(name) for name in ("bare", "whole", "back"))
    command = ["convert", str(record), str(whole), "--format", form]
    assert main([*command, "--wrapped"]) == 0
    assert main(["convert", str(record), str(bare), "--format", form]) == 0
    assert whole.read_bytes() == card.wrapped(bare.read_bytes())
    assert main(["inspect", str(whole)]) == 1
    assert "needs --format iso-normal or iso-compact" in capsys.readouterr().err
    assert main(["inspect", str(whole), "--format", form]) == 0
    assert ", 9 minutiae, " in capsys.readouterr().out
    assert main(["convert", str(whole), str(back), "--from", form, "--format", form]) == 0
    assert back.read_bytes() == bare.read_bytes()
    assert main(["convert", str(record), str(back), "--format", "iso", "--wrapped"]) == 2
    assert "--wrapped is for iso-normal and iso-compact" in capsys.readouterr().err


def bit_of(low: int, high: int) -> bytes:
    block = bytes((0xB1, 4, 0x81, 2, low, high))
    header = bytes((0xA1, 3 + len(block), 0x81, 1, 8)) + block
    return bytes((0x7F, 0x60, len(header))) + header


def test_limits_of_several_fingers_serve_where_they_are_the_same(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits, target = record.with_name("bit"), record.with_name("card")
    command = ["convert", str(record), str(target), "--format", "iso-compact", "--bit", str(limits)]
    for others, code in (((2, 5), 0), ((12, 60), 2)):
        inner = bytes((0x02, 1, 2)) + bit_of(2, 5) + bit_of(*others)
        limits.write_bytes(bytes((0x7F, 0x61, len(inner))) + inner)
        assert main(command) == code
        assert len(target.read_bytes()) == 15
    assert "BIT: its fingers have 2 different limits: give --bit the one finger's" in capsys.readouterr().err


def test_convert_between_records_and_refuse_what_cannot_be(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = record.with_name("other")
    assert main(["convert", str(record), str(target), "--format", "ansi"]) == 0
    assert len(ansi378.read(target.read_bytes()).minutiae) == 9
    assert main(["convert", str(record), str(target), "--format", "fir2011"]) == 2
    assert "holds minutiae" in capsys.readouterr().err


@pytest.mark.parametrize(("form", "standard"), [("fir2005", fir2005), ("fir2011", fir2011)])
@pytest.mark.parametrize("compression", ["raw", "png", "jpeg2000-lossless"])
def test_an_image_becomes_a_record(tmp_path: Path, form: str, standard: object, compression: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (80, 64), np.uint8)
    source, target = tmp_path / "a.png", tmp_path / "a.fir"
    Image.fromarray(pixels).save(source, dpi=(500, 500))
    options = ["--position", "7", "--impression", "1", "--device", "5", "--compression", compression]
    assert main(["convert", str(source), str(target), "--format", form, *options]) == 0
    (image,) = standard.read(target.read_bytes())  # type: ignore[attr-defined]
    assert np.array_equal(pixels_of(image), pixels)
    assert (image.position, image.impression, image.device, image.ppi) == (7, 1, 5, 500)


@pytest.mark.parametrize("compression", ["raw", "png", "jpeg2000-lossless"])
def test_an_image_becomes_a_transaction_and_an_image_again(
    tmp_path: Path, compression: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (80, 64), np.uint8)
    source, target, back = tmp_path / "a.png", tmp_path / "a.an2", tmp_path / "b.png"
    Image.fromarray(pixels).save(source, dpi=(500, 500))
    options = ["--format", "nist14", "--position", "7", "--impression", "1", "--compression", compression]
    assert main(["convert", str(source), str(target), *options]) == 2
    assert "add --captured YYYY-MM-DD" in capsys.readouterr().err
    assert not target.exists()
    told = ["--captured", "2026-01-05", "--agency", "HN-001", "--device", "5"]
    assert main(["convert", str(source), str(target), *options, *told]) == 0
    assert "the device's number is lost" in capsys.readouterr().err
    assert b"14.004:HN-001\x1d14.005:20260105" in target.read_bytes()
    assert main(["inspect", str(target)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"ANSI/NIST-ITL type 14: {target.stat().st_size} bytes\nimage 1: position 7, ")
    assert main(["convert", str(target), str(back), "--format", "png"]) == 0
    assert np.array_equal(np.asarray(Image.open(back)), pixels)
    target.write_bytes(target.read_bytes()[:-1])
    assert main(["inspect", str(target)]) == 1
    assert "truncated: the record of type 14" in capsys.readouterr().err


def test_inspect_decodes_the_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.fir"
    path.write_bytes(fir2011.write(FingerImage(b"no png", 24, 17, 500.0, "png")))
    assert main(["inspect", str(path)]) == 1
    assert "the png data cannot be decoded: it is none\n" in capsys.readouterr().err


def test_inspect_names_what_ansi_381_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = fir2005.write(FingerImage(bytes(24 * 17), 24, 17, 500.0))
    path = tmp_path / "a.fir"
    path.write_bytes(data[:8] + (len(data) + 4).to_bytes(6, "big") + bytes((0, 15, 0, 1)) + data[14:])
    assert main(["inspect", str(path)]) == 0
    assert "warning: this is ANSI/INCITS 381-2004, product 000F 0001" in capsys.readouterr().out


@pytest.mark.real_data
def test_inspect_reads_the_samples(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = real_data / "records"
    for name, words in (
        ("biomdi/incits378-2004-AppendixB2.raw", "length 343 of 343 bytes, product 0042 0011, device 0B5"),
        ("gen-fir2005/fir2005-raw.fir", "416 x 560"),
        ("mosip-mds/Registration_0001Left_Index.iso", "280 x 448"),
        ("sourceafis/iso-probe.dat", "warning"),
    ):
        assert main(["inspect", str(folder / name)]) == 0
        assert words in capsys.readouterr().out
