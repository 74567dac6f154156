"""Scripts of virtual scanners: what is refused, and what happens while one plays."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivers.api import Captured, Event, FingerOff, MachineOptions, Opened
from drivers.errors import DeviceFault, FaultKind
from drivers.next_nb_1010_u import DRIVER as NB1010
from drivers.session import Scanner, list_scanners, open_scanner
from fwtools.cli import main
from fwtools.virtual.nb1010 import Thermal
from tests.drivers.bench import ridges
from tests.fwtools.virtual_scanner import COMMAND, VirtualScanner, virtual_scanner, write_fingers

QUICK = MachineOptions(poll_seconds=0.005)
ONE = '[[scanner]]\nmodel = "nb1010"\nimages = "fingers"\n'
FINGER = '[[scanner.finger]]\nimage = "100_1.png"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fingers").mkdir()
    write_fingers(tmp_path / "fingers", 3)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'scanner' is missing"),
        ("scanner = []", "'scanner': must have at least 1 entries"),
        ("scanner = 3", "'scanner': must be a list"),
        ("scanner = [3]", "'scanner 1,': must be a table"),
        (ONE + "seed = 1.5", "'scanner 1, seed': must be a whole number"),
        (ONE.replace('"fingers"', "3"), "'scanner 1, images': must be text in quotes"),
        ("[[scanner]]", "'scanner 1, model' is missing"),
        ('[[scanner]]\nmodel = "fs99"', "'scanner 1, model': must be one of fs80, hamster, nb1010"),
        (ONE + "loop = 1", "'scanner 1, loop': must be true or false"),
        (ONE + 'serial = "a serial far too long"', "'scanner 1, serial': must be at most 15"),
        (ONE + "speed = 3", "'scanner 1, speed' is unknown"),
        (ONE + "[[scanner.finger]]", "'scanner 1, finger 1,': 'image' is missing, or a 'fault'"),
        (ONE + FINGER + "lies = -1", "'scanner 1, finger 1, lies': must be at least 0"),
        (ONE + FINGER + 'after = "soon"', "'scanner 1, finger 1, after': must be a number"),
        (ONE + FINGER + "artefact = 101", "'scanner 1, finger 1, artefact': must be at most 100"),
        (ONE + FINGER + "artefact = 7", "a virtual nb1010 detects no attacks"),
        (
            ONE + FINGER + 'fault = {kind = "fire"}',
            "'scanner 1, finger 1, fault kind': must be 'stall', 'short'",
        ),
        (ONE + FINGER + 'fault = {kind = "die", on = "bulk"}', "'on' does not belong to the fault die"),
        (ONE + ONE + FINGER + "lie = 2", "'scanner 2, finger 1, lie' is unknown"),
        (ONE + '[[scanner.finger]]\nimage = "101_9.png"', "there is no image '101_9.png'"),
        (ONE + '[[scanner.finger]]\nimage = "../x.toml"', "lies outside the folder"),
        (ONE.replace("fingers", "toes"), "there is no folder"),
        ('[[scanner]]\nmodel = "nb1010"', "'scanner 1, images' is missing, and there is no --scans"),
        (ONE + 'serial = "A"\n' + ONE + 'serial = "A"', "two scanners have the serial number A"),
        ("[[scanner]", "is no TOML"),
    ],
)
def test_a_bad_script_is_one_sentence_that_names_the_key(
    folder: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = folder / "x.toml"
    script.write_text(text)
    assert main(["virtual", "--script", str(script)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--script", "none.toml"], "the script none.toml cannot be read"),
        (["--script", "x.toml", "--model", "hamster"], "--script names the scanners"),
        (["--model", "hamster"], "name the folder of finger images with --scans"),
        (["--scans", "a", "--scans", "b"], "one for all scanners, or one for each"),
        (["--scans", "a", "--serial", "A", "--serial", "B"], "2 times --serial, but only 1 scanner(s)"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["virtual", *arguments]) == 2
    _, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1


def until(scanner: Scanner, kind: type[Event]) -> Event:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        event = scanner.step()
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__}")


def captured(scanner: Scanner) -> np.ndarray:
    scanner.arm()
    event = until(scanner, Captured)
    assert isinstance(event, Captured)
    until(scanner, FingerOff)
    return event.frame.pixels


SCRIPT = """
[[scanner]]
model = "nb1010"
serial = "LEFT"
images = "fingers"
[[scanner.finger]]                # a folder: its images one after another
image = "."
after = 0.4
lies = 2.0
[[scanner.finger]]                # the cable is out for a while, in the middle of an answer
fault = {kind = "unplug", bytes = 1000, seconds = 0.3}

