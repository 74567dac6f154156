"""The only rung that is evidence about hardware: a recorded scanner, the real libusb, byte for byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.mark.real_data
def test_the_recorded_hamster_pro_20_gives_the_expected_picture(real_data: Path, tmp_path: Path) -> None:
    if shutil.which("umockdev-run") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must replay the recording: apt-get install umockdev libusb-1.0-0")
        pytest.skip("no umockdev-run here: apt-get install umockdev libusb-1.0-0")
    recording = real_data / "usb" / "secugen"
    device = recording / "device"
    sysfs = "/sys" + device.read_text().splitlines()[0].removeprefix("P: ")
    replay = ["umockdev-run", "-d", str(device), "-p", f"{sysfs}={recording / 'capture.pcapng'}", "--"]
    out = tmp_path / "captured.npy"
    program = [sys.executable, "-m", "tests.drivers.replayed", str(out)]
    done = subprocess.run([*replay, *program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "serial='H54200803643', firmware='22.06', location='usb:7-4'" in done.stdout
    expected = np.asarray(Image.open(recording / "capture.png").convert("L"))
    captured = np.load(out)
    assert captured.shape == expected.shape == (400, 300)
    assert np.corrcoef(captured.ravel(), expected.ravel())[0, 1] > 0.994
