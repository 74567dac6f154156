"""`vantay-fw calibrate`: from a target on a virtual scanner to the entry; every refusal is a sentence."""

import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivers import calibrated
from drivers.api import DeviceIdentity
from drivers.digitalpersona_uru4000 import DRIVER
from edge.booth import channel
from fwtools.cli import main
from tests.edge.booth.worker_process import worker
from tests.fwtools.virtual_scanner import VirtualScanner, virtual_scanner

SIGNED = ["--by", "Bình", "--target", "glass grid 7"]
MODEL = ["--model", DRIVER.model]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of a grid, laid down a little differently, and one of a coarser one."""
    folder = tmp_path_factory.mktemp("targets")
    for name, tilt in (("a.png", "1.5"), ("b.png", "-2"), ("c.png", "0.3")):
        assert main(["target", str(folder / name), "--tilt", tilt]) == 0
    assert main(["target", str(folder / "coarse.png"), "--lines-per-mm", "1.2"]) == 0
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def measured(virtual: VirtualScanner, names: list[str], where: str, *options: str) -> tuple[int, str]:
    """Run the command, doing as it says: targets laid down one after another; exit code, standard error."""
    scanner, left, said = where.rpartition("/")[2], iter(names), ""
    command = [sys.executable, "-m", "fwtools.cli", "calibrate", "--where", where, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            said += line
            if line.startswith("lay the target"):
                virtual.do("put", image=next(left), scanner=scanner)
            elif line == "lift it\n":
                virtual.do("lift", scanner=scanner)
    virtual.do("lift", scanner=scanner)
    return process.returncode, said


def entries(data: Path) -> list[Path]:
    return sorted((data / "scanners").glob("*.json")) if (data / "scanners").is_dir() else []


def test_a_unit_is_measured_signed_off_and_enrols_and_another_does_not(targets: Path, data: Path) -> None:
    models = ["--model", "uru4500", "--ppi", "503,499", "--model", "uru4500", "--ppi", "503,499"]
    with virtual_scanner(targets, *models, "--control", "0") as virtual:
        where = f"{virtual.usbip}/1-1"
        signing = ["--lines-per-mm", "2", "--data", str(data), *SIGNED]
        code, said = measured(virtual, ["a.png", "b.png", "c.png"], where, *signing)
        assert code == 0, said
        assert "lay the target on the platen (3 of 3)" in said
        assert "WARNING: this unit tells no serial number" in said
        assert where in said
        unit = DeviceIdentity(DRIVER.model, "", "", where)
        (path,) = entries(data)
        entry = calibrated.read(path.read_bytes(), unit)
        assert entry.resolution.ppi_x == pytest.approx(503, rel=0.003)
        assert entry.resolution.ppi_y == pytest.approx(499, rel=0.003)
        assert (entry.by, entry.target, entry.lines_per_mm) == ("Bình", "glass grid 7", 2.0)
        kept = sorted((data / "scanners").glob("*.png"))
        assert [hashlib.sha256(one.read_bytes()).hexdigest() for one in kept] == list(entry.pictures)
        assert len(kept) == 3

        memory = f"--memory={data / 'scanners'}"
        with worker("scanner", where, "0.03", memory) as one:
            ready = one.word()
            assert isinstance(ready, channel.ScannerReady)
            assert ready.not_for_enrolment is None
            assert ready.calibration
            assert ready.calibration.entry == calibrated.digest_of(path.read_bytes())
            one.end.send(channel.Arm(token=1))
            time.sleep(0.3)
            virtual.do("put", image="a.png", scanner="1-1")
            while not isinstance(captured := one.word(), channel.Captured):
                pass
            assert captured.ppi == pytest.approx((503 * 499) ** 0.5, rel=0.003), (
                "samples say what was measured"
            )
            virtual.do("lift", scanner="1-1")
        with worker("scanner", f"{virtual.usbip}/1-2", "0.03", memory) as other:
            ready = other.word()
            assert isinstance(ready, channel.ScannerReady)
            assert ready.not_for_enrolment == DRIVER.not_for_enrolment
            assert ready.calibration is None


def test_a_unit_of_512_ppi_a_wrong_target_and_a_scanner_that_sees_nothing(
    targets: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signing = ["--lines-per-mm", "2", "--data", str(data), *SIGNED]
    with virtual_scanner(targets, "--model", "uru4500", "--control", "0") as virtual:
        once = ["calibrate", "--where", virtual.usbip, *signing, "--captures", "1"]
        code, said = measured(virtual, ["a.png"], f"{virtual.usbip}/1-1", *signing, "--captures", "1")
        assert (code, "resolution across is 512.0 ± " in said) == (2, True), said
        code, said = measured(virtual, ["coarse.png"], f"{virtual.usbip}/1-1", *signing, "--captures", "1")
        assert (code, "picture 1 shows no lines of 2 per mm" in said) == (2, True), said
        assert main([*once, "--patience", "0.5"]) == 2
        assert "nothing was laid on the platen within 0.5 seconds" in capsys.readouterr().err
        assert main([*once, "--serial", "X-9"]) == 2
        assert "not X-9" in capsys.readouterr().err
    assert main(once) == 2
    assert "refused" in capsys.readouterr().err
    assert entries(data) == []


def test_models_that_no_measurement_changes_are_refused_before_the_work(
    targets: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with virtual_scanner(targets, "--model", "nb1010", "--control", "0") as virtual:
        signing = ["--lines-per-mm", "2", "--data", str(data), *SIGNED]
        assert main(["calibrate", "--where", virtual.usbip, *signing]) == 2
    assert "NEXT NB-1010-U can be signed off: it is not for enrolment whatever" in capsys.readouterr().err


def picture(path: Path, *options: str) -> str:
    assert main(["target", str(path), "--size", "384x290", *options]) == 0
    return str(path)


def test_pictures_taken_before_are_measured_and_signed_off_for_the_unit_that_is_named(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = picture(tmp_path / "1.png", "--ppi", "498,501", "--noise", "8")
    assert main(["calibrate", "--image", first, "--lines-per-mm", "2"]) == 0
    said = capsys.readouterr()
    assert re.search(r"resolution: 498\.0 ± 0\.[56] ppi across, 501\.0 ± 0\.[56] down", said.out)
    assert "nothing was signed off" in said.out
    base = ["calibrate", "--image", first, "--lines-per-mm", "2", "--data", str(data), *SIGNED]
    assert main([*base, *MODEL, "--serial", "{A-1}"]) == 0
    assert capsys.readouterr().err == ""
    (path,) = entries(data)
    entry = calibrated.read(path.read_bytes(), DeviceIdentity(DRIVER.model, "{A-1}", "", "usb:3-1"))
    assert entry.pictures == (hashlib.sha256(Path(first).read_bytes()).hexdigest(),)
    assert path.stat().st_mode & 0o777 == 0o600
    two = [first, picture(tmp_path / "2.png", "--ppi", "498.4,501", "--tilt", "-3")]
    base[2:3] = two
    assert main([*base, *MODEL, "--serial", "{A-1}"]) == 0
    assert len(list((data / "scanners").iterdir())) == 3, "the entry and its two pictures, none of before"


def test_a_ruling_takes_two_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = picture(tmp_path / "1.png", "--kind", "ruling")
    assert main(["calibrate", "--image", first, "--lines-per-mm", "2"]) == 2
    assert (
        "down the picture: lay a grid, or the ruling once more, turned by a quarter"
        in capsys.readouterr().err
    )
    turned = tmp_path / "2.png"
    assert main(["target", str(turned), "--size", "290x384", "--kind", "ruling"]) == 0
    Image.open(turned).transpose(Image.Transpose.ROTATE_90).save(turned)
    assert main(["calibrate", "--image", first, str(turned), "--lines-per-mm", "2"]) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--lines-per-mm", "30"], "30 lines per mm cannot be measured"),
        (["--data", "nowhere", *SIGNED], "there is no folder nowhere"),
        (["--data", "DATA", "--by", "An"], "--target is missing"),
        (["--data", "DATA", "--by", "A\nn", "--target", "x"], "--by is missing"),
        (["--data", "DATA", *SIGNED], "say with --model which scanner"),
        (["--data", "DATA", *SIGNED, *MODEL], "say which unit"),
        (["--data", "DATA", *SIGNED, *MODEL, "--serial", "1", "--port", "usb:1-1"], "which unit"),
        (
            ["--data", "DATA", *SIGNED, "--model", "SecuGen Hamster Pro 20", "--serial", "H"],
            "it enrols without",
        ),
        (["--image", "small.png", *MODEL], "4000/4500 gives 384 x 290"),
        (["--image", "no.png"], "no.png is not a readable image"),
        (["--image", "words.png"], "words.png is not a readable image"),
        (["--image", "tiny.png"], "no picture of a fingerprint scanner"),
        (["--image", "white.png"], "white.png shows no lines of 2 per mm"),
    ],
)
def test_refusals(
    options: list[str],
    sentence: str,
    tmp_path: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "good.png")
    assert main(["target", "small.png"]) == 0
    said = "small.png: a grid of 2 lines per mm, 300 x 400 pixels at 500 x 500 ppi\n"
    assert capsys.readouterr().out.endswith(said)
    Path("words.png").write_text("no picture")
    Image.fromarray(np.zeros((40, 90), np.uint8)).save("tiny.png")
    Image.fromarray(np.full((290, 384), 250, np.uint8)).save("white.png")
    image = [] if "--image" in options else ["--image", "good.png"]
    pitch = [] if "--lines-per-mm" in options else ["--lines-per-mm", "2"]
    assert main(["calibrate", *pitch, *image, *[str(data) if one == "DATA" else one for one in options]]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert entries(data) == []


def test_a_data_folder_that_cannot_be_written_is_told(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "scanners").write_text("a file")
    first = picture(tmp_path / "1.png")
    base = ["calibrate", "--image", first, "--lines-per-mm", "2", "--data", str(data), *SIGNED]
    assert main([*base, *MODEL, "--serial", "1"]) == 2
    assert "the entry cannot be written to" in capsys.readouterr().err


def test_only_a_model_whose_units_differ_is_given_a_resolution(
    targets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["virtual", "--scans", str(targets), "--model", "hamster", "--ppi", "500"]) == 2
    assert "a virtual hamster has one resolution: --ppi is for uru4500" in capsys.readouterr().err
    assert main(["virtual", "--scans", str(targets), "--ppi", "500", "--ppi", "500"]) == 2
    assert "2 times --ppi" in capsys.readouterr().err


def test_a_target_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, sentence in (
        (["--lines-per-mm", "50"], "are no target"),
        (["--blur", "11"], "blur is 0 to 10"),
        (["--seed", "-1"], "not negative"),
    ):
        assert main(["target", str(tmp_path / "x.png"), *options]) == 2
        assert sentence in capsys.readouterr().err
    assert main(["target", str(tmp_path / "no" / "x.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err
