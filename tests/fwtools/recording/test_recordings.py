"""Every folder in tests/recordings: virtual scanners recorded on the real kernel, captured from again."""

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.registry import known_drivers
from fwtools.cli import main
from fwtools.recording.folder import MOST_BYTES, PACKED, PCAPNG, read_recording
from tests.fwtools.recording.parts import RECORDINGS

FOLDERS = sorted(path for path in RECORDINGS.iterdir() if path.is_dir())


@pytest.mark.usefixtures("umockdev")
@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_it_gives_the_picture_it_names(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "image.png"
    assert main(["replay", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.endswith(": as expected\n")
    assert said.count("\n") == 1
    assert out.read_bytes().startswith(b"\x89PNG")


def test_every_driver_that_is_on_is_proved_on_one_of_a_synthetic_finger() -> None:
    abouts = [read_recording(folder).about for folder in FOLDERS]
    assert all(about and "synthetic" in about.finger for about in abouts)
    proved = {driver.model for driver in known_drivers() if not driver.model_only}  # the others are off
    assert {about.model for about in abouts if about} == proved


@pytest.mark.usefixtures("umockdev")
def test_another_picture_than_the_named_one_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(FOLDERS[0], tmp_path)
    about = folder / "recording.toml"
    text = about.read_text().splitlines()
    about.write_text("\n".join("sha256 = " + repr("0" * 64) if "sha256" in line else line for line in text))
    assert main(["replay", str(folder)]) == 2
    assert "gives another picture than recording.toml names" in capsys.readouterr().err


@pytest.mark.usefixtures("umockdev")
def test_a_driver_that_does_not_follow_the_tape_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(FOLDERS[0], tmp_path)
    assert main(["replay", str(folder), "--settle", "5"]) == 2
    said = capsys.readouterr().err
    assert "does not replay: " in said
    assert "strict tape" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("device", b"nothing", "does not begin with the device's path"),
        ("device", b"P: /devices/x\nA: idVendor=298d\n", "has no idProduct"),
        (
            "device",
            b"P: /devices/x\nA: idVendor=dead\\n\nA: idProduct=beef\\n\n",
            "no driver here knows dead:beef",
        ),
        ("capture.pcapng", b"\x0a\x0d\x0d\x0a" + bytes(20), "is no recording: "),
        ("recording.toml", b"model = 3\n", "'model' is not a str"),
    ],
)
def test_what_is_no_recording_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, told: str
) -> None:
    folder = copied(FOLDERS[0], tmp_path)
    (folder / name).write_bytes(data)
    assert main(["replay", str(folder)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def packed(tmp_path: Path) -> Path:
    """A recording with its traffic compressed."""
    plain = next(folder for folder in FOLDERS if (folder / PCAPNG).exists())
    folder = copied(plain, tmp_path)
    (folder / PACKED).write_bytes(lzma.compress((folder / PCAPNG).read_bytes()))
    (folder / PCAPNG).unlink()
    return folder


@pytest.mark.usefixtures("umockdev")
def test_a_compressed_recording_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = packed(tmp_path)
    before = sorted(folder.iterdir())
    assert main(["replay", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(": as expected\n")
    assert sorted(folder.iterdir()) == before, "nothing is left in it"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-40], "capture.pcapng.xz is cut off"),
        (lambda _: b"no xz", "capture.pcapng.xz is cut off"),
        (lambda data: data[:30] + bytes(40) + data[70:], "capture.pcapng.xz cannot be unpacked"),
        (
            lambda _: lzma.compress(bytes(MOST_BYTES + 1)),
            "capture.pcapng.xz is cut off, or longer than 64 MiB",
        ),
    ],
)
def test_a_damaged_compressed_recording_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
    told: str,
) -> None:
    folder = packed(tmp_path)
    (folder / PACKED).write_bytes(damage((folder / PACKED).read_bytes()))
    assert main(["replay", str(folder)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "device").write_bytes((FOLDERS[0] / "device").read_bytes())
    assert main(["replay", str(tmp_path)]) == 2
    assert "capture.ioctl: No such file" in capsys.readouterr().err


def test_without_umockdev_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["replay", str(FOLDERS[0])]) == 2
    assert capsys.readouterr().err == "vantay-fw: umockdev-run is not here: apt-get install umockdev\n"


def copied(folder: Path, into: Path) -> Path:
    out = into / folder.name
    out.mkdir()
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return out
