"""Compiled kernels that are long unused are cleared away, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matching.stale_kernels import remove_stale

DAY = 86400.0
NOW = 1_800_000_000.0
OWN = "kernels-0.2.0-0123456789ab-plain"


def made(folder: Path, name: str, days: float) -> Path:
    path = folder / name
    (path / "matching").mkdir(parents=True)
    (path / "matching" / "a.nbc").write_bytes(b"compiled")
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))
    return path


def test_only_what_is_long_unused_goes(tmp_path: Path) -> None:
    own = made(tmp_path, OWN, 400)
    old = made(tmp_path, "kernels-0.1.0-ffffffffffff-checked", 31)
    kept = [
        own,
        made(tmp_path, "kernels-0.1.0-aaaaaaaaaaaa-plain", 29),  # a booth of another release, still in use
        made(tmp_path, "kernels-0.3.0-bbbbbbbbbbbb-plain", -400),  # of a clock that was ahead
        made(tmp_path, "demo-people-0.1.0", 400),
        made(tmp_path, "kernels-0.1.0-plain", 400),
        made(tmp_path, "my-kernels-0.1.0-cccccccccccc-plain", 400),
    ]
    assert remove_stale(own, NOW) == [old.name]
    assert not old.exists()
    assert all((path / "matching" / "a.nbc").exists() for path in kept)
    assert remove_stale(own, NOW) == []


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    elsewhere = made(tmp_path / "elsewhere", "kernels-0.1.0-aaaaaaaaaaaa-plain", 400)
    folder = tmp_path / "cache"
    own = made(folder, OWN, 0)
    (folder / elsewhere.name).symlink_to(elsewhere)
    assert remove_stale(own, NOW) == []
    assert (elsewhere / "matching" / "a.nbc").exists()


@pytest.mark.parametrize("disabled", ["0", "1"])
def test_a_start_marks_its_own_as_used(tmp_path: Path, disabled: str) -> None:
    environment = {**os.environ, "VANTAY_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": disabled}
    start = [sys.executable, "-c", "import matching.kernels._jit as j; print(j.cache_directory())"]
    own = Path(
        subprocess.run(start, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    )
    assert own.exists() == (disabled == "0")
    if own.exists():
        os.utime(own, (0, 0))
        subprocess.run(start, env=environment, capture_output=True, check=True)
        assert own.stat().st_mtime > 0
