"""What is redacted: nothing of a picture or serial number remains, everything else does, and it replays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fwtools.cli import main
from fwtools.recording.folder import Recording, read_recording
from fwtools.recording.pcapng import BadRecording
from fwtools.recording.redaction import redact, serials_in, without_serials, without_serials_text
from fwtools.recording.shots import alternated
from fwtools.recording.tape import IoctlTape, Transfer
from fwtools.virtual.images import finger_on_platen
from fwtools.virtual.nb1010 import Thermal
from fwtools.virtual.uru4500 import upright
from tests.fwtools.recording.parts import RECORDINGS

REAL = {  # folder, options, head and tail of each part of a picture, serial number
    "secugen": ("secugen", [], 0, 0, "H54200803643"),
    "nb1010": ("nb1010", [], 25, 3, None),
    "uru4500": ("uru4000-4500", ["--until", "lifted"], 64, 0, "FB0B9071-2E08-7742-BC16-2FAA247CEF66"),
}
LIKENESS = 0.97  # of the Hamster's image and the finger that was put in: it has noise and is resampled


@pytest.fixture(scope="module")
def finger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of wavy ridges under an oval: nobody's."""
    y, x = np.mgrid[0:400, 0:300]
    wave = np.cos(2 * np.pi / 9 * (0.6 * y + 0.8 * x + 12 * np.sin(x / 40) + 9 * np.sin(y / 50)))
    contact = ((x - 150) / 120) ** 2 + ((y - 200) / 170) ** 2 < 1
    path = tmp_path_factory.mktemp("finger") / "finger.png"
    Image.fromarray(np.where(contact, 128 - 100 * wave, 250).astype(np.uint8)).save(path)
    return path


def pictures(recording: Recording) -> list[int]:
    """The transfers that bring pictures: all that is long and from a bulk endpoint."""
    return [
        index
        for index, one in enumerate(recording.tape.transfers)
        if one.endpoint in (0x82, 0x83) and len(one.data) > 64
    ]


def runs(data: bytes) -> set[bytes]:
    """All runs of 16 bytes with at least eight values in them: fewer are noise on a flat ground."""
    every = {data[at : at + 16] for at in range(len(data) - 15)}
    return {run for run in every if len(set(run)) >= 8}


@pytest.mark.real_data
@pytest.mark.usefixtures("umockdev")
@pytest.mark.parametrize("name", REAL)
def test_a_real_recording_is_redacted(real_data: Path, tmp_path: Path, finger: Path, name: str) -> None:
    folder, options, head, tail, serial = REAL[name]
    source, out, image = real_data / "usb" / folder, tmp_path / "out", tmp_path / "image.png"
    how = ["--settle", "0", "--occupied", *options]
    assert main(["redact", str(source), "--out", str(out), "--finger", str(finger), *how]) == 0
    before, after = read_recording(source), read_recording(out)
    at = pictures(before)
    changed = 0
    for index, (one, other) in enumerate(zip(before.tape.transfers, after.tape.transfers, strict=True)):
        assert (one.endpoint, one.setup, len(one.data)) == (other.endpoint, other.setup, len(other.data))
        if index in at:
            assert one.data[:head] == other.data[:head]
            assert not tail or one.data[-tail:] == other.data[-tail:]
        elif one.data != other.data:
            changed += 1
            assert one.setup == bytes.fromhex("c025000000001e00")  # the Hamster's own number
            assert other.data.decode("utf-16-le").rstrip() == "REDACTED0000"
    assert changed == (1 if name == "secugen" else 0)
    seen = runs(b"".join(before.tape.transfers[index].data[head:] for index in at)[-700_000:])
    assert len(seen) > 10_000
    assert not seen & runs(b"".join(one.data for one in after.tape.transfers))
    if serial is not None:
        for path in out.iterdir():
            assert serial.encode() not in path.read_bytes()
            assert serial.encode("utf-16-le") not in path.read_bytes()
    assert main(["replay", str(out), "--out", str(image)]) == 0
    assert_shows(name, np.asarray(Image.open(image)), finger)


def assert_shows(name: str, got: np.ndarray, finger: Path) -> None:
    """Whether an image is that of the finger, as this sensor sees it."""
    platen = finger_on_platen(finger)
    if name == "secugen":
        assert np.corrcoef(got.ravel(), platen.ravel())[0, 1] > LIKENESS
    elif name == "nb1010":
        np.testing.assert_array_equal(got, Thermal().finger(platen)[1])
    else:
        assert (
            got != upright(platen)
        ).sum() <= 1 + 384 + 3  # a row that the device leaves out, a pixel a block


