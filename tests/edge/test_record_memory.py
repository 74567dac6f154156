"""A record of many large images is inspected and converted an image at a time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.cli import main
from matching import fir2005, fir2011, nist14
from matching.finger_image import PNG, FingerImage, compress, pixels_of

SIDE, MANY = 2048, 25  # 4 MiB an image when decoded
COMMAND = """
import sys
from pathlib import Path
from edge.cli import main
code = main(sys.argv[1:])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])  # rusage has the parent's in it
sys.exit(code)
"""


def peak(*arguments: str) -> int:
    """Run a command in a process of its own; its largest memory, in KiB."""
    ran = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "{record}"],
        ["convert", "{record}", "{target}", "--format", "fir2005"],
        ["convert", "{record}", "{target}", "--format", "fir2011"],
        ["convert", "{record}", "{target}", "--captured", "2026-01-05", "--format", "nist14"],
        ["convert", "{record}", "{target}", "--format", "png"],
    ],
    ids=["inspect", "fir2005", "fir2011", "nist14", "png"],
)
def test_many_images_take_no_more_memory_than_two(tmp_path: Path, command: list[str]) -> None:
    image = FingerImage(compress(np.full((SIDE, SIDE), 7, np.uint8), PNG), SIDE, SIDE, 500.0, PNG, 3)
    peaks = []
    for count in (2, MANY):
        record, target = tmp_path / f"{count}.fir", tmp_path / f"{count}.out"
        record.write_bytes(fir2011.write(*[image] * count))
        peaks.append(peak(*[part.format(record=record, target=target) for part in command]))
        if command[-1] == "png":
            assert len(list(tmp_path.glob(f"{count}-*.out"))) == count
        elif command[0] == "convert":
            standards = {"fir2005": fir2005, "fir2011": fir2011, "nist14": nist14}
            found = standards[command[-1]].read(target.read_bytes())
            assert len(found) == count
            assert all((pixels_of(one) == 7).all() for one in found)
    assert peaks[1] - peaks[0] < 4 * SIDE * SIDE / 1024  # of 23 images more: less than four


def test_a_record_that_turns_out_bad_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    good = FingerImage(compress(np.zeros((20, 20), np.uint8), PNG), 20, 20, 500.0, PNG, 3)
    (tmp_path / "in").write_bytes(fir2011.write(good, FingerImage(b"none", 20, 20, 500.0, PNG, 4)))
    (tmp_path / "out").write_bytes(b"before")
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--format", "fir2011"]) == 2
    assert (tmp_path / "out").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
