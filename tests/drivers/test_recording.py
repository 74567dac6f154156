"""The only rung that is evidence about hardware: a recorded scanner, the real libusb, byte for byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


def replay(device: Path, option: str, tape: str, out: Path, end: str, *numbers: str) -> str:
    """Capture one finger from a recorded scanner into a file; return what the program said."""
    return under_umockdev(device, option, tape, "tests.drivers.replayed", str(out), end, *numbers)


def under_umockdev(device: Path, option: str, tape: str, *program: str) -> str:
    """Run a module's program against a tape; return what it said."""
    if shutil.which("umockdev-run") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must replay the recording: apt-get install umockdev libusb-1.0-0")
        pytest.skip("no umockdev-run here: apt-get install umockdev libusb-1.0-0")
    command = ["umockdev-run", "-d", str(device), option, tape, "--"]
    python = [sys.executable, "-m", *program]
    done = subprocess.run([*command, *python], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def expected_picture(recording: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(recording / "capture.png").convert("L"))


@pytest.mark.real_data
def test_the_recorded_hamster_pro_20_gives_the_expected_picture(real_data: Path, tmp_path: Path) -> None:
    recording, out = real_data / "usb" / "secugen", tmp_path / "captured.npy"
    device = recording / "device"
    sysfs = "/sys" + device.read_text().splitlines()[0].removeprefix("P: ")
    said = replay(device, "-p", f"{sysfs}={recording / 'capture.pcapng'}", out, "looked")
    assert "serial='H54200803643', firmware='22.06', location='usb:7-4'" in said
    captured, expected = np.load(out), expected_picture(recording)
    assert captured.shape == expected.shape == (400, 300)
    assert np.corrcoef(captured.ravel(), expected.ravel())[0, 1] > 0.994


@pytest.mark.real_data
def test_the_recorded_nb_1010_u_gives_the_expected_picture_bit_for_bit(
    real_data: Path, tmp_path: Path
) -> None:
    recording, out = real_data / "usb" / "nb1010", tmp_path / "captured.npy"
    node = next(
        line.removeprefix("@DEV ")
        for line in (recording / "capture.ioctl").read_text().splitlines()
        if line.startswith("@DEV ")
    )
    said = replay(
        recording / "device", "-i", f"{node}={recording / 'capture.ioctl'}", out, "captured", "1", "3", "4"
    )
    assert "model='NEXT NB-1010-U', serial='', firmware='0.01', location='usb:1-7'" in said
    np.testing.assert_array_equal(np.load(out), expected_picture(recording))


@pytest.mark.real_data
def test_the_recorded_u_are_u_4500_gives_the_expected_picture_bit_for_bit(
    real_data: Path, tmp_path: Path
) -> None:
    """From power-up to the lifted finger and power-off; the picture is inverted and turned, as expected."""
    recording, out = real_data / "usb" / "uru4000-4500", tmp_path / "captured.npy"
    device = recording / "device"
    sysfs = "/sys" + device.read_text().splitlines()[0].removeprefix("P: ")
    seed = str(0x51EA2124)
    said = replay(device, "-p", f"{sysfs}={recording / 'capture.pcapng'}", out, "lifted", seed)
    serial = "serial='{FB0B9071-2E08-7742-BC16-2FAA247CEF66}', firmware='0115/0010', location='usb:1-10'"
    assert serial in said
    assert said.endswith("\nresting\n")
    np.testing.assert_array_equal(np.load(out), expected_picture(recording))


@pytest.mark.real_data
def test_what_the_device_does_not_answer_ends_in_time_and_libusb_gives_every_read_back(
    real_data: Path,
) -> None:
    recording = real_data / "usb" / "uru4000-4500"
    device = recording / "device"
    sysfs = "/sys" + device.read_text().splitlines()[0].removeprefix("P: ")
    tape = f"{sysfs}={recording / 'capture.pcapng'}"
    said = under_umockdev(device, "-p", tape, "tests.drivers.waiting").splitlines()
    silence = "timeout: the scanner at usb:1-10 did not answer in time while reading 111424 bytes from it"
    assert said == ["None", silence, silence, "None", "closed"]
