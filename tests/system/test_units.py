"""The systemd units: valid, and no more exposed than stated."""

import subprocess
from pathlib import Path

import pytest

from tests.system.production import CONFIGURATION, needed

EXPOSURE = 25  # tenths of systemd-analyze's exposure level; fprintd's is 52, mosquitto's 96


UNITS = ["vantay-booth.service", "vantay-hub.service", "vantay-ministry.service", "vantay-gallery.service"]


@pytest.mark.parametrize("unit", [*UNITS, "vantay-ministry.timer"])
def test_unit_is_valid(unit: str, tmp_path: Path) -> None:
    program = needed("systemd-analyze", "systemd")
    copy = tmp_path / unit  # the programs it names are not installed where tests run
    copy.write_text(
        "\n".join(
            line.replace("/opt/vantay/.venv/bin/vantay", "/bin/true")
            for line in (CONFIGURATION / unit).read_text().splitlines()
            if not line.startswith("Documentation=")
        )
    )
    done = subprocess.run([program, "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_little_exposed(unit: str) -> None:
    program = needed("systemd-analyze", "systemd")
    words = [program, "security", "--offline=true", f"--threshold={EXPOSURE}", CONFIGURATION / unit]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:]


def test_every_unit_runs_a_command_that_exists() -> None:
    from edge.cli import COMMANDS

    for path in CONFIGURATION.glob("*.service"):
        (start,) = [line for line in path.read_text().splitlines() if line.startswith("ExecStart=")]
        assert start.split()[1] in COMMANDS
