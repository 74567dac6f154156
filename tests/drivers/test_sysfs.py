"""Whether a device that failed has left its port."""

import threading
from pathlib import Path

import pytest

from drivers import sysfs


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sysfs, "DEVICES", tmp_path)
    folder = tmp_path / "1-2"
    folder.mkdir()
    (folder / "devnum").write_text("7\n")
    (folder / "serial").write_text("A-1\n")
    return folder


def test_attributes_are_read_and_what_is_not_there_is_empty(port: Path) -> None:
    assert sysfs.attribute("usb:1-2", "serial") == "A-1"
    assert sysfs.number("usb:1-2") == "7"
    assert sysfs.attribute("usb:1-2", "product") == sysfs.number("usb:1-3") == ""
    assert sysfs.number("usbip://127.0.0.1:3240/1-2") == ""


def test_a_device_that_stays_has_not_left(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysfs, "GONE_SECONDS", 0.1)
    assert not sysfs.has_left("usb:1-2", "7")


def test_a_device_that_is_gone_a_moment_later_has_left(port: Path) -> None:
    threading.Timer(0.1, (port / "devnum").unlink).start()
    assert sysfs.has_left("usb:1-2", "7")


def test_another_device_at_the_port_means_that_it_has_left(port: Path) -> None:
    threading.Timer(0.1, lambda: (port / "devnum").write_text("8\n")).start()
    assert sysfs.has_left("usb:1-2", "7")


def test_a_device_whose_number_was_never_known_has_not_left(port: Path) -> None:
    assert not sysfs.has_left("usb:1-9", "")
    assert not sysfs.has_left("usbip://127.0.0.1:3240/1-2", "")
