"""The recorder with a bus that stands for /dev/usbmonN; the real one is the kernel rung's."""

import io
import os
import signal
import sys
from typing import Any

import pytest

from fwtools.errors import ToolError
from fwtools.recording import recorder
from fwtools.recording.recorder import record, until_signal, while_running
from fwtools.recording.sysfs import UsbDevice
from fwtools.recording.urb import read_urbs
from fwtools.recording.usbmon import Usbmon
from tests.fwtools.recording.parts import Bus, usbmon

DEVICE = UsbDevice(None, 2, 9)  # type: ignore[arg-type]


def recorded(bus: Bus, running: int = 0) -> tuple[recorder.Recorded, list[Any]]:
    file, left = io.BytesIO(), [True] * running
    result = record(bus, DEVICE, file, lambda: bool(left) and left.pop())  # type: ignore[arg-type]
    return result, list(read_urbs(file.getvalue()))


@pytest.fixture(autouse=True)
def _as_kind_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "setpriority", lambda *_: None)  # this process goes on to test


def test_only_the_device_s_events_are_kept_also_those_after_the_end() -> None:
    bus = Bus([usbmon("S"), usbmon("C", b"x", device=8), usbmon("C", b"abc"), usbmon("S")])
    result, urbs = recorded(bus, running=1)
    assert (result.events, result.lost, result.cut) == (3, 0, None)
    assert [urb.data for urb in urbs] == [b"", b"abc", b""]


def test_what_is_lost_or_cut_off_is_told() -> None:
    result, urbs = recorded(Bus([usbmon("C", b"abc", length=300_000)], lost=4))
    assert (result.lost, result.cut) == (4, 300_000)
    assert len(urbs) == 1


def test_what_waits_is_written_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING", 1000)
    written = []

    class File(io.BytesIO):
        def write(self, data: Any) -> int:
            written.append(len(data))
            return super().write(data)

    record(Bus([usbmon("C", bytes(400))] * 50), DEVICE, File(), lambda: False)  # type: ignore[arg-type]
    assert len(written) > 10
    assert max(written) < 2000


def test_a_command_is_run_to_its_end_and_its_code_is_known() -> None:
    with while_running([sys.executable, "-c", "raise SystemExit(3)"], None) as process:
        while process.running():
            pass
        assert process.code() == 3


def test_a_command_that_does_not_end_is_ended_by_a_signal_and_gone() -> None:
    before = signal.getsignal(signal.SIGINT)
    with while_running([sys.executable, "-c", "import time; time.sleep(60)"], None) as process:
        assert process.running()
        os.kill(os.getpid(), signal.SIGINT)
        while process.running():
            pass
        assert process.code() == -signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is before


def test_a_command_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(ToolError, match="no-such-program cannot be started"),
        while_running(["no-such-program"], None),
    ):
        pass


def test_a_signal_ends_listening() -> None:
    with until_signal() as going:
        assert going()
        os.kill(os.getpid(), signal.SIGTERM)
        assert not going()


def test_without_usbmon_it_says_what_to_load() -> None:
    with pytest.raises(
        ToolError, match=r"there is no /dev/usbmon9999: load the kernel's module \(modprobe usbmon\)"
    ):
        Usbmon(9999)
