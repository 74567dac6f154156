"""The only rung that is evidence about hardware: a recorded scanner, the real libusb, byte for byte."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fwtools.recording.about import Capture
from fwtools.recording.folder import read_recording
from fwtools.recording.replaying import Replayed, replay, run_under_umockdev

ONE_PICTURE = Capture(settle_frames=0, empty_first=False)  # as libfprint took it


def replayed(folder: Path, capture: Capture = ONE_PICTURE) -> Replayed:
    return replay(read_recording(folder), capture)


def expected_picture(recording: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(recording / "capture.png").convert("L"))


@pytest.mark.real_data
@pytest.mark.usefixtures("umockdev")
def test_the_recorded_hamster_pro_20_gives_the_expected_picture(real_data: Path) -> None:
    """The whole recording in order: to the light that goes off."""
    recording = real_data / "usb" / "secugen"
    got = replayed(recording)
    assert (got.serial, got.firmware, got.location) == ("H54200803643", "22.06", "usb:7-4")
    expected = expected_picture(recording)
    assert got.pixels.shape == expected.shape == (400, 300)
    assert np.corrcoef(got.pixels.ravel(), expected.ravel())[0, 1] > 0.994


@pytest.mark.real_data
@pytest.mark.usefixtures("umockdev")
def test_the_recorded_nb_1010_u_gives_the_expected_picture_bit_for_bit(real_data: Path) -> None:
    recording = real_data / "usb" / "nb1010"
    got = replayed(recording)
    assert (got.model, got.serial, got.firmware, got.location) == ("NEXT NB-1010-U", "", "0.01", "usb:1-7")
    np.testing.assert_array_equal(got.pixels, expected_picture(recording))


@pytest.mark.real_data
@pytest.mark.usefixtures("umockdev")
def test_the_recorded_u_are_u_4500_gives_the_expected_picture_bit_for_bit(real_data: Path) -> None:
    """From power-up to the lifted finger and power-off; the picture is inverted and turned, as expected."""
    recording = real_data / "usb" / "uru4000-4500"
    got = replayed(recording, Capture(settle_frames=0, empty_first=False, until="lifted"))
    serial = "{FB0B9071-2E08-7742-BC16-2FAA247CEF66}"
    assert (got.serial, got.firmware, got.location) == (serial, "0115/0010", "usb:1-10")
    np.testing.assert_array_equal(got.pixels, expected_picture(recording))


@pytest.mark.real_data
@pytest.mark.usefixtures("umockdev")
def test_what_the_device_does_not_answer_ends_in_time_and_libusb_gives_every_read_back(
    real_data: Path,
) -> None:
    recording = read_recording(real_data / "usb" / "uru4000-4500")
    said = run_under_umockdev(recording, "tests.drivers.waiting").splitlines()
    silence = "timeout: the scanner at usb:1-10 did not answer in time while reading 111424 bytes from it"
    assert said == ["None", silence, silence, "None", "closed"]
