"""vantay extract, quality, show and warm: files in, files out, one sentence where it cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.cli import main
from matching import ansi378, iso19794
from matching.extract import extract
from matching.kernels._jit import cache_directory
from matching.pattern import ridge_pattern
from matching.show import PANELS


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Two images of the pattern, at 500 and at 400 ppi."""
    paths = []
    for ppi in (500, 400):
        paths.append(tmp_path / f"finger{ppi}.png")
        Image.fromarray(ridge_pattern(ppi=ppi)).save(paths[-1], dpi=(ppi, ppi))
    return paths


@pytest.mark.parametrize(("form", "module"), [("iso", iso19794), ("ansi", ansi378)])
def test_extract_writes_the_record_that_was_asked_for(images, tmp_path, form, module, capsys):
    out = tmp_path / "out.bin"
    assert main(["extract", str(images[0]), "-o", str(out), "--format", form]) == 0
    record, template = module.read(out.read_bytes()), extract(ridge_pattern())
    np.testing.assert_array_equal(record.minutiae["x"], np.rint(template.minutiae["x"]))
    np.testing.assert_array_equal(record.minutiae["type"], template.minutiae["type"])
    assert record.quality > 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{len(template.minutiae)} minutiae" in printed.err


def test_extract_writes_json_for_people(images, tmp_path):
    out = tmp_path / "out.json"
    assert main(["extract", str(images[0]), "-o", str(out), "--format", "json"]) == 0
    read, template = json.loads(out.read_text()), extract(ridge_pattern())
    assert (read["width"], read["height"], read["ppi"]) == (240, 240, 500)
    across = [minutia["x"] for minutia in read["minutiae"]]
    np.testing.assert_allclose(across, template.minutiae["x"], atol=0.006)
    degrees = [minutia["angle"] for minutia in read["minutiae"]]
    np.testing.assert_allclose(degrees, np.degrees(template.minutiae["angle"].astype(float)), atol=0.01)
    assert {minutia["type"] for minutia in read["minutiae"]} <= {"ending", "bifurcation"}


