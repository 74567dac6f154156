"""SUPPORTED.md and the udev rules say what the drivers declare."""

from pathlib import Path

import pytest

from drivers.registry import known_drivers
from fwtools.cli import main
from fwtools.commands.supported import page

ROOT = Path(__file__).parents[2]


def test_supported_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """Run `vantay-fw supported > SUPPORTED.md` after a driver has changed."""
    assert main(["supported"]) == 0
    assert (ROOT / "SUPPORTED.md").read_text() == capsys.readouterr().out


def test_what_was_seen_on_a_model_only_is_never_said_to_enrol() -> None:
    rows = {
        row.split(" | ")[0][2:]: row.split(" | ")[-1] for row in page().splitlines() if row.startswith("| ")
    }
    for driver in known_drivers():
        assert not (driver.model_only and rows[driver.model].startswith("yes")), driver.model
    assert rows["Vantay virtual slap scanner"].startswith("nobody: it is no product")
    assert [driver.model for driver in known_drivers() if not driver.product] == [
        "Vantay virtual slap scanner"
    ]


def test_every_device_has_its_udev_rule() -> None:
    rules = (ROOT / "systemd" / "60-vantay.rules").read_text()
    for driver in known_drivers():
        for one in driver.ids:
            wanted = f'ATTR{{idVendor}}=="{one.vendor:04x}", ATTR{{idProduct}}=="{one.product:04x}"'
            assert wanted in rules, driver.model


def test_every_device_says_what_it_was_seen_on_and_has_a_checklist() -> None:
    rows = {
        row.split(" | ")[0][2:]: row.split(" | ")[2] for row in page().splitlines() if row.startswith("| ")
    }
    for driver in known_drivers():
        seen_on = "model only" if driver.model_only else "recording"
        assert rows[driver.model] == (seen_on if driver.product else "no product: a model of ours")
        assert driver.checks, f"{driver.model} has nothing for whoever has the hardware"
        checklist = page().split(f"### {driver.model}\n")[1].split("###")[0]
        assert checklist.count("- [ ] ") == len(driver.checks)
