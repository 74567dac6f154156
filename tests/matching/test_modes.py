"""The tests of the kernels against their twins once more: without the compiler, and with bounds checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matching.kernels._jit import JITTED

HERE = Path(__file__).parent
KERNEL_TESTS = [
    str(HERE / f"test_{name}.py")
    for name in (
        "comparison_kernels",
        "ridges",
        "detect",
        "local_statistics",
        "place",
        "ridge_code",
        "ridge_flow",
        "search_code",
        "skeleton",
    )
]
PLAIN, CHECKED = {"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_BOUNDSCHECK": "1"}
BEYOND = """
import numpy as np
from matching.kernels._jit import kernel

@kernel
def beyond(values, place):
    return values[place]

assert beyond(np.arange(3), 1) == 1
try:
    beyond(np.arange(3), 1000)
except IndexError:
    print("refused")
"""

pytestmark = pytest.mark.skipif(not JITTED, reason="starts the compiler's modes by itself")


def run(mode: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**environment, **mode},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("mode", [PLAIN, CHECKED], ids=["plain", "checked"])
def test_kernels_equal_their_twins_in_every_mode(mode: dict[str, str]) -> None:
    done = run(mode, "-m", "pytest", "-q", "-p", "no:cacheprovider", *KERNEL_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("mode", [PLAIN, CHECKED], ids=["plain", "checked"])
def test_a_mode_refuses_what_lies_beyond_an_array(mode: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "beyond.py").write_text(BEYOND)
    done = run(mode, str(tmp_path / "beyond.py"))
    assert done.stdout == "refused\n", done.stderr
