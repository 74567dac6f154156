"""The soak, bounded: every model, half of the captures disturbed. `make test-soak` is the whole of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import Worker, judged

ROOT = Path(__file__).parents[2]
LAST_LINE = r"captures=(\d+) faults=(\d+) hangs=0 wrong=0 unnamed=0 leaked_mib=\d+\.\d ms_per_capture=\d+\.\d"


@pytest.mark.system
def test_captures_under_faults_on_every_model() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--captures", "25", "--rate", "0.5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    figures = re.fullmatch(LAST_LINE, lines[-1])
    assert figures, lines[-1]
    assert int(figures[1]) >= 75
    assert int(figures[2]) > 15
    assert [line.split(":")[0] for line in lines[:-1]] == ["hamster", "nb1010", "uru4500"]


GOOD = {"captures": 5, "faults": 2, "seconds": 1.0, "leaked_mib": 0.5}


@pytest.mark.parametrize(
    "broken",
    [
        {"hangs": 1},
        {"wrong": 1},
        {"unnamed": 1},
        {"captures": 4},
        {"leaked_mib": 20.0},
        {"more_threads_or_files": 1},
    ],
)
def test_whatever_breaks_a_limit_on_any_model_fails_the_soak(
    broken: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    def workers(*reports: dict[str, float]) -> dict[str, Worker]:
        with subprocess.Popen(["true"], text=True) as process:
            process.wait()
        return {str(n): Worker(process, 0.0, 0, dict(report)) for n, report in enumerate(reports)}

    assert judged(5, workers(GOOD, GOOD)) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "captures=10 faults=4 hangs=0 wrong=0 unnamed=0 leaked_mib=0.5 ms_per_capture=200.0"
    assert judged(5, workers({**GOOD, **broken}, GOOD)) == 1
    assert judged(5, workers(GOOD, {})) == 1
