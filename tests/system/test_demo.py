"""The main job as a user runs it, on synthetic people and on real images; and what it says to bad input."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from matching.kernels._jit import cache_directory

VANTAY = Path(sys.executable).parent / "vantay"


def vantay(*words: str, seconds: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VANTAY, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.mark.system
def test_demo_with_five_synthetic_people(tmp_path: Path) -> None:
    kernels = str(cache_directory().parent)
    people = str(tmp_path / "cache")  # none are there yet: they are made first
    done = vantay("demo", TMPDIR=str(tmp_path), XDG_CACHE_HOME=people, VANTAY_CACHE_DIR=kernels)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    for said in (
        "already-enrolled",
        "is the one taken as right thumb",
        "without the right ring finger: enrolled, 9 fingers",
        "booth killed during the visit",
        "network cut during the visit",
        "each exactly once",
        "everything is as it should be",
    ):
        assert said in done.stdout


@pytest.mark.system
@pytest.mark.real_data
def test_demo_with_real_images(real_data: Path, tmp_path: Path) -> None:
    done = vantay("demo", "--scans", str(real_data / "fingerprints/fvc2002/DB1_B"), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "already-enrolled" in done.stdout
    assert "each exactly once" in done.stdout


@pytest.mark.system
def test_a_demo_killed_without_warning_leaves_no_process(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([VANTAY, "demo"], env=environment) as demo:
        while len(processes_with(f"TMPDIR={tmp_path}")) < 9:  # with the booth's two workers everything runs
            assert demo.poll() is None
            time.sleep(0.1)
        demo.kill()
        demo.wait()
        deadline = time.monotonic() + 30
        while (left := processes_with(f"TMPDIR={tmp_path}")) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert not left


def processes_with(variable: str) -> list[int]:
    """The processes that were started with this variable in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


@pytest.mark.system
def test_demo_on_a_missing_folder_says_so(tmp_path: Path) -> None:
    refused(vantay("demo", "--scans", str(tmp_path / "nowhere")), "is no folder")


@pytest.mark.system
def test_demo_on_an_empty_folder_says_what_it_wants(tmp_path: Path) -> None:
    refused(vantay("demo", "--scans", str(tmp_path)), "FINGER_IMPRESSION.png")


@pytest.mark.system
def test_demo_on_text_named_png_names_the_file(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("a_1.png", "a_2.png", "b_1.png", "b_2.png"):
        (scans / name).write_text("no picture")
    refused(vantay("demo", "--scans", str(scans), TMPDIR=str(tmp_path)), "a_1.png")


def test_unknown_command_names_the_known_ones() -> None:
    refused(vantay("enroll"), "booth, hub, gallery, demo")


def refused(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    """One sentence on standard error, no trace, exit code 2."""
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert sentence in lines[-1]
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("vantay: ")