def test_extract_several_images_into_a_folder_each_at_its_own_resolution(images, tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    assert main(["extract", *map(str, images), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["finger400.fmr", "finger500.fmr"]
    one, other = (iso19794.read(path.read_bytes()) for path in sorted(folder.iterdir()))
    assert (one.width, one.height) == (other.width, other.height) == (240, 240)
    assert main(["extract", str(images[1]), "-o", str(folder / "wrong"), "--dpi", "1000"]) == 0
    assert iso19794.read((folder / "wrong").read_bytes()).width == 96


def test_extract_without_an_output_writes_into_the_current_folder(images, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["extract", str(images[0])]) == 0
    assert [path.name for path in Path().iterdir()] == ["finger500.fmr"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["absent.png"], "absent.png: there is no such file"),
        (["text.png"], "text.png: the file is not a PNG, TIFF or BMP image"),
        (["half.png"], "half.png: the image is truncated or damaged"),
        (["finger500.png", "--dpi", "96"], "96 dpi is outside 250 to 1000"),
        (["finger500.png", "finger400.png", "-o", "absent"], "absent: there is no such folder"),
        (["finger500.png", "copy/finger500.png", "-o", "."], "finger500.fmr: two of the images"),
        (["finger500.png", "-o", "absent/out.fmr"], "absent/out.fmr: cannot be written"),
    ],
)
def test_extract_says_in_one_sentence_what_is_wrong(
    images, tmp_path, monkeypatch, capsys, arguments, complaint
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("this is no picture\n")
    (tmp_path / "half.png").write_bytes(images[0].read_bytes()[:3000])
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/finger500.png").write_bytes(images[0].read_bytes())
    before = sorted(tmp_path.rglob("*"))
    assert main(["extract", *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_extract_leaves_what_was_there_when_the_disk_refuses(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.fmr"
    out.write_bytes(b"what was there")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    assert main(["extract", str(images[0]), "-o", str(out)]) == 2
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    assert out.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_extract_writes_into_a_pipe_and_through_a_link_without_replacing_either(images, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR)
    assert main(["extract", str(images[0]), "-o", str(tmp_path / "pipe")]) == 0
    assert len(iso19794.read(os.read(reader, 4096)).minutiae) > 5
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "target.fmr").write_bytes(b"")
    (tmp_path / "link.fmr").symlink_to("target.fmr")
    assert main(["extract", str(images[0]), "-o", str(tmp_path / "link.fmr")]) == 0
    assert (tmp_path / "link.fmr").is_symlink()
    assert len(iso19794.read((tmp_path / "target.fmr").read_bytes()).minutiae) > 5


def test_quality_prints_a_line_an_image(images, capsys):
    assert main(["quality", *map(str, images)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}: quality ") for line, path in zip(lines, images, strict=True))
    assert main(["quality", "--json", *map(str, images)]) == 0
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["image"] for line in read] == [str(path) for path in images]
    assert all(0 < line["score"] <= 100 and line["parts"]["area"] > 80 for line in read)


def test_show_draws_every_stage(images, tmp_path):
    out = tmp_path / "sheet.png"
    assert main(["show", str(images[0]), "-o", str(out)]) == 0
    with Image.open(out) as sheet:
        assert sheet.format == "PNG"
        panel = sheet.crop((8, 8 + 22 + 22, 8 + 480, 8 + 22 + 22 + 480)).convert("L")
        assert sheet.width > 4 * 480
    shown = np.asarray(panel.resize((240, 240), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(shown, ridge_pattern())


def test_show_draws_every_stage_by_itself(images, tmp_path):
    out = tmp_path / "stages"
    assert main(["show", str(images[0]), "--stages", str(out)]) == 0
    pictures = sorted(path.stem for path in out.iterdir())
    assert len(pictures) == len(PANELS)
    assert pictures[0] == "01_image_at_500_ppi"
    assert {"04_ridge_period", "10_skeleton", "12_minutiae"} <= set(pictures)
    with Image.open(out / "01_image_at_500_ppi.png") as first:
        np.testing.assert_array_equal(np.asarray(first.convert("L")), ridge_pattern())
    with Image.open(out / "05_enhanced.png") as enhanced:
        assert enhanced.size == (240, 240)


def test_show_says_what_it_needs(images, tmp_path, capsys):
    assert main(["show", str(images[0])]) == 2
    assert "nothing to draw" in capsys.readouterr().err
    (tmp_path / "taken").write_text("")
    assert main(["show", str(images[0]), "--stages", str(tmp_path / "taken")]) == 2
    assert "taken: no folder can be made here" in capsys.readouterr().err


def images_of_every_kind(pixels: np.ndarray) -> dict[str, Image.Image]:
    """Forms in which files hold an image, all of the same grey levels where the form has them."""
    grey = Image.fromarray(pixels)
    opaque = Image.merge("RGBA", (grey, grey, grey, Image.new("L", grey.size, 255)))
    return {
        "grey": grey,
        "rgb": grey.convert("RGB"),
        "rgba": opaque,
        "grey_alpha": opaque.convert("LA"),
        "palette": grey.convert("P"),
        "sixteen_bits": Image.fromarray(pixels.astype(np.uint16) * 257),
        "one_bit": grey.convert("1", dither=Image.Dither.NONE),
    }


@pytest.mark.parametrize("kind", images_of_every_kind(ridge_pattern(64)))
def test_every_kind_of_pixels_gives_the_same_minutiae(tmp_path, kind, capsys):
    path = tmp_path / "finger.png"
    images_of_every_kind(ridge_pattern())[kind].save(path, dpi=(500, 500))
    for command in ("extract", "show"):
        assert main([command, str(path), "-o", str(tmp_path / f"{command}.out")]) == 0
    assert main(["quality", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["score"] > 0
    record, template = iso19794.read((tmp_path / "extract.out").read_bytes()), extract(ridge_pattern())
    assert len(record.minutiae) > 5
    if kind != "one_bit":
        np.testing.assert_array_equal(record.minutiae["y"], np.rint(template.minutiae["y"]))


@pytest.mark.parametrize("kind", images_of_every_kind(ridge_pattern(64)))
@pytest.mark.parametrize("what", ["black", "white", "noise"])
def test_what_is_no_finger_has_no_quality_in_any_kind_of_pixels(tmp_path, kind, what, capsys):
    levels = {"black": (0, 1), "white": (255, 256), "noise": (0, 256)}[what]
    pixels = np.random.default_rng(0).integers(*levels, (160, 160)).astype(np.uint8)
    path = tmp_path / "nothing.png"
    images_of_every_kind(pixels)[kind].save(path)
    for command in ("extract", "show"):
        assert main([command, str(path), "-o", str(tmp_path / f"{command}.out")]) == 0
    assert main(["quality", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["score"] <= 5
    assert len(iso19794.read((tmp_path / "extract.out").read_bytes()).minutiae) <= 2


@pytest.mark.parametrize(
    ("size", "complaint"),
    [((1, 1), "too few for a finger"), ((10000, 10000), "more than 25,000,000 pixels")],
)
def test_what_is_too_small_or_too_large_is_refused_by_every_command(tmp_path, size, complaint, capsys):
    paths = [tmp_path / f"{name}.png" for name in ("a_1", "a_2", "b_1")]
    for path in paths:
        Image.new("L", size, 255).save(path)
    out = str(tmp_path / "out")
    for arguments in (["extract", "-o", out], ["quality"], ["show", "-o", out]):
        assert main([arguments[0], str(paths[0]), *arguments[1:]]) == 2
        error = capsys.readouterr().err
        assert complaint in error
        assert error.count("\n") == 1
    assert main(["evaluate", "--json", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    figures = json.loads(shown.out)["sets"][0]
    assert (figures["failures"], figures["fmr1000"], figures["extract_ms"]) == (3, 1.0, None)
    assert shown.err.count(complaint) == 3


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from edge.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def cached() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache_directory().rglob("*") if path.is_file()}


def test_after_warm_no_command_compiles_anything(images, tmp_path):
    assert str(cache_directory()) in run("warm").stdout
    before = cached()
    assert any(path.suffix == ".nbc" for path in before)
    run("extract", str(images[0]), "-o", str(tmp_path / "out.fmr"))
    run("quality", str(images[1]))
    run("show", str(images[1]), "-o", str(tmp_path / "sheet.png"))
    assert "every kernel was compiled already" in run("warm").stdout
    assert cached() == before


def test_a_command_does_not_load_what_another_one_needs():
    names = "['numba', 'PIL', 'pydantic', 'structlog', 'paho']"
    code = f"import sys; import edge.cli; sys.exit(any(name in sys.modules for name in {names}))"
    subprocess.run([sys.executable, "-c", code], check=True)
