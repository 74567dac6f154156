"""`vantay-fw synthesise`: the files it writes, that they depend on the seed alone, and how it refuses."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fwtools.cli import main
from fwtools.errors import ToolError
from fwtools.synthesis import impression
from fwtools.synthesis.files import Order, orders_of, png, write_fingers
from matching import iso19794
from tests.fwtools.synthetic import finger, needs_speed


@needs_speed
def test_it_writes_images_with_ground_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "people"
    arguments = ["--subjects", "1", "--impressions", "2", "--seed", "1", "--size", "200x240", "--jobs", "1"]
    assert main(["synthesise", *arguments, str(out)]) == 0
    names = [f"0001_{position:02}_{index}" for position in range(1, 11) for index in (1, 2)]
    expected = sorted(name + suffix for name in names for suffix in (".png", ".fmr"))
    assert sorted(path.name for path in out.iterdir()) == expected
    with Image.open(out / "0001_02_2.png") as image:
        assert (image.mode, image.size, image.format) == ("L", (200, 240), "PNG")
        pixels = np.asarray(image)
    assert b"pHYs" + (19685).to_bytes(4, "big") * 2 + b"\x01" in (out / "0001_02_2.png").read_bytes()
    drawn, truth = impression(finger(), 2, (200, 240))
    np.testing.assert_array_equal(pixels, drawn)
    record = iso19794.read((out / "0001_02_2.fmr").read_bytes())
    assert (record.width, record.height, record.position) == (200, 240, 2)
    np.testing.assert_allclose(record.minutiae["x"], truth.minutiae["x"], atol=0.51)
    np.testing.assert_allclose(record.minutiae["y"], truth.minutiae["y"], atol=0.51)
    np.testing.assert_array_equal(record.minutiae["type"], truth.minutiae["type"])
    said = capsys.readouterr()
    assert re.fullmatch(
        r"synthesise: 20 impressions of 200x240 pixels with ground truth in \S+: "
        r"1 subject, 10 fingers; \d+\.\d s\n",
        said.out,
    )
    assert said.err == ""


@needs_speed
def test_bytes_depend_neither_on_processes_nor_on_what_else_is_made(tmp_path: Path) -> None:
    many, few = tmp_path / "many", tmp_path / "few"
    many.mkdir()
    few.mkdir()
    orders = orders_of(range(1, 3), Order(many, 9, 0, 0, impressions=2))
    assert [(order.subject, order.position) for order in orders][9:11] == [(1, 10), (2, 1)]
    made = list(write_fingers([orders[0], orders[11]], jobs=2))
    assert [path.name for path in made[1]] == ["0002_02_1.png", "0002_02_2.png"]
    list(write_fingers([Order(few, 9, 2, 2, impressions=1)], jobs=1))
    for name in ("0002_02_1.png", "0002_02_1.fmr"):
        assert (few / name).read_bytes() == (many / name).read_bytes()


def test_a_png_holds_the_pixels() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    with Image.open(io.BytesIO(png(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert image.info["dpi"] == pytest.approx((500, 500), abs=0.01)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--subjects", "0"], "--subjects is 0: give a number from 1 to 9999"),
        (["--impressions", "100"], "--impressions is 100: give a number from 1 to 99"),
        (["--seed", "-1"], "--seed is -1: give a number from 0"),
        (["--jobs", "0"], "--jobs is 0: give a number from 1 to 64"),
        (["--size", "10x400"], "--size is 10x400: give sides from 64 to 2048 pixels"),
    ],
)
def test_a_bad_number_is_one_sentence(
    tmp_path: Path, changed: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ["--subjects", "1", "--impressions", "1", "--seed", "1"]
    assert main(["synthesise", *usual, *changed, str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"vantay-fw: {sentence}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists(), "nothing is made before everything is checked"


def test_a_size_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "synthesise",
                "--subjects",
                "1",
                "--impressions",
                "1",
                "--seed",
                "1",
                "--size",
                "big",
                str(tmp_path),
            ]
        )
    assert ended.value.code == 2
    assert "'big' is not WIDTHxHEIGHT in pixels, for example 300x400" in capsys.readouterr().err


def test_a_folder_with_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "0001_01_1.png").write_text("mine")
    assert main(["synthesise", "--subjects", "1", "--impressions", "1", "--seed", "1", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"vantay-fw: the folder {tmp_path} is not empty: name a new one, or clear it\n"
    )
    assert (tmp_path / "0001_01_1.png").read_text() == "mine"


def test_a_file_instead_of_a_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.write_text("x")
    assert main(["synthesise", "--subjects", "1", "--impressions", "1", "--seed", "1", str(out)]) == 2
    assert capsys.readouterr().err == f"vantay-fw: the folder {out} cannot be made: File exists\n"


@needs_speed
def test_a_folder_that_vanishes_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"0001_02_1\.png cannot be written: No such file or directory"):
        list(write_fingers([Order(tmp_path / "gone", 1, 1, 2, impressions=1)], jobs=1))