[[scanner]]
model = "nb1010"
serial = "RIGHT"
images = "fingers"
loop = true
[[scanner.finger]]
image = "101_1.png"
after = 0.3
lies = 2.0
"""


def test_a_script_lays_fingers_down_and_pulls_the_cable(folder: Path) -> None:
    (folder / "x.toml").write_text(SCRIPT)
    command = [*COMMAND, "--script", str(folder / "x.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            virtual = VirtualScanner(process)
            assert [one["serial"] for one in virtual.where["scanners"]] == ["LEFT", "RIGHT"]
            assert [found.spec for found in list_scanners(virtual.usbip)] == [NB1010, NB1010]
            left = open_scanner(f"{virtual.usbip}/1-1", QUICK)
            until(left, Opened)
            for seed in range(3):
                assert np.array_equal(captured(left), Thermal().finger(ridges(seed))[1])
            with pytest.raises(DeviceFault) as fault:
                captured(left)
            assert fault.value.kind is FaultKind.UNPLUGGED
            left.close()
            assert [found.location for found in list_scanners(virtual.usbip)] == [f"{virtual.usbip}/1-2"]
            while len(list_scanners(virtual.usbip)) < 2:
                time.sleep(0.05)
            right = open_scanner(f"{virtual.usbip}/1-2", QUICK)
            until(right, Opened)
            assert np.array_equal(captured(right), Thermal().finger(ridges(1))[1])
            right.close()
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors


def test_an_image_that_goes_while_the_script_plays_is_one_sentence(folder: Path) -> None:
    (folder / "x.toml").write_text(ONE + FINGER)
    command = [*COMMAND, "--script", str(folder / "x.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        virtual = VirtualScanner(process)
        (folder / "fingers" / "100_1.png").unlink()
        scanner = open_scanner(virtual.usbip, QUICK)
        _, errors = process.communicate(timeout=30)
        scanner.close()
    assert process.returncode == 2
    assert "100_1.png is not a readable image" in errors
    assert "Traceback" not in errors


def test_three_models_at_once_each_from_its_folder(folder: Path) -> None:
    other = folder / "others"
    other.mkdir()
    write_fingers(other, 1)
    arguments = [
        "--scans",
        str(other),
        "--scans",
        str(folder / "fingers"),
        "--serial",
        "MINE",
        "--control",
        "0",
    ]
    models = ["--model", "uru4500", "--model", "hamster", "--model", "nb1010"]
    with virtual_scanner(folder / "fingers", *models, *arguments) as virtual:
        assert [(one["busid"], one["model"], one["serial"]) for one in virtual.where["scanners"]] == [
            ("1-1", "uru4500", "MINE"),
            ("1-2", "hamster", "V2200-000002"),
            ("1-3", "nb1010", "V2200-000003"),
        ]
        answer = virtual.ask(b'{"do": "lift"}\n')
        assert answer == {
            "ok": False,
            "error": 'say which scanner: "scanner" is one of 1-1, 1-2, 1-3, or its serial number',
        }
        assert virtual.ask(b'{"do": "put", "image": "102_1.png", "scanner": "1-2"}\n')["ok"] is False
        for number, found in enumerate(list_scanners(virtual.usbip), 1):
            scanner = open_scanner(found.location, QUICK)
            until(scanner, Opened)
            assert scanner.identity
            assert scanner.identity.serial in ("", "V2200-000002")
            scanner.arm()
            virtual.do("put", image="100_1.png", scanner=f"1-{number}")
            event = until(scanner, Captured)
            assert isinstance(event, Captured)
            assert event.frame.pixels.shape == (found.spec.height, found.spec.width)
            virtual.do("lift", scanner=f"1-{number}")
            until(scanner, FingerOff)
            scanner.close()


FAULTS: list[tuple[str, dict[str, object], FaultKind]] = [
    ("stall", {}, FaultKind.PROTOCOL),
    ("stall", {"on": "bulk"}, FaultKind.PROTOCOL),
    ("short", {"on": "bulk"}, FaultKind.PROTOCOL),
    ("slow", {"seconds": 2.0}, FaultKind.TIMEOUT),
    ("die", {"bytes": 700}, FaultKind.UNPLUGGED),
    ("unplug", {"bytes": 700}, FaultKind.UNPLUGGED),
]


def test_each_fault_on_the_wire_has_its_name_and_the_scanner_comes_back(folder: Path) -> None:
    def order(what: str, more: dict[str, object]) -> None:
        line = json.dumps({"do": what, **more}).encode() + b"\n"
        assert virtual.ask(line) == {"ok": True}

    with virtual_scanner(folder / "fingers", "--model", "nb1010", "--control", "0") as virtual:
        for what, more, kind in FAULTS:
            scanner = open_scanner(virtual.usbip, QUICK)
            until(scanner, Opened)
            scanner.arm()
            order(what, more)
            virtual.do("put", image="100_1.png")
            with pytest.raises(DeviceFault) as fault:
                until(scanner, FingerOff)
            assert fault.value.kind is kind, what
            scanner.close()
            virtual.do("lift")
            virtual.do("replug")
            wait_for(lambda: not virtual.do("status")["connected"])
            again = open_scanner(virtual.usbip, QUICK)
            until(again, Opened)
            virtual.do("put", image="100_1.png")
            again.arm()
            event = until(again, Captured)
            assert isinstance(event, Captured)
            assert np.array_equal(event.frame.pixels, Thermal().finger(ridges(0))[1]), what
            virtual.do("lift")
            until(again, FingerOff)
            again.close()
            wait_for(lambda: not virtual.do("status")["connected"])
        assert virtual.do("status")["faults_struck"] == {
            "stall": 2, "short": 1, "slow": 1, "die": 1, "unplug": 1
        }  # fmt: skip


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