@pytest.mark.usefixtures("umockdev")
@pytest.mark.parametrize(
    "folder", sorted(path for path in RECORDINGS.iterdir() if path.is_dir()), ids=lambda f: f.name
)
def test_our_own_recordings_are_redacted_with_all_their_pictures(
    folder: Path, tmp_path: Path, finger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["redact", str(folder), "--out", str(out), "--finger", str(finger)]) == 0
    before, after = read_recording(folder), read_recording(out)
    assert before.about is not None
    assert after.about is not None
    assert (after.about.model, after.about.source) == (before.about.model, before.about.source)
    assert after.about.finger == "the image finger.png, put in by vantay-fw redact"
    for index in pictures(before):
        assert before.tape.transfers[index].data != after.tape.transfers[index].data
    capsys.readouterr()
    assert main(["replay", str(out)]) == 0
    assert capsys.readouterr().out.endswith(": as expected\n")


@pytest.mark.usefixtures("umockdev")
def test_what_cannot_be_redacted_leaves_nothing_behind(
    tmp_path: Path, finger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(path for path in RECORDINGS.iterdir() if path.is_dir())
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    assert main(["redact", str(folder), "--out", str(full), "--finger", str(finger)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in full.iterdir()] == ["file"]
    out = tmp_path / "out"
    assert main(["redact", str(folder), "--out", str(out), "--seed", "-1"]) == 2
    assert "--seed is -1" in capsys.readouterr().err
    assert main(["redact", str(folder), "--out", str(out), "--finger", str(full / "file")]) == 2
    assert f"{full / 'file'} is not a readable image" in capsys.readouterr().err
    assert not out.exists()


def test_a_tape_without_the_captured_picture_is_refused() -> None:
    folder = RECORDINGS / "NB-1010-U_298d-1010_0.01"
    recording = read_recording(folder)
    strange, platen = np.zeros((180, 256), np.uint8), np.zeros((400, 300), np.uint8)
    with pytest.raises(BadRecording, match="is not found in it"):
        redact(recording.tape, recording.driver.model, recording.usb_id, strange, platen, [])
    with pytest.raises(BadRecording, match="nothing is known here of the pictures of a Camera"):
        redact(recording.tape, "Camera", recording.usb_id, strange, platen, [])


def test_a_picture_that_stands_in_another_place_too_is_refused() -> None:
    part = bytes([0x80, 0x21]) + bytes(23) + bytes(range(256)) * 2 + bytes(3)
    message = bytes(range(40, 80))
    tree = "@DEV /dev/x\n" + "".join(
        f"USBDEVFS_REAPURB 0 3 131 0 0 {len(data)} {len(data)} 0 {data.hex()}\n"
        for data in [part] * 90 + [message]
    )
    recording = read_recording(RECORDINGS / "NB-1010-U_298d-1010_0.01")
    picture = np.tile(np.arange(256, dtype=np.uint8), (180, 1))
    finger = np.full((400, 300), 200, np.uint8)
    with pytest.raises(BadRecording, match="25 runs of 16 bytes of its pictures would remain"):
        redact(IoctlTape(tree.encode()), recording.driver.model, recording.usb_id, picture, finger, [])


def test_serial_numbers_are_found_and_replaced_in_a_description() -> None:
    parents = "\nP: /devices\nA: serial=0000:00\n"
    text = "P: /x\nE: ID_SERIAL=Maker_{A1-77}\nE: ID_SERIAL_SHORT=A1-77\nA: serial={A1-77}\\n\n" + parents
    serials = serials_in(text)
    assert serials == ["{A1-77}", "A1-77"]
    assert without_serials_text(text, serials) == (
        "P: /x\nE: ID_SERIAL=Maker_REDACTE\nE: ID_SERIAL_SHORT=REDAC\nA: serial=REDACTE\\n\n" + parents
    )
    assert without_serials_text("A: serial=7\\n\nA: x=7\\n", ["7"]) == "A: serial=0\\n\nA: x=7\\n"


def test_serial_numbers_are_replaced_in_what_a_device_sends() -> None:
    transfers = [
        Transfer(0x80, b"", b"\x0c\x03" + "AB-17".encode("utf-16-le")),
        Transfer(0x80, b"", b"..AB-17.."),
    ]
    found = without_serials(transfers, {1: b"now AB-17"}, ["AB-17", "n"])
    assert found == {0: b"\x0c\x03" + "REDAC".encode("utf-16-le"), 1: b"now REDAC"}


def test_pictures_that_differed_differ_again_and_the_captured_one_is_the_finger() -> None:
    moved: Sequence[bool] = [False, True, False, True, True]
    others = alternated(6, 3, moved.__getitem__, {True: b"f", False: b"e"})
    assert others == [b"e", b"e", b"f", b"f", b"e", b"f"]
