"""`vantay-fw record` but for the kernel's part: a bus of events stands for /dev/usbmonN."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from fwtools.cli import main
from fwtools.commands import record
from fwtools.recording.about import read_about
from fwtools.recording.sysfs import UsbDevice
from fwtools.recording.urb import read_urbs
from tests.fwtools.recording.parts import RECORDINGS, Bus, usbmon

EVENTS = [usbmon("S"), usbmon("C", b"picture")]


class Opened(Bus):
    """A bus that is opened and closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader at port 1-1, number 9 of bus 2."""
    folder = tmp_path / "1-1"
    folder.mkdir()
    for name, text in (("idVendor", "298d\n"), ("idProduct", "1010\n"), ("product", "NB-1010-U\n")):
        (folder / name).write_text(text)
    monkeypatch.setattr(record, "at_port", lambda port: UsbDevice(folder, 2, 9))
    monkeypatch.setattr(record, "describe", lambda device: "P: /devices/usb2/1-1\n")
    monkeypatch.setattr("os.setpriority", lambda *_: None)
    return folder


def recorded(monkeypatch: pytest.MonkeyPatch, out: Path, bus: Opened, *command: str) -> int:
    monkeypatch.setattr(record, "Usbmon", lambda number: bus)
    how = ["--usb", "1-1", "--out", str(out), "--source", "a reader", "--finger", "a rubber"]
    return main(["record", *how, "--", sys.executable, "-c", *command])


@pytest.mark.usefixtures("device")
def test_a_command_is_recorded_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "recording"
    assert recorded(monkeypatch, out, Opened(EVENTS), "pass") == 0
    assert capsys.readouterr().out == f"record: 2 events in {out}\n"
    assert [urb.data for urb in read_urbs((out / "capture.pcapng").read_bytes())] == [b"", b"picture"]
    assert (out / "device").read_text() == "P: /devices/usb2/1-1\n"
    about = read_about(out)
    assert about is not None
    assert (about.model, about.usb_id, about.finger, about.picture) == (
        "NB-1010-U",
        "298d:1010",
        "a rubber",
        None,
    )
    assert about.source.startswith("a reader on Linux ")


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("bus", "program", "told"),
    [
        (
            Opened(EVENTS),
            "raise SystemExit(3)",
            "the command ended with exit code 3; what was recorded until then",
        ),
        (Opened(EVENTS, lost=5), "pass", "usbmon lost 5 events"),
        (
            Opened([usbmon("C", b"x", length=300_000)]),
            "pass",
            "a URB of 300000 bytes was cut off: usbmon holds 245760",
        ),
        (Opened([]), "pass", "nothing passed between the device and its host"),
    ],
)
def test_a_recording_that_is_not_whole_is_kept_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, bus: Opened, program: str, told: str
) -> None:
    out = tmp_path / "out"
    assert recorded(monkeypatch, out, bus, program) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in out.iterdir()) == ["capture.pcapng", "device", "recording.toml"]


@pytest.mark.usefixtures("device")
def test_what_is_there_already_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert recorded(monkeypatch, tmp_path, Opened(EVENTS), "pass") == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["1-1"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "name the device with --usb BUS-PORT, or with --bus N --device M"),
        (["--usb", "1-1", "--bus", "1"], "name the device with"),
        (["--bus", "1"], "name the device with"),
        (["--usb", "1-1", "--capture", "--", "true"], "give --capture or a command, not both"),
        (["--usb", "1-1", "--", "no-such-program"], "there is no program no-such-program"),
    ],
)
def test_an_order_that_is_not_clear_is_refused(
    tmp_path: Path, capsys: Any, options: list[str], told: str
) -> None:
    assert main(["record", "--out", str(tmp_path / "out"), *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("umockdev")
def test_without_usbmon_it_says_what_to_load_and_needs_only_an_interpreter(tmp_path: Path) -> None:
    """In a process without this environment's packages, before a device that umockdev shows."""
    root = Path(__file__).parents[3]
    path = f"{root}:{root / 'firmware-tools'}"
    out = tmp_path / "out"
    shown = ["umockdev-run", "-d", str(RECORDINGS / "NB-1010-U_298d-1010_0.01" / "device"), "--", "env"]
    program = [f"PYTHONPATH={path}", sys.executable, "-S", "-m", "fwtools.cli", "record", "--usb", "1-1"]
    done = subprocess.run(
        [*shown, *program, "--out", str(out), "--", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "vantay-fw: there is no /dev/usbmon1: load the kernel's module (modprobe usbmon), as root\n"
    )
    assert not out.exists()
